/**
 * `datepattern` and the date formats that are known without one, as regexes in Python's syntax.
 * Facts after fail2ban 1.1 (jail.conf(5), "datepattern"; server/datedetector.py, datetemplate.py).
 */
import { DATE_FIELD_NAMES, withFields } from './datefields.js';

/** One way to write a date. */
export interface DatePattern {
  /** As people know it: the pattern, `Epoch`, `TAI64N`. */
  readonly name: string;
  /**
   * Python regex; what group `cut` captured is taken out of the line, or all when there is no such
   * group.
   */
  readonly source: string;
  /** The match is bound to one place of the line, so the first such pattern that matches wins. */
  readonly anchored: boolean;
  readonly kind: 'fields' | 'epoch' | 'long-epoch' | 'tai64n' | 'none';
}

/** Formats of the logs that mail servers meet, most frequent first. */
const KNOWN: readonly string[] = [
  // ISO 8601 and its relatives: 2005-01-23T21:59:59.981746+01:00, 2015/05/27 15:45:58, 2006.12.21
  // 06:43:20
  '%ExY(?P<_sep>[-/.])%m(?P=_sep)%d(?:T|  ?)%H:%M:%S(?:[.,]%f)?(?:\\s*%z)?',
  // syslog and asctime: Jan 23 21:59:59, Sun Jan 23 21:59:59.011 2005
  '(?:%a )?%b %d %k:%M:%S(?:\\.%f)?(?: %ExY)?',
  '(?:%a )?%b %d %ExY %k:%M:%S(?:\\.%f)?',
  // 23/01/2005 21:59:59, 17-07-08 17:23:25
  '%d(?P<_sep>[-/])%m(?P=_sep)(?:%ExY|%Exy) %k:%M:%S',
  // Apache, named, Roundcube: 31/Oct/2006:09:22:55 -0000, 12-Jul-2022 08:56:39 +0200
  '%d(?P<_sep>[-/])%b(?P=_sep)%ExY[ :]?%H:%M:%S(?:\\.%f)?(?: %z)?',
  '%m/%d/%ExY:%H:%M:%S',
  '%m-%d-%ExY %k:%M:%S(?:\\.%f)?',
  'EPOCH',
  '{^LN-BEG}%H:%M:%S',
  '^<%m/%d/%Exy@%H:%M:%S>',
  // MySQL: 130322 11:46:11
  '%Exy%Exm%Exd  ?%H:%M:%S',
  '%b %d, %ExY %I:%M:%S %p',
  // ASSP: Apr-27-13 02:33:06
  '^%b-%d-%Exy %k:%M:%S',
  '%ExY%Exm%Exd(?:T|  ?)%ExH%ExM%ExS(?:[.,]%f)?(?:\\s*%z)?',
  // monit: PDT Apr 16 21:05:29
  '(?:%Z )?(?:%a )?%b %d %k:%M:%S(?:\\.%f)?(?: %ExY)?',
  '(?:%z )?(?:%a )?%b %d %k:%M:%S(?:\\.%f)?(?: %ExY)?',
  'TAI64N',
];

const EPOCH = '\\d{10,11}\\b(?:\\.\\d{3,6})?';
const WORD_END = '(?=\\b|\\W|$)';
const LONG_EPOCH = '\\d{10,11}(?:\\d{3}(?:\\.\\d{1,6}|\\d{3})?)?';
const TAI64N = '@[0-9a-f]{24}';
const LINE_BEGIN = '{^LN-BEG}';
const UNBOUND = '{UNB}';
const ALPHABETIC = /(?<!%)%(?:Ex)?[aAbBpc]/;

/**
 * The patterns of a `datepattern` value (one per line), or without one the known formats: at a
 * line's start first.
 */
export function datePatterns(value?: string): DatePattern[] {
  if (value === undefined || value.trim() === '') return known(() => true);
  const patterns: DatePattern[] = [];
  for (const line of value.split('\n').map((text) => text.trim())) {
    const key = line.includes('%') ? line : line.toUpperCase();
    if (line === '') continue;
    if (key === '{DEFAULT}') patterns.push(...known(() => true));
    else if (key === LINE_BEGIN) patterns.push(...known(({ anchored }) => anchored));
    else if (key === '{NONE}')
      patterns.push({ name: '{NONE}', source: '^', anchored: true, kind: 'none' });
    else if (/(?<!\\)\{DATE\}/i.test(line))
      patterns.push(
        ...KNOWN.map((text) => pattern(line.replace(/(?<!\\)\{DATE\}/i, () => unbound(text)))),
      );
    else patterns.push(pattern(line));
  }
  return patterns.filter((one, i) => patterns.findIndex(({ name }) => name === one.name) === i);
}

