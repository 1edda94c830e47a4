/**
 * A daemon's line in one JSON object, as log shippers and Docker's json-file write it. Only a
 * filter with `logtype = container` looks for one: an administrator says so, and vouches for what
 * puts the object together. Whoever could write a quote into it that is not escaped could end the
 * daemon's words where he likes.
 *
 * What is in doubt is no line: an object with a key twice or with two texts, one that was cut, a
 * part of a longer line. Nor is the object itself one: its other keys hold words of strangers, too.
 */

import { type Entry, goesOn } from '../core/entry.js';

/** Docker and Kubernetes; vector, fluent and most libraries; zap, Caddy; journald. */
const TEXT_KEYS = ['log', 'message', 'msg', 'MESSAGE'] as const;

/** The beginning of an object, behind blanks and colours of a terminal. */
const OBJECT = /^(?:\s|\x1b\[[\d;:]{0,32}m)*\{/;

/** Whether the message is an object, or begins like one. */
export function beginsObject({ message, whole }: Pick<Entry, 'message' | 'whole'>): boolean {
  return whole !== true && OBJECT.test(message);
}

/** The entry as if the daemon's line in its object were its message; undefined: there is none. */
export function entryInJson(entry: Entry): Entry | undefined {
  const { message, cutAt, fields } = entry;
  if (cutAt !== undefined || !beginsObject(entry) || goesOn((name) => fields.get(name)))
    return undefined;
  const text = textIn(message);
  return text === undefined ? undefined : { ...entry, message: text };
}

function textIn(message: string): string | undefined {
  let parsed: Readonly<Record<string, unknown>>;
  try {
    parsed = JSON.parse(message) as typeof parsed;
  } catch {
    return undefined;
  }
  const keys = outerKeys(message);
  // Of a key that stands twice the parser takes the last, others the first.
  if (new Set(keys).size < keys.length) return undefined;
  if (keys.some((key) => key.toLowerCase().includes('partial'))) return undefined;
  const [key, other] = TEXT_KEYS.filter((one) => keys.includes(one));
  const text = key === undefined || other !== undefined ? undefined : parsed[key];
  return typeof text === 'string' ? text : undefined;
}

/** The keys of the object itself, of text that was parsed. */
function outerKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (const [token, colon] of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gs)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && colon !== undefined)
      keys.push(JSON.parse(token.slice(0, -colon.length)) as string);
  }
  return keys;
}

/** Characters that some encoder writes as escapes, and what is no ASCII text. */
const ESCAPED = /[^ !#-%(-*,-.0-;=?-[\]-_a-~]+/;

/**
 * The longest part of a literal that encoders leave as it is; undefined when none is so long. Where
 * it does not stand in the object although the literal is in the text, `ANY_ESCAPE` does.
 */
export function literalInJson(literal: string, charsMin: number): string | undefined {
  const [longest = ''] = literal.split(ESCAPED).sort((a, b) => b.length - a.length);
  return longest.length < charsMin ? undefined : longest;
}

/** With it every escape of an ASCII character begins that JSON does not write in two characters. */
export const ANY_ESCAPE = '\\u00';
