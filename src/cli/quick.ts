/**
 * Command lines that scripts run all day, read without yargs, whose loading takes longer than
 * everything else together. Only the plainest are taken: a command word, words, and options of the
 * table written out. Anything else is yargs'.
 */
import { Args, type CommandDefinition, type OptionDefinition, optionsOf } from './command.js';

const QUICK: Readonly<Record<string, () => Promise<CommandDefinition>>> = {
  status: async () => (await import('./commands/status.js')).status,
  stats: async () => (await import('./commands/stats.js')).stats,
  banned: async () => (await import('./commands/banned.js')).banned,
  ban: async () => (await import('./commands/ban.js')).ban,
  unban: async () => (await import('./commands/unban.js')).unban,
  attempt: async () => (await import('./commands/attempt.js')).attempt,
  ping: async () => (await import('./commands/ping.js')).ping,
  run: async () => (await import('./commands/run.js')).run,
};

export interface QuickChoice {
  readonly command: CommandDefinition;
  readonly args: Args;
}

/** The command and its arguments, or undefined when yargs must look. */
export async function quickChoice(argv: readonly string[]): Promise<QuickChoice | undefined> {
  const [name = '', ...rest] = argv;
  const load = Object.hasOwn(QUICK, name) ? QUICK[name] : undefined;
  if (load === undefined) return undefined;
  const command = await load();
  const options = optionsOf(command);
  const values: Record<string, unknown> = {};
  const words: string[] = [];
  for (let index = 0; index < rest.length; index++) {
    const word = rest[index] as string;
    if (!word.startsWith('-')) {
      if (word === '') return undefined;
      words.push(word);
      continue;
    }
    const key = word.startsWith('--') ? word.slice(2) : (keyOf(options, word.slice(1)) ?? '');
    const option = Object.hasOwn(options, key) ? options[key] : undefined;
    if (option === undefined || key in values || option.choices !== undefined) return undefined;
    if (option.type === 'boolean') values[key] = true;
    else if (option.type === 'string') {
      const value = rest[++index];
      if (value === undefined || value === '' || value.startsWith('-')) return undefined;
      values[key] = value;
    } else return undefined;
  }
  return place(command, words, values) ? { command, args: new Args(values) } : undefined;
}

/** The option that a single letter stands for. */
function keyOf(
  options: Readonly<Record<string, OptionDefinition>>,
  letter: string,
): string | undefined {
  return Object.keys(options).find((key) => options[key]?.alias === letter);
}

/** Puts the words into the positionals; false when they do not fit. */
function place(
  command: CommandDefinition,
  words: readonly string[],
  values: Record<string, unknown>,
): boolean {
  let at = 0;
  for (const { name, required, many } of command.positionals ?? []) {
    const taken = many === true ? words.slice(at) : words.slice(at, at + 1);
    at += taken.length;
    if (required && taken.length === 0) return false;
    if (many === true) values[name] = taken;
    else if (taken.length > 0) values[name] = taken[0];
  }
  return at === words.length;
}
