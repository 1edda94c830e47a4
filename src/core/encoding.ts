/**
 * Names of encodings of text files: those of Python are understood beside the labels of the WHATWG
 * Encoding Standard.
 */

/**
 * The label of an encoding for `TextDecoder`; `auto` is UTF-8. It may be unknown: see `isEncoding`.
 */
export function encodingLabel(encoding: string): string {
  const name = encoding.toLowerCase().replaceAll('_', '-');
  if (name === 'auto' || name === '') return 'utf-8';
  if (name === 'utf-16') return 'utf-16le';
  if (name === 'latin-1') return 'latin1';
  return name.replace(/^cp(125\d)$/, 'windows-$1').replace(/^iso8859-/, 'iso-8859-');
}

/** True when text in this encoding can be read. */
export function isEncoding(encoding: string): boolean {
  try {
    new TextDecoder(encodingLabel(encoding));
    return true;
  } catch {
    return false;
  }
}
