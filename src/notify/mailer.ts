/** Hands a mail to the local sendmail or to an SMTP server. */
import { isIP } from 'node:net';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import { isLoopback } from '../core/address.js';
import { within } from '../core/background.js';
import { messageOf } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import { NOTIFY_DEADLINE_MS } from '../core/timeouts.js';
import { DeliveryError } from './news.js';
import { runProgram } from './program.js';
import { readSecret } from './secret.js';

export type MailerSpec =
  /** A program with sendmail's arguments. */
  | { readonly kind: 'sendmail'; readonly path: string }
  | {
      readonly kind: 'smtp';
      readonly host: string;
      readonly port: number;
      /** TLS from the first byte; otherwise STARTTLS when it is offered. */
      readonly secure: boolean;
      readonly user?: string;
      readonly passwordFile?: string;
    };

export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

export interface MailerOptions {
  /** Name in HELO. */
  readonly host: string;
  readonly env: NodeJS.ProcessEnv;
  readonly deadlineMs?: number;
}

/**
 * The domain that an address without one gets: none from sendmail, which knows its own; `localhost`
 * on this host's server, where Postfix and Exim take it for theirs; else this host's name.
 */
export function domainFor(spec: MailerSpec, host: string): string | undefined {
  if (spec.kind === 'sendmail') return undefined;
  return isLoopback(spec.host) ? 'localhost' : host;
}

/** Resolves when the server or program has taken the mail; rejects with `DeliveryError`. */
export async function deliver(
  spec: MailerSpec,
  envelope: Envelope,
  message: Buffer,
  options: MailerOptions,
): Promise<void> {
  if (spec.kind === 'sendmail') await bySendmail(spec.path, envelope, message, options);
  else await bySmtp(spec, envelope, message, options);
}

/** sysexits.h: what the same mail would meet again. */
const PERMANENT_EXITS: ReadonlySet<number | null> = new Set([64, 65, 67, 68, 77]);

async function bySendmail(
  path: string,
  { from, to }: Envelope,
  message: Buffer,
  options: MailerOptions,
) {
  // -i: a lone dot ends nothing. Receivers after `--`, not -t: headers decide nothing. Local
  // mailers want bare line ends.
  const argv = [path, '-i', '-f', from, '--', ...to];
  const input = Buffer.from(message.toString('latin1').replaceAll('\r\n', '\n'), 'latin1');
  const deadlineMs = options.deadlineMs ?? NOTIFY_DEADLINE_MS;
  let outcome: Awaited<ReturnType<typeof runProgram>>;
  try {
    outcome = await runProgram(argv, { deadlineMs, input });
  } catch (cause) {
    throw new DeliveryError(
      'ERR_NOTIFY_SENDMAIL',
      `${path} cannot be started: ${messageOf(cause)}`,
      { cause },
    );
  }
  const { status, complaint } = outcome;
  if (status === 0) return;
  const how = status === null ? `was ended after ${deadlineMs} ms` : `ended with status ${status}`;
  throw new DeliveryError('ERR_NOTIFY_SENDMAIL', `${path} ${how}: ${said(complaint)}`, {
    permanent: PERMANENT_EXITS.has(status),
  });
}

async function bySmtp(
  spec: Extract<MailerSpec, { kind: 'smtp' }>,
  envelope: Envelope,
  message: Buffer,
  { host, env, deadlineMs = NOTIFY_DEADLINE_MS }: MailerOptions,
): Promise<void> {
  const password =
    spec.passwordFile === undefined ? undefined : readSecret({ file: spec.passwordFile }, env);
  const connection = new SMTPConnection({
    host: spec.host,
    port: spec.port,
    secure: spec.secure,
    name: isIP(host) === 0 ? host : `[${host}]`,
    connectionTimeout: deadlineMs,
    greetingTimeout: deadlineMs,
    socketTimeout: deadlineMs,
    dnsTimeout: deadlineMs,
    // A password never travels in the clear; without one, a local server without TLS is as good as
    // sendmail.
    requireTLS: password !== undefined && !spec.secure && !isLoopback(spec.host),
    // Mail servers meet without checking each other's certificates; a password is given to the
    // right one only.
    tls: { rejectUnauthorized: password !== undefined && !isLoopback(spec.host) },
  });
  const work = new Promise<void>((resolve, reject) => {
    const step = (next: () => void) => (error?: Error | null) => (error ? reject(error) : next());
    const send = () =>
      connection.send({ from: envelope.from, to: [...envelope.to] }, message, step(resolve));
    connection.once('error', reject);
    connection.once('end', () => reject(new Error('the server has hung up')));
    connection.connect(
      step(() => {
        if (password === undefined || spec.user === undefined) send();
        else connection.login({ user: spec.user, pass: password.reveal() }, step(send));
      }),
    );
  });
  try {
    await within(work, deadlineMs, () => new Error(`no end after ${deadlineMs} ms`));
    connection.quit();
  } catch (error) {
    connection.close();
    const { responseCode, code } = error as { responseCode?: number; code?: string };
    const words = said(password?.redact(messageOf(error)) ?? messageOf(error));
    throw new DeliveryError(
      'ERR_NOTIFY_SMTP',
      `the mail server ${spec.host}:${spec.port}: ${words}`,
      {
        // A wrong password may be put right; a refused receiver stays refused.
        permanent: responseCode !== undefined && responseCode >= 500 && code !== 'EAUTH',
      },
    );
  }
}

function said(text: string): string {
  return escapeUntrusted(text.trim().replace(/\s+/g, ' '), 300) || 'nothing said';
}