function known(wanted: (pattern: DatePattern) => boolean): DatePattern[] {
  const free = KNOWN.map(pattern);
  const bound = KNOWN.filter((_, i) => !free[i]?.anchored).map((text) =>
    pattern(LINE_BEGIN + text),
  );
  return [...bound, ...free].filter(wanted);
}

function unbound(text: string): string {
  const bare = text.replace(UNBOUND, '').replace(LINE_BEGIN, '');
  return bare === 'EPOCH'
    ? `(?P<epoch>${EPOCH})`
    : bare === 'TAI64N'
      ? `(?P<tai64n>${TAI64N})`
      : bare;
}

/** The pattern with its fields in words. */
export function patternLabel({ name }: DatePattern): string {
  return name.replace(/%(%|(Ex)?([A-Za-z]))/g, (whole, _all: string, exact = '', field = '%') => {
    const word = DATE_FIELD_NAMES[field];
    return field === '%' ? '%' : word === undefined ? whole : exact + word;
  });
}

/** One pattern as a regex with the bounds that fail2ban puts around it. */
function pattern(text: string): DatePattern {
  let rest = text;
  let begin: 'word' | 'line' | 'none' = 'word';
  let end = true;
  if (rest.startsWith(UNBOUND)) {
    rest = rest.slice(UNBOUND.length);
    begin = 'none';
    end = false;
  } else if (rest.startsWith(LINE_BEGIN)) {
    rest = rest.slice(LINE_BEGIN.length);
    begin = 'line';
  }
  const key = rest.toUpperCase();
  if (key === 'EPOCH' || key === '^EPOCH' || key === 'LEPOCH' || key === '^LEPOCH')
    return epoch(text, key.includes('LEPOCH'), begin === 'line' || key.startsWith('^'));
  const long = /(?<!\\)\{LEPOCH\}/i.test(rest);
  rest = rest.replace(
    /(?<!\\)\{(L?)EPOCH\}/i,
    (_, l: string) => `(?P<epoch>${l === '' ? EPOCH : LONG_EPOCH})`,
  );
  if (key === 'TAI64N') rest = `(?P<tai64n>${TAI64N})`;
  let source = withFields(rest);
  if (/(?<!\\)\((?!\?)/.test(source)) source = source.replace(/(?<!\\)\((?!\?)/, '(?P<cut>');
  else source = source.replace(/^(\^?)(.*?)(\$?)$/s, '$1(?P<cut>$2)$3');
  let anchored = /^(?:\(\?:)?\^(?!\|)/.test(source) || /(?<![\\|])\$\)?$/.test(source);
  if (!anchored && begin === 'line') {
    source = `^(?:\\W{0,2})?${source}`;
    anchored = true;
  } else if (!anchored && begin === 'word' && !/^\(*(?:\?P<cut>)?\*\*/.test(source))
    source = `(?=^|\\b|\\W)${source}`;
  if (end && !/(?<!\\)(?:\$\)?|\\b|\\s|\*\*\)*)$/.test(source)) source += WORD_END;
  // Two stars say that there is no bound; behind a backslash they are a star, any number of times.
  source = source.replace(/(?<!\\)\*\*/g, '');
  const kind = source.includes('(?P<epoch>') ? (long ? 'long-epoch' : 'epoch') : 'fields';
  return {
    name: text,
    source: ALPHABETIC.test(rest) ? `(?i)${source}` : source,
    anchored,
    kind: source.includes('(?P<tai64n>') ? 'tai64n' : kind,
  };
}

/** Epoch seconds stand at a line's start (nsd: in brackets) or in a line of the kernel's audit. */
function epoch(name: string, long: boolean, lineBegin: boolean): DatePattern {
  const digits = `(?P<cut>(?P<epoch>${long ? LONG_EPOCH : EPOCH}))`;
  const digitsToo = digits.replace('<cut>', '<cut2>').replace('<epoch>', '<epoch2>');
  const third = digits.replace('<cut>', '<cut3>').replace('<epoch>', '<epoch3>');
  const source = lineBegin
    ? `^(?:\\W{0,2})?${digits}${WORD_END}`
    : `(?:^${digits}${WORD_END}|^\\[${digitsToo}(?=\\])|\\baudit\\(${third}(?=:\\d+\\)))`;
  return { name, source, anchored: lineBegin, kind: long ? 'long-epoch' : 'epoch' };
}
