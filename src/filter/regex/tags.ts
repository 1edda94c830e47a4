/**
 * fail2ban's regex tags (`<HOST>`, `<F-USER>..</F-USER>` ...) as Python regex text. Facts after
 * fail2ban 1.1 (server/failregex.py, jail.conf(5)); the text is our own. Substitution is textual as
 * there, so that a tag inside a group or class means what users know; every character keeps the
 * offset it came from.
 */

import { nearest } from '../../core/text.js';

export interface Expanded {
  readonly text: string;
  /** Offset in the source of each character of `text`, and one more for its end. */
  readonly offsets: readonly number[];
}

const IP4 = String.raw`(?:::f{4,6}:)?(?P<ip4>\d{1,3}(?:\.\d{1,3}){3})`;
/**
 * Without the lookbehind of the original: before the last `:` there is always another. Checked with
 * net.isIP after. The last 32 bits may be an IPv4 address (`64:ff9b::192.0.2.1`), or only what
 * stands before its first dot would be taken. Three numbers are one that somebody has cut: taken
 * whole they are no address, while their beginning would be a stranger's. One number behind a dot
 * is a port, as BSD writes it, and a dot alone ends a sentence. A zone (RFC 4007, IFNAMSIZ) names a
 * link of this host.
 */
const IP6 = String.raw`(?P<ip6>(?:[\da-fA-F]{1,4}:{1,2}|::){1,7}(?:\d{1,3}(?:\.\d{1,3}){2,3}|[\da-fA-F]{1,4}|:))(?:%[\w.-]{1,15})?`;
const DNS = String.raw`(?P<dns>[\w.^-]*\w)`;
const CIDR = String.raw`(?P<cidr>\d+)`;
const ADDR = String.raw`\[?(?:${IP4}|${IP6})\]?`;
const HOST = `(?:${ADDR}|${DNS})`;
const SUBNET = String.raw`\[?(?:${IP4}|${IP6})(?:/${CIDR})?\]?`;

const FIXED: Readonly<Record<string, string>> = {
  IP4,
  'F-IP4/': IP4,
  IP6,
  'F-IP6/': IP6,
  ADDR,
  'F-ADDR/': ADDR,
  CIDR,
  'F-CIDR/': CIDR,
  SUBNET,
  'F-SUBNET/': SUBNET,
  DNS,
  'F-DNS/': DNS,
  'F-ID/': String.raw`(?P<fid>\S+)`,
  'F-PORT/': String.raw`(?P<fport>\w+)`,
};

/** Tags that stand for an address or a text. */
const TAGS = ['HOST', 'SKIPLINES', ...Object.keys(FIXED)];

/** Tags of so many characters may differ in two of them and still be meant. */
const LONG_TAG = 8;

/**
 * What is written as a tag, is none, and reads like one: `<HOTS>`. It would stand for itself, and
 * no line has it.
 */
export function misspeltTag(
  source: string,
): { readonly message: string; readonly offset: number; readonly fix: string } | undefined {
  for (const { 1: tag = '', index } of source.matchAll(/(?<!\(\?P?)<([A-Z][A-Z0-9-]*\/?)>/g)) {
    if (TAGS.includes(tag) || tag.startsWith('F-')) continue;
    const meant = nearest(tag, TAGS, tag.length < LONG_TAG ? 1 : 2);
    if (meant === undefined) continue;
    const message = `there is no tag <${tag}>, so it stands for itself`;
    return { message, offset: index, fix: `did you mean <${meant}>?` };
  }
  return undefined;
}

/** The group of `<F-NAME>`. */
function groupOf(name: string): string {
  const lower = name.toLowerCase();
  return lower === 'id' ? 'fid' : lower === 'port' ? 'fport' : lower;
}

class Writer {
  text = '';
  readonly offsets: number[] = [];
  constructor(private readonly origin: (offset: number) => number) {}
  /** Copies `text`, whose first character stands at `from`. */
  copy(text: string, from: number): void {
    this.text += text;
    for (let i = 0; i < text.length; i++) this.offsets.push(this.origin(from + i));
  }
  /** Writes a replacement; all of it came from `at`. */
  put(text: string, at: number): void {
    this.text += text;
    for (let i = 0; i < text.length; i++) this.offsets.push(this.origin(at));
  }
  done(end: number): Expanded {
    this.offsets.push(this.origin(end));
    return { text: this.text, offsets: this.offsets };
  }
}

/**
 * Expands all tags. `usedns: 'no'` makes `<HOST>` an address; `raw` an address or a name (group
 * `dns`).
 */
export function expandTags(source: string, usedns: 'no' | 'raw'): Expanded {
  const out = new Writer((offset) => offset);
  const open = new Set<string>();
  let skiplines = 0;
  let done = 0;
  const replacement = (tag: string): string | undefined => {
    if (tag === 'HOST') return usedns === 'no' ? ADDR : HOST;
    if (tag === 'SKIPLINES') return String.raw`\n(?P<skiplines${skiplines++}>(?:.*\n)*?)`;
    const fixed = Object.hasOwn(FIXED, tag) ? FIXED[tag] : undefined;
    if (fixed !== undefined) return fixed;
    const custom = /^(\/?)F-([A-Z0-9_-]+)$/.exec(tag);
    if (custom === null) return undefined;
    const name = custom[2] as string;
    if (custom[1] === '/') return open.has(name) ? ')' : undefined;
    open.add(name);
    return `(?P<${groupOf(name)}>`;
  };
  for (const match of source.matchAll(/<(\/?[\w-]+\/?)>/g)) {
    const text = replacement(match[1] as string);
    if (text === undefined) continue;
    out.copy(source.slice(done, match.index), done);
    out.put(text, match.index);
    done = match.index + match[0].length;
  }
  out.copy(source.slice(done), done);
  return localFlags(out.done(source.length));
}

/**
 * fail2ban turns flags at the head of a group into flags of that group, and drops the capture:
 * `((?i)a|b)` and `(?:(?i)a|b)` become `(?i:a|b)`. Python 3.11 would refuse them otherwise.
 */
function localFlags(expanded: Expanded): Expanded {
  const { text, offsets } = expanded;
  const out = new Writer((index) => offsets[index] ?? 0);
  let done = 0;
  for (const match of text.matchAll(/(?<!\\)\((?:\?:)?(\(\?[a-z]+)\)/g)) {
    out.copy(text.slice(done, match.index), done);
    out.put(`${match[1]}:`, match.index);
    done = match.index + match[0].length;
  }
  out.copy(text.slice(done), done);
  return out.done(text.length);
}
