/**
 * Completion scripts, made from the table of commands, and where the shells find them. They are
 * static: no script runs a command to learn the table.
 */

import type { CommandDefinition } from '../command.js';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { offeredCommands } from './model.js';
import { zshScript } from './zsh.js';

// Where the shells of an installation by npm find the completion scripts, as those of the Debian
// package below /usr/share.

const PLACES: readonly (readonly [Shell, string])[] = [
  ['bash', '/usr/local/share/bash-completion/completions/banjour'],
  ['zsh', '/usr/local/share/zsh/site-functions/_banjour'],
  ['fish', '/usr/local/share/fish/vendor_completions.d/banjour.fish'],
];

/** Every script for these commands, and its absolute path. */
export function completionFiles(table: readonly CommandDefinition[]): {
  readonly path: string;
  readonly text: string;
  readonly theirs: boolean;
}[] {
  return PLACES.map(([shell, path]) => ({
    path,
    text: completionScript(shell, table),
    theirs: false,
  }));
}

export type Shell = 'bash' | 'zsh' | 'fish';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript };

/** The script of the shell for these commands. */
export function completionScript(shell: Shell, table: readonly CommandDefinition[]): string {
  return SCRIPTS[shell](offeredCommands(table));
}
