/** Bytes of log files to text. */
import { encodingLabel } from '../core/encoding.js';
import { OperatorError } from '../core/errors.js';
import type { Newline } from './text-file.js';

export interface Decode {
  /** `start` is the bytes' offset in the file: a byte order mark stands at 0 only. Invalid bytes become U+FFFD. */
  (bytes: Uint8Array, start: number): string;
  /** ASCII is written as in ASCII, so bytes can be searched undecoded. */
  readonly asciiBytes: boolean;
}

/**
 * The decoder of a `logencoding`: `auto` is UTF-8; Python's names are understood where they differ from the labels of
 * the WHATWG Encoding Standard. Throws OperatorError for others.
 */
export function decoderOf(encoding: string, path: string): Decode {
  const label = encodingLabel(encoding);
  const newline = newlineOf(encoding);
  let decoder: InstanceType<typeof TextDecoder>;
  try {
    decoder = new TextDecoder(label, { ignoreBOM: true });
  } catch (cause) {
    throw new OperatorError(`the encoding ${JSON.stringify(encoding)} of ${path} is not known`, {
      hint: 'write logencoding = auto, utf-8, iso-8859-1, windows-1252, utf-16le ...',
      cause,
    });
  }
  const decode = (bytes: Uint8Array, start: number) => {
    const text = decoder.decode(bytes);
    return start === 0 && text.startsWith('\ufeff') ? text.slice(1) : text;
  };
  return Object.assign(decode, { asciiBytes: newline === 'byte' });
}

/** How lines end in the encoding. */
export function newlineOf(encoding: string): Newline {
  const label = encodingLabel(encoding);
  return label === 'utf-16le' || label === 'utf-16be' ? label : 'byte';
}
