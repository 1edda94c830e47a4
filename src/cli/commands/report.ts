/** `banjour report`: what happened in a time, on the terminal, as a page, JSON or a mail. */
import { writeFileSync } from 'node:fs';
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, messageOf, OperatorError } from '../../core/errors.js';
import { type EpochMicros, wallClock } from '../../core/time.js';
import { ledgerFile, type Paths, statusSocket } from '../../setup/paths.js';
import { sinceOf } from '../../tools/arguments.js';
import type { HostReport } from '../../tools/report/report.js';
import { type Terminal, tableWidth } from '../../tools/terminal.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const report: CommandDefinition = {
  name: 'report',
  summary: 'Report on a time: attempts, bans, users, networks, likely mistakes, alarms, health',
  details: [
    'The figures come from the ledger, and how the agent is now from the agent, where it runs. Without an agent the report says what is missing. Times are whole hours; the ledger counts for 62 days.',
    '--html writes one file with everything in it: no script, nothing from elsewhere. --mail sends the same by the mailer of notify.conf to the receivers in companion.conf, by which the companion can also send one every day or week: report = weekly below [notify]. docs/report.md says what each figure means.',
  ],
  options: {
    since: {
      type: 'string',
      describe:
        'From when on: a length before now (24h, 7d) or a time (default: 7d before --until)',
    },
    until: { type: 'string', describe: 'Up to when: the same (default: now)' },
    html: { type: 'string', describe: 'Write it into this file, as a page', complete: 'files' },
    mail: { type: 'boolean', describe: 'Send it by mail' },
  },
  honours: ['json', 'pager', 'config-dir', 'shipped-dir', 'run-dir', 'state-dir'],
  examples: [
    ['banjour report', 'The last seven days'],
    ['banjour report --since 30d --html report.html', 'A month as a page'],
    ['banjour report --since 24h --json', 'A day for programs'],
    ['banjour report --mail', 'The last week to the receivers in companion.conf'],
  ],
  exits: [[EXIT.noInput, 'there is no ledger, and no agent answers']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const now = wallClock.now();
  const [from, to] = [args.text('since'), args.text('until')];
  const until = to === undefined ? now : sinceOf(to);
  const since = from === undefined ? sinceOf('7d', until / 1000) : sinceOf(from);
  if (since >= until)
    throw new OperatorError('--since lies at or behind --until: there is no time between them', {
      hint: 'write e.g. --since 7d --until 1d',
    });
  const { makeReport } = await import('../../tools/report/report.js');
  const made = await makeReport({
    ...{ since, until: Math.min(until, now) as EpochMicros, now },
    client: new ControlClient(statusSocket(paths)),
    ledgerPath: ledgerFile(paths),
  });
  const file = args.text('html');
  if (file !== undefined) await writePage(file, made);
  const isMailed = args.flag('mail');
  if (isMailed) await mail(made, paths, terminal);
  if (args.flag('json')) terminal.out(`${JSON.stringify(made)}\n`);
  else if (file === undefined && !isMailed) {
    const { reportText } = await import('../../tools/report/text.js');
    terminal.out(reportText(made, tableWidth(terminal.stdout)));
  }
  return EXIT.ok;
}

/** The ledger names users and hosts: the page is for its owner alone. */
async function writePage(file: string, made: HostReport): Promise<void> {
  const { reportHtml } = await import('../../tools/report/html.js');
  try {
    writeFileSync(file, reportHtml(made), { mode: 0o600 });
  } catch (cause) {
    throw new OperatorError(`the page cannot be written: ${messageOf(cause)}`, {
      hint: 'name a file in a folder that you may write to',
      exitCode: EXIT.cannotCreate,
      cause,
    });
  }
}

/** Hands the report to the mailer, for the receivers that companion.conf names. */
async function mail(made: HostReport, paths: Paths, terminal: Terminal): Promise<void> {
  const [{ sendReport }, { letterOfReport }, { loadNotifyConfig }, { loadCompanionConfig }] =
    await Promise.all([
      import('../../notify/report-mail.js'),
      import('../../tools/report/letter.js'),
      import('../../setup/notify-config.js'),
      import('../../setup/companion-config.js'),
    ]);
  const { mailer, host } = loadNotifyConfig(paths);
  const { report: receivers } = loadCompanionConfig(paths);
  const letter = letterOfReport({ ...made, host });
  try {
    const date = new Date();
    await sendReport(letter, { mailer, receivers, host, env: terminal.env, date });
  } catch (cause) {
    throw new OperatorError(`the report was not sent: ${messageOf(cause)}`, {
      hint: 'the mailer stands in notify.conf, the receivers below [notify] in companion.conf',
      exitCode: EXIT.unavailable,
      cause,
    });
  }
  terminal.err(`sent to ${receivers.to.join(', ')}\n`);
}
