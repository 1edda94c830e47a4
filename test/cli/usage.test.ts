import { expect, jest, test } from '@jest/globals';
import { type CommandDefinition, type OptionDefinition, optionsOf } from '../../src/cli/command.js';
import { parseCommandLine } from '../../src/cli/command-line.js';
import { COMMANDS } from '../../src/cli/table.js';
import { EXIT, OperatorError } from '../../src/core/errors.js';

test.each([
  ['', 'no command is named', 'banjour --help lists the commands'],
  ['--json', 'no command is named', 'banjour --help lists the commands'],
  ['staus', 'there is no command "staus"', 'did you mean banjour status?'],
  ['staus --json', 'there is no command "staus"', 'did you mean banjour status?'],
  ['xyzzyxyzzy', 'there is no command "xyzzyxyzzy"', 'banjour --help lists the commands'],
  ['foo --limit 3', 'there is no command "foo"', /./],
  [
    'ban',
    'JAIL is missing behind "banjour ban": the jail to ban in: its ports are closed',
    'e.g. banjour ban sshd 192.0.2.1',
  ],
  [
    'ban sshd',
    'ADDRESS is missing behind "banjour ban sshd": addresses or prefixes',
    'e.g. banjour ban sshd 192.0.2.1',
  ],
  ['test', /^INPUT is missing behind "banjour test": /, /^e\.g\. banjour test /],
  ['config', /^ACTION is missing behind "banjour config": /, /^e\.g\. banjour config /],
  ['history --limit abc', '--limit takes a number, not "abc"', 'banjour history --help'],
  ['events -n x', '--count takes a number, not "x"', 'banjour events --help'],
  ['history --limit=1x', '--limit takes a number, not "1x"', 'banjour history --help'],
  [
    'events --only bam',
    '--only is one of found, ban, unban, ignored, refused, would-ban, takeover, under-attack, not "bam"; did you mean ban?',
    'banjour events --help',
  ],
  ['ban sshd 192.0.2.1 --bantime', '--bantime wants a value behind it', 'banjour ban --help'],
  [
    'status --jsn',
    'banjour status does not know "jsn"; did you mean --json?',
    'banjour status --help',
  ],
  [
    'status --nothing-like-it',
    'banjour status does not know "nothing-like-it"',
    'banjour status --help',
  ],
  [
    'completion bash --json',
    '--json means nothing to banjour completion',
    'banjour completion --help',
  ],
  ['--json service status', '--json means nothing to banjour service', 'banjour service --help'],
  ['ping --config-dir /etc/x', '--config-dir means nothing to banjour ping', 'banjour ping --help'],
  [
    'ban sshd 192.0.2.1 --state-dir=/x',
    '--state-dir means nothing to banjour ban',
    'banjour ban --help',
  ],
  ['events --no-pager', '--no-pager means nothing to banjour events', 'banjour events --help'],
  [
    'report --since 7d --since 1d',
    '--since is given more than once; banjour report takes it once',
    'banjour report --help',
  ],
  [
    '--json status --no-json',
    '--json is given more than once; banjour status takes it once',
    'banjour status --help',
  ],
  ['status sshd more', 'banjour status does not know "more"', 'banjour status --help'],
])('banjour %s: says what is wrong in our words', async (line, message, hint) => {
  const words = line.split(' ').filter((word) => word !== '');
  const thrown = await parseCommandLine(words, COMMANDS, '0', 80).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(OperatorError);
  const error = thrown as OperatorError;
  expect(error.exitCode).toBe(EXIT.usage);
  if (typeof message === 'string') expect(error.message).toBe(message);
  else expect(error.message).toMatch(message);
  if (typeof hint === 'string') expect(error.hint).toBe(hint);
  else expect(error.hint).toMatch(hint);
});

test('no option begins with no-, which would be the opposite of another one', () => {
  const names = COMMANDS.flatMap(({ name, options = {} }) =>
    Object.keys(options).map((option) => `${name} ${option}`),
  );
  expect(names.filter((name) => / no-/.test(name))).toEqual([]);
});

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  'the help of %s has the options that it takes, and no other',
  async (name, command) => {
    const { output } = await parseCommandLine([name, '--help'], COMMANDS, '0', 100);
    const shown = [...output.matchAll(/^ +(?:-\w, )?--([\w-]+)/gm)].map(([, option]) => option);
    expect(new Set(shown)).toEqual(
      new Set([...Object.keys(optionsOf(command)), 'help', 'version']),
    );
  },
);

test('a global option may stand before the command that takes it', async () => {
  const { command, args } = await parseCommandLine(
    ['--json', '--run-dir', '/x', '--no-pager', 'status'],
    COMMANDS,
    '0',
    80,
  );
  expect([command?.name, args.flag('json'), args.text('run-dir'), args.text('pager')]).toEqual([
    'status',
    true,
    '/x',
    'false',
  ]);
});

/** Ways to write one option once. */
function spellings(name: string, option: OptionDefinition): string[][] {
  const value = option.choices?.[0] ?? (option.type === 'number' ? '3' : 'x');
  const short = option.alias === undefined ? [] : [`-${option.alias}`];
  if (option.type === 'boolean')
    return [[`--${name}`], [`--no-${name}`], ...short.map((one) => [one])];
  return [[`--${name}`, value], [`--${name}=${value}`], ...short.map((one) => [one, value])];
}

/** The words of the command line that makes the command whole. */
const needed = ({ positionals = [] }: CommandDefinition) =>
  positionals.filter(({ required }) => required).map(() => 'word');

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  'an option of %s is refused when it is given twice in whatever way, unless it is a list',
  async (name, command) => {
    const parse = (...words: readonly string[]) =>
      parseCommandLine([name, ...words], [command], '0', 80);
    for (const [key, option] of Object.entries(optionsOf(command))) {
      const ways = spellings(key, option);
      for (const [at, first] of ways.entries()) {
        const second = ways[(at + 1) % ways.length] ?? [];
        const twice = parse(...first, ...needed(command), ...second);
        if (option.type === 'strings') expect((await twice).args.list(key)).toHaveLength(2);
        else
          await expect(twice).rejects.toThrow(
            `--${key} is given more than once; banjour ${name} takes it once`,
          );
      }
    }
  },
);

test('a help text is laid out for those who ask for it only', async () => {
  const measured = jest.spyOn(Intl.Segmenter.prototype, 'segment');
  const { command } = await parseCommandLine(['history', '--limit', '3'], COMMANDS, '0', 80);
  const forACommand = measured.mock.calls.length;
  const { output } = await parseCommandLine(['history', '--help'], COMMANDS, '0', 80);
  const forHelp = measured.mock.calls.length;
  measured.mockRestore();
  expect(command?.name).toBe('history');
  expect(output).toContain('--limit');
  expect([forACommand, forHelp > 0]).toEqual([0, true]);
});
