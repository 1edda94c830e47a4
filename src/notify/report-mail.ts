/**
 * The report by mail: when it is due, and that each is sent once. The clock, the report and the
 * mailer are given; nothing here waits by itself.
 */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { replaceFile } from '../control/positions.js';
import { Backoff } from '../core/backoff.js';
import { messageOf, OperatorError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { NOTIFY_BACKOFF_MS_MAX, NOTIFY_BACKOFF_MS_MIN } from '../core/timeouts.js';
import { addressOf, mimeOf } from './mail.js';
import { deliver, domainFor, type MailerSpec } from './mailer.js';

/** How often, and at which hour of the day (local time); a weekly one on Monday. */
export interface ReportSchedule {
  readonly every: 'daily' | 'weekly';
  readonly hour: number;
}

/** A report as it is sent. */
export interface ReportLetter {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

interface ReportReceivers {
  readonly to: readonly string[];
  readonly sender: string;
}

export interface ReportMailOptions {
  readonly mailer: MailerSpec;
  readonly receivers: ReportReceivers;
  /** This host's name. */
  readonly host: string;
  readonly env: NodeJS.ProcessEnv;
  /** Of the mail; the same report to the same receivers has the same id. */
  readonly date: Date;
}

/** Hands a report to the mailer. Rejects with `DeliveryError`. */
export async function sendReport(letter: ReportLetter, options: ReportMailOptions): Promise<void> {
  const { mailer, receivers, host, env, date } = options;
  const domain = domainFor(mailer, host);
  const full = (address: string) =>
    addressOf(domain === undefined || address.includes('@') ? address : `${address}@${domain}`);
  const envelope = { from: full(receivers.sender), to: receivers.to.map(full) };
  const key = createHash('sha256')
    .update(JSON.stringify([letter.subject, envelope]))
    .digest('hex');
  const message = mimeOf({
    from: { name: 'Banjour', address: envelope.from },
    to: envelope.to,
    subject: letter.subject,
    body: letter.text,
    html: letter.html,
    messageId: `report-${key.slice(0, 24)}@${host.replace(/[^\w.-]/g, '') || 'localhost'}`,
    date,
    headers: { 'X-Banjour-Report': 'yes' },
  });
  await deliver(mailer, envelope, message, { host, env });
}

/** The last time at or before `now` at which a report was due; the one before it for `step` 1. */
export function dueBefore({ every, hour }: ReportSchedule, now: Date, step = 0): Date {
  const due = new Date(now.getFullYear(), now.getMonth(), now.getDate(), hour);
  const days = every === 'daily' ? 1 : 7;
  if (every === 'weekly') due.setDate(due.getDate() - ((due.getDay() + 6) % 7));
  if (due > now) due.setDate(due.getDate() - days);
  // By the calendar: a day on which clocks change has 23 or 25 hours.
  due.setDate(due.getDate() - step * days);
  return due;
}

export interface ReportMailerOptions {
  readonly schedule: ReportSchedule;
  /** Where it is kept up to when reports were sent. */
  readonly statePath: string;
  readonly now: () => Date;
  /** Makes the report of a time. */
  readonly make: (since: Date, until: Date) => Promise<ReportLetter>;
  readonly send: (letter: ReportLetter, date: Date) => Promise<void>;
  readonly log: Log;
}

/** Sends each report once it is due; to be asked now and then. */
export class ReportMailer {
  readonly #options: ReportMailerOptions;
  #sent: Date;
  readonly #backoff = new Backoff({ first: NOTIFY_BACKOFF_MS_MIN, last: NOTIFY_BACKOFF_MS_MAX });
  #notBefore = 0;
  #isBusy = false;
  /** Why the last one was not sent; undefined when it was. */
  trouble: string | undefined;

  /** At a first start the first report is the next that becomes due. */
  constructor(options: ReportMailerOptions) {
    this.#options = options;
    const { schedule, now, statePath } = options;
    const kept = readSent(statePath);
    // A time ahead of the clock is of a clock that was wrong.
    this.#sent = kept === undefined || kept > now() ? dueBefore(schedule, now()) : kept;
    if (kept === undefined || kept > now()) writeSent(statePath, this.#sent);
  }

  /** Up to when reports were sent. */
  get sent(): Date {
    return this.#sent;
  }

  /** Sends the report that is due, if one is. Never throws: what fails is tried again later. */
  async look(): Promise<void> {
    const { schedule, now, make, send, log, statePath } = this.#options;
    const time = now();
    const due = dueBefore(schedule, time);
    if (this.#isBusy || due <= this.#sent || time.getTime() < this.#notBefore) return;
    this.#isBusy = true;
    try {
      await send(await make(dueBefore(schedule, time, 1), due), time);
      this.#sent = due;
      this.#backoff.reset();
      this.#notBefore = 0;
      this.trouble = undefined;
      writeSent(statePath, due);
      log('info', 'the report was sent');
    } catch (error) {
      this.trouble = messageOf(error);
      log('warning', `the report was not sent and is tried again: ${this.trouble}`);
      this.#notBefore = now().getTime() + this.#backoff.next();
    } finally {
      this.#isBusy = false;
    }
  }
}

/** Undefined at a first start, and where the file is none of ours. */
function readSent(path: string): Date | undefined {
  try {
    const { sent } = JSON.parse(readFileSync(path, 'utf8')) as { readonly sent?: unknown };
    const date = typeof sent === 'string' ? new Date(sent) : undefined;
    return date === undefined || Number.isNaN(date.getTime()) ? undefined : date;
  } catch {
    return undefined;
  }
}

function writeSent(path: string, sent: Date): void {
  try {
    replaceFile(path, `${JSON.stringify({ sent: sent.toISOString() })}\n`);
  } catch (cause) {
    throw new OperatorError(`${path} cannot be written: ${messageOf(cause)}`, {
      hint: 'its directory must belong to the companion (StateDirectory= of the unit, or --state-dir)',
      cause,
    });
  }
}
