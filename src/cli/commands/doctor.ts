/** `banjour doctor`: what is wrong with this installation, and the remedy of each. */
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { Finding, FindingLevel } from '../../core/finding.js';
import { escapeUntrusted } from '../../core/text.js';
import { companionSocket, ledgerFile, shareSocket, statusSocket } from '../../setup/paths.js';
import { wantsColour } from '../../tools/terminal.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const doctor: CommandDefinition = {
  name: 'doctor',
  summary: 'Check everything, and say what to type if something is wrong',
  details: [
    'Looks at the journal, the configuration, the firewall, the ledger, the running agent and the companion, and changes nothing.',
  ],
  honours: ['json', 'pager', 'config-dir', 'shipped-dir', 'run-dir', 'state-dir'],
  examples: [
    ['banjour doctor', 'All findings, the worst last'],
    ['banjour doctor --json | jq \'.[] | select(.level=="error")\'', 'For scripts'],
  ],
  exits: [[EXIT.no, 'at least one finding is an error']],
  run,
};

const ORDER: readonly FindingLevel[] = ['ok', 'note', 'warning', 'error'];
const MARKS: Readonly<Record<FindingLevel, string>> = {
  ok: 'ok     ',
  note: 'note   ',
  warning: 'WARNING',
  error: 'ERROR  ',
};
const COLOURS: Readonly<Record<FindingLevel, string>> = {
  ok: '\x1b[32m',
  note: '\x1b[36m',
  warning: '\x1b[33m',
  error: '\x1b[31m',
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const { examine } = await import('../../tools/doctor.js');
  const { startSurroundings } = await import('../../setup/check.js');
  const findings = await examine({
    configuration: { shippedRoot: paths.shipped, adminRoot: paths.config },
    ledgerPath: ledgerFile(paths),
    statusSocket: statusSocket(paths),
    companionSocket: companionSocket(paths),
    shareSocket: shareSocket(paths),
    surroundings: startSurroundings(paths),
  });
  const sorted = findings.toSorted((a, b) => ORDER.indexOf(a.level) - ORDER.indexOf(b.level));
  if (args.flag('json')) terminal.out(`${JSON.stringify(sorted)}\n`);
  else
    for (const finding of sorted)
      terminal.out(line(finding, wantsColour(terminal.stdout, terminal.env)));
  return findings.some(({ level }) => level === 'error') ? EXIT.no : EXIT.ok;
}

function line({ level, message, fix }: Finding, colour: boolean): string {
  const mark = colour ? `${COLOURS[level]}${MARKS[level]}\x1b[0m` : MARKS[level];
  return `${mark}  ${escapeUntrusted(message, 4096)}${fix === undefined ? '' : `\n         ${escapeUntrusted(fix, 4096)}`}\n`;
}
