/** `banjour get`: options in force in the running agent, and where each comes from. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { statusSocket } from '../../setup/paths.js';
import { formatTable } from '../../tools/columns.js';
import { tableWidth } from '../../tools/terminal.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const get: CommandDefinition = {
  name: 'get',
  summary: 'Options in force in the running agent, and where each comes from',
  positionals: [
    {
      name: 'jail',
      describe: 'A jail; or an option of the agent, as loglevel',
      required: false,
      complete: 'jails',
    },
    { name: 'option', describe: 'One option; without it all', required: false },
  ],
  honours: ['json', 'pager', 'run-dir'],
  examples: [
    ['banjour get sshd bantime', 'One option'],
    ['banjour get sshd', 'All of a jail, with file and line'],
    ['banjour get loglevel', 'One option of the agent'],
    ['banjour get', 'All of the agent'],
  ],
  exits: [[EXIT.no, 'there is no such option, or it has no value']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const client = new ControlClient(statusSocket(paths));
  const first = args.text('jail');
  const agent = first === undefined ? await client.options() : undefined;
  let key = args.text('option');
  let view = agent;
  if (view === undefined && first !== undefined) {
    const { options } = await client.options();
    if (key === undefined && Object.hasOwn(options, first)) {
      view = { options };
      key = first;
    } else view = await client.jailOptions({ jail: first });
  }
  const options = view?.options ?? {};
  if (key === undefined) {
    terminal.out(
      args.flag('json')
        ? `${JSON.stringify(view)}\n`
        : tableOf(options, tableWidth(terminal.stdout)),
    );
    return EXIT.ok;
  }
  const list =
    key === 'ignoreip' || key === 'failregex' || key === 'ignoreregex' ? view?.[key] : undefined;
  const option = Object.hasOwn(options, key) ? options[key] : undefined;
  if (option === undefined && list === undefined)
    throw new OperatorError(`there is no option ${JSON.stringify(key)} with a value`, {
      hint: `there are: ${Object.keys(options).sort().join(', ')}`,
      exitCode: EXIT.no,
    });
  const value = list === undefined ? [option?.value ?? ''] : list;
  if (args.flag('json')) terminal.out(`${JSON.stringify(list ?? option)}\n`);
  else for (const line of value) terminal.out(`${escapeUntrusted(line, 65_536)}\n`);
  return EXIT.ok;
}

function tableOf(
  options: Awaited<ReturnType<ControlClient['options']>>['options'],
  width: number,
): string {
  return formatTable(
    [{ title: 'Option' }, { title: 'Value', shrink: true, widest: 1024 }, { title: 'From' }],
    Object.entries(options)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, { value, place, live }]) => [
        key,
        escapeUntrusted(value.replaceAll('\n', ' '), 65_536),
        live ? 'set by hand' : (place ?? 'built in'),
      ]),
    width,
  );
}
