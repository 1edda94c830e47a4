/** What completion offers beyond commands and options: names of jails, fixed words. Errors are silence. */
import { join } from 'node:path';
import { ControlClient } from '../control/client.js';
import type { CommandDefinition } from './command.js';
import { defaultPaths } from './paths.js';

/** A shell does not wait longer for the agent, ms. */
const PATIENCE_MS = 500;

/** Words that fit at the position after `words`, which begin with the program's name. */
export async function completedWords(
  words: readonly string[],
  table: readonly CommandDefinition[],
  runDirectory: string = defaultPaths().run,
): Promise<readonly string[]> {
  const command = table.find(({ name }) => name === words[1]);
  const positionals = command?.positionals ?? [];
  // The last word is the one that is being typed.
  const at = Math.max(0, words.length - 3);
  const position = positionals[at] ?? positionals.findLast(({ many }) => many);
  if (position?.complete === undefined) return [];
  return position.complete === 'jails' ? jails(runDirectory) : position.complete;
}

async function jails(runDirectory: string): Promise<readonly string[]> {
  const answer = new ControlClient(join(runDirectory, 'status.sock')).status().then(
    (view) => view.jails.map(({ jail }) => jail),
    () => [],
  );
  const tooLate = new Promise<readonly string[]>((resolve) => setTimeout(() => resolve([]), PATIENCE_MS).unref());
  return Promise.race([answer, tooLate]);
}
