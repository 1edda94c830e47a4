import { type GLOBAL_OPTIONS, honours } from '../../src/cli/command.js';
import { COMMANDS } from '../../src/cli/table.js';

type Folders = Partial<Record<keyof typeof GLOBAL_OPTIONS, string>>;

/** The words of a command line, and behind them those of the folders that its command takes. */
export function placed(words: readonly string[], folders: Folders): string[] {
  const command = COMMANDS.find(({ name }) => name === words[0]);
  const taken = Object.entries(folders).filter(
    ([option]) => command !== undefined && honours(command, option),
  );
  return [...words, ...taken.flatMap(([option, folder]) => [`--${option}`, folder])];
}
