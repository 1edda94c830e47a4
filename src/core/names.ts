/**
 * Names that must not be mixed up. Each has one function that makes it, the only cast of its kind.
 */
import { NAME_DOMAINS_MAX } from './limits.js';
import { SHARE_NAME_CHARS_MAX } from './service-limits.js';

export type JailName = string & { readonly __name: 'jail' };
export type FilterName = string & { readonly __name: 'filter' };
/** An opaque journal position (`sd_journal_get_cursor(3)`). */
export type Cursor = string & { readonly __name: 'cursor' };
/** Names one source of entries; the ledger keeps one position per source. */
export type SourceId = string & { readonly __name: 'source' };

const JAIL_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._@+ -]{0,62}[A-Za-z0-9])?$/;

/**
 * Checks a jail's name: 1-64 letters, digits, blanks and `. _ @ + -`, beginning and ending with a
 * letter or digit. It appears in log lines, set comments and file names, so nothing else is let in.
 * Returns undefined when the name is not acceptable.
 */
export function jailName(text: string): JailName | undefined {
  return JAIL_NAME.test(text) ? (text as JailName) : undefined;
}

/** Like `jailName`, for names known to be good: throws instead. */
export function mustJailName(text: string): JailName {
  const name = jailName(text);
  if (name === undefined) throw new RangeError(`not a jail name: ${JSON.stringify(text)}`);
  return name;
}

/** Takes any text as a filter's name; filters are looked up, never interpolated into commands. */
export function filterName(text: string): FilterName {
  return text as FilterName;
}

/** Takes the text libsystemd returned as a cursor; it is compared and handed back, never parsed. */
export function cursor(text: string): Cursor {
  return text as Cursor;
}

/** Takes a text as the identity of a source. */
export function sourceId(text: string): SourceId {
  return text as SourceId;
}

/** What a host may be called among those that share bans: no blank, no `@`, no `|`. */
export function isHostName(text: string): boolean {
  return text.length <= SHARE_NAME_CHARS_MAX && /^[\w.:-]+$/.test(text);
}

/** A user's name as names are compared: case and blanks around it make no other user. */
export function foldedUser(name: string): string {
  return name.trim().toLowerCase();
}

/** The part of a user's name before its domain, folded; undefined where it has none. */
export function localPart(name: string): string | undefined {
  const folded = foldedUser(name);
  const at = folded.lastIndexOf('@');
  return at > 0 ? folded.slice(0, at) : undefined;
}

/** What is left of a user's name without its last domain, and without those before it; folded. */
export function* localParts(name: string): Generator<string> {
  let part = localPart(name);
  for (let i = 0; part !== undefined && i < NAME_DOMAINS_MAX; i++, part = localPart(part))
    yield part;
}
