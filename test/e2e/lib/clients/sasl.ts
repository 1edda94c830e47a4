/** The initial response of SASL PLAIN (RFC 4616). */
import type { Job } from './job.js';

/**
 * Text of single bytes goes as these bytes, so that a name need not be UTF-8; any other as UTF-8.
 */
export function bytesOf(text: string): Buffer {
  const isBytes = [...text].every(
    (character) => character.charCodeAt(0) < 256 && character.length === 1,
  );
  return Buffer.from(text, isBytes ? 'latin1' : 'utf8');
}

export function plain({ authzid = '', user, password }: Job): string {
  return bytesOf(`${authzid}\0${user}\0${password}`).toString('base64');
}
