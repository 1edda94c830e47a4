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

/**
 * Of a token of JSON that matters here: a text, with the colon behind it if it is a key, or a
 * bracket.
 */
const TOKEN = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/gs;

/** The keys of the object itself, of text that was parsed. */
function outerKeys(json: string): string[] {
  const keys: string[] = [];
  let depth = 0;
  for (const [token, colon] of json.matchAll(TOKEN)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && colon !== undefined)
      keys.push(JSON.parse(token.slice(0, -colon.length)) as string);
  }
  return keys;
}

/** What no regex has that was written for an object. */
const NOBODY = 'q'.repeat(64);

/**
 * The object in two other forms, by which a regex shows whether it knows the key of the address
 * that it found: with other names for the keys of all texts that are this address, and with the
 * address behind another key. Undefined where no text is the address, alone or with its port, or
 * where the object is in doubt.
 */
export function withoutKeyOf(address: string, json: string): readonly string[] | undefined {
  try {
    JSON.parse(json);
  } catch {
    return undefined;
  }
  const changes: { readonly key: Span; readonly at: number }[] = [];
  const outer: (Span | undefined)[] = [];
  let key: Span | undefined;
  for (const { 0: token, 1: colon, index } of json.matchAll(TOKEN)) {
    if (token === '{' || token === '[') outer.push(key);
    else if (token === '}' || token === ']') key = outer.pop();
    else if (colon !== undefined) key = [index, index + token.length - colon.length];
    else if (key !== undefined && isAddress(JSON.parse(token) as string, address))
      changes.push({ key, at: index });
  }
  if (changes.length === 0) return undefined;
  let [renamed, moved] = [json, json];
  for (const {
    key: [from, to],
    at,
  } of changes.reverse()) {
    renamed = `${renamed.slice(0, from)}"${NOBODY}"${renamed.slice(to)}`;
    moved = `${moved.slice(0, at)}"${NOBODY}","${NOBODY}":${moved.slice(at)}`;
  }
  return [renamed, moved];
}

type Span = readonly [from: number, to: number];

/** The text is the address, as servers write it with port, prefix or zone. */
function isAddress(text: string, address: string): boolean {
  const from = /^\[?(?:::f{4,6}:)?/i.exec(text)?.[0].length ?? 0;
  const at = text.startsWith(address) ? 0 : from;
  return (
    text.startsWith(address, at) &&
    /^(?:%\w{1,16})?\]?(?::\d{1,5}|\/\d{1,3})?$/.test(text.slice(at + address.length))
  );
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
