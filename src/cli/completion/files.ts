/** Where the shells of an installation by npm find the completion scripts, as those of the Debian package below /usr/share. */
import { COMMANDS } from '../table.js';
import { completionScript, type Shell } from './scripts.js';

const PLACES: readonly (readonly [Shell, string])[] = [
  ['bash', '/usr/local/share/bash-completion/completions/banjour'],
  ['zsh', '/usr/local/share/zsh/site-functions/_banjour'],
  ['fish', '/usr/local/share/fish/vendor_completions.d/banjour.fish'],
];

/** Every script and its absolute path. */
export function completionFiles(): { readonly path: string; readonly text: string; readonly theirs: boolean }[] {
  return PLACES.map(([shell, path]) => ({ path, text: completionScript(shell, COMMANDS), theirs: false }));
}
