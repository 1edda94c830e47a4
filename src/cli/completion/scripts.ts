/** Completion scripts, made from the table of commands. They are static: no script runs a command to learn the table. */
import type { CommandDefinition } from '../command.js';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { offeredCommands } from './model.js';
import { zshScript } from './zsh.js';

export type Shell = 'bash' | 'zsh' | 'fish';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** The script of the shell for these commands. */
export function completionScript(shell: Shell, table: readonly CommandDefinition[]): string {
  return SCRIPTS[shell](offeredCommands(table));
}
