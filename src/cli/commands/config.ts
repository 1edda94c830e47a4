/**
 * `banjour config`: checks the configuration, or shows what is in force and where it comes from.
 */
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const config: CommandDefinition = {
  name: 'config',
  summary: 'Check the configuration, or show what is in force and where it comes from',
  details: [
    'check prints every problem at once: file, line, key, value, what to write. Filters are compiled, and it looks whether a start would succeed: the log file, the ledger, the sources, programs, lists, names, and whoever is to be told. Root gets the answer for the user and the sandbox of banjour.service; an ordinary user is told what was not looked at. A source that is not there yet is a warning: it is waited for.',
    'show prints the effective configuration, each value with its origin; secrets are left out.',
  ],
  positionals: [
    { name: 'action', describe: 'check or show', required: true, complete: ['check', 'show'] },
  ],
  honours: ['json', 'pager', 'config-dir', 'shipped-dir', 'state-dir'],
  examples: [
    ['banjour config check', 'Before a reload or a start'],
    ['banjour config show', 'What is in force, and which file says so'],
  ],
  exits: [
    [EXIT.config, 'there are errors'],
    [EXIT.unavailable, 'nft is not installed'],
    [EXIT.cannotCreate, 'the ledger cannot be used'],
  ],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const action = args.text('action');
  const roots = { shippedRoot: paths.shipped, adminRoot: paths.config };
  if (action === 'check') {
    const { checkStart } = await import('../../setup/check.js');
    const { formatDiagnostics } = await import('../../config/show.js');
    const diagnostics = await checkStart(paths);
    const told = diagnostics.map(({ exitCode: _, ...diagnostic }) => diagnostic);
    terminal.out(`${args.flag('json') ? JSON.stringify(told) : formatDiagnostics(told)}\n`);
    const [first] = diagnostics.filter(({ level }) => level === 'error');
    return first === undefined ? EXIT.ok : (first.exitCode ?? EXIT.config);
  }
  if (action === 'show') {
    const { loadSetup } = await import('../../setup/load.js');
    const { configJson, showConfig } = await import('../../config/show.js');
    const { config: effective } = loadSetup(roots);
    terminal.out(args.flag('json') ? `${configJson(effective)}\n` : showConfig(effective));
    return EXIT.ok;
  }
  const { OperatorError } = await import('../../core/errors.js');
  throw new OperatorError(`no such action: ${JSON.stringify(action)}`, {
    hint: 'banjour config check   or   banjour config show',
  });
}
