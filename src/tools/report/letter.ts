/** A report as a mail: the same as text and as a page. */
import { ControlClient } from '../../control/client.js';
import { escapeUntrusted, formatCount } from '../../core/text.js';
import { type EpochMicros, wallClock } from '../../core/time.js';
import type { ReportLetter } from '../../notify/report-mail.js';
import { type Paths, statusSocket } from '../../setup/paths.js';
import { reportHtml } from './html.js';
import { type HostReport, makeReport } from './report.js';
import { minuteOf } from './sections.js';
import { reportText } from './text.js';

/** Columns of the text in a mail. */
const MAIL_WIDTH = 100;

export function letterOfReport(report: HostReport): ReportLetter {
  const { host, totals, since, until } = report;
  return {
    subject: `[Banjour] ${escapeUntrusted(host, 80)}: ${formatCount(totals.bans)} bans, ${formatCount(totals.attempts)} failed attempts, ${minuteOf(since)} to ${minuteOf(until)}`,
    text: reportText(report, MAIL_WIDTH),
    html: reportHtml(report),
  };
}

/** The report of a time as the agent tells it, for a process that may not read the ledger. */
export async function letterFromAgent(
  paths: Paths,
  since: Date,
  until: Date,
  host: string,
): Promise<ReportLetter> {
  const micros = (date: Date) => (date.getTime() * 1000) as EpochMicros;
  const report = await makeReport({
    since: micros(since),
    until: micros(until),
    now: wallClock.now(),
    client: new ControlClient(statusSocket(paths)),
    host,
  });
  return letterOfReport(report);
}
