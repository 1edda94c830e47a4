/** The part that mails the report every day or week. */
import { join } from 'node:path';
import { counted } from '../core/text.js';
import { ReportMailer, sendReport } from '../notify/report-mail.js';
import type { CompanionConfig, ReportConfig } from '../setup/companion-config.js';
import { loadNotifyConfig } from '../setup/notify-config.js';
import { companionState } from '../setup/paths.js';
import type { CompanionPart, PartHost, PartPlan } from './part.js';

/** Whether a report is due is looked at this often, ms. */
const LOOK_MS = 60_000;

export async function planReport(
  { report }: CompanionConfig,
  host: PartHost,
): Promise<PartPlan | undefined> {
  if (report.every === 'none') return undefined;
  const schedule = { every: report.every, hour: report.hour };
  const plan = {
    name: 'report' as const,
    lines: [`${schedule.every} report to ${report.to.join(', ')}`],
    start: async () => startReport(report, schedule, host),
  };
  try {
    const { mailer, host: name } = loadNotifyConfig(host.paths);
    return { ...plan, configuration: JSON.stringify({ report, mailer, name }) };
  } catch (problem) {
    return { ...plan, configuration: JSON.stringify(report), problem };
  }
}

function startReport(
  receivers: ReportConfig,
  schedule: { readonly every: 'daily' | 'weekly'; readonly hour: number },
  { paths, env, log, report }: PartHost,
): CompanionPart {
  const { mailer, host } = loadNotifyConfig(paths);
  const reports = new ReportMailer({
    schedule,
    statePath: join(companionState(paths), 'report.json'),
    now: () => new Date(),
    make: (since, until) => report(since, until, host),
    send: (letter, date) => sendReport(letter, { mailer, receivers, host, env, date }),
    log,
  });
  let looking = reports.look();
  const timer = setInterval(() => {
    looking = reports.look();
  }, LOOK_MS);
  return {
    summary: `${schedule.every} report to ${counted(receivers.to.length, 'receiver')}`,
    status: () => ({ sent: reports.sent.toISOString(), trouble: reports.trouble ?? null }),
    stop: async () => {
      clearInterval(timer);
      await looking;
    },
  };
}
