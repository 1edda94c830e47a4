/** The addresses and prefixes of a command line. */
import { parsePrefix } from '../core/address.js';
import { EXIT, OperatorError } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';

/** The words as they are. @throws OperatorError (65) naming those that are neither, before anything is changed. */
export function targetsOf(words: readonly string[]): readonly string[] {
  const wrong = words.filter((word) => parsePrefix(word) === undefined).map((word) => `"${escapeUntrusted(word)}"`);
  if (wrong.length === 0) return words;
  const are = wrong.length === 1 ? 'is not an address or prefix' : 'are not addresses or prefixes';
  throw new OperatorError(`${wrong.join(', ')} ${are}; nothing was changed`, {
    hint: 'write e.g. 192.0.2.1, 198.51.100.0/24 or 2001:db8::/64',
    exitCode: EXIT.dataError,
  });
}
