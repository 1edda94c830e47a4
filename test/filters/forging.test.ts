/**
 * Every shipped filter, in every mode, on its own samples with a user name, HELO, sender or
 * recipient that a stranger chose: addresses, separators and imitations of the rest of the line, of
 * any length, cut where the daemon cuts. Nobody but the client may count.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MESSAGE_CHARS_MAX, MESSAGE_TAIL_CHARS } from '../../src/core/limits.js';
import { epochMicros } from '../../src/core/time.js';
import { matchEntry } from '../../src/filter/container-line.js';
import { type Line, lineOf } from '../../src/filter/line.js';
import { identityOf } from '../../src/filter/match-groups.js';
import { entry } from '../support/filters.js';
import { FILTERS, inJournal, optionSets, samplesOf, shipped } from './samples.js';

const VICTIM = '198.51.100.77';
/**
 * Characters of a line behind its header at which daemons cut it, and of a name that Dovecot shows.
 */
const LINE_CUTS: Readonly<Record<string, number>> = {
  sshd: 500,
  postfix: 2000,
  'postfix-sasl': 2000,
};
const NAME_CUTS: Readonly<Record<string, number>> = { dovecot: 80, managesieve: 80 };

/** A sample in parts: what stands around the client's words, and the client's address. */
interface Template {
  readonly before: string;
  readonly after: string;
  readonly host: string;
  readonly place: string;
}

function templatesOf(name: string, options: Readonly<Record<string, string>>): Template[] {
  return inJournal(samplesOf(name).get(JSON.stringify(options)) ?? []).flatMap(
    ({ sample, text }) => {
      const { host, user } = sample.expected;
      if (host === undefined) return [];
      const header = text.indexOf(': ') + 2;
      const spans = [...text.matchAll(/(?<= (?:helo|from|to)=<)[^<>]*(?=>)/g)].map((found) => [
        found.index,
        found[0].length,
      ]);
      const at = user === undefined || user === '' ? -1 : text.indexOf(user, header);
      if (at >= 0) spans.push([at, user?.length ?? 0]);
      return spans.map(([start = 0, length = 0]) => ({
        before: text.slice(0, start),
        after: text.slice(start + length),
        host,
        place: sample.place,
      }));
    },
  );
}

/** Characters that a daemon lets into no name in that place, with the reason. */
const NEVER: readonly (readonly [filter: string, before: RegExp, characters: RegExp])[] = [
  // auth_username_chars, as Dovecot has it by itself, for the lines of its auth service
  ['dovecot', /[\w-]\($/, /[\s,()<>"'=:[\]`]/g],
  // The colon ends the name of HTTP's Basic authentication (RFC 7617, section 2).
  ['nginx-http-auth', /user ["']$/, /:/g],
  // Only the name of an account that exists stands there.
  ['zimbra', /\[name=$/, /[;\s\]]/g],
  // Only the name of an account stands there.
  ['sshd', /(?:Accepted \S+ for|authenticating user) $/, /[\s:]/g],
];

function possible(filter: string, before: string, name: string): string {
  const never = NEVER.find(([of, where]) => of === filter && where.test(before));
  return never === undefined ? name : name.replace(never[2], '');
}

/**
 * The line as the filter gets it: cut by the daemon, and its middle left out where it is still too
 * long for us.
 */
function lineWith(filter: string, { before, after }: Template, name: string): Line {
  const shown = NAME_CUTS[filter];
  const may = possible(filter, before, name);
  const short = shown !== undefined && may.length > shown ? `${may.slice(0, shown)}...` : may;
  const header = before.indexOf(': ') + 2;
  const text = `${before}${short}${after}`.slice(
    0,
    header + (LINE_CUTS[filter] ?? Number.POSITIVE_INFINITY),
  );
  if (text.length <= MESSAGE_CHARS_MAX) return { text };
  const cutAt = MESSAGE_CHARS_MAX - MESSAGE_TAIL_CHARS - 1;
  return { text: `${text.slice(0, cutAt)}\n${text.slice(-MESSAGE_TAIL_CHARS)}`, cutAt };
}

/**
 * Names for a template: pieces of its own line with the victim's address, separators and paddings
 * between them.
 */
function namesFor({ before, after, host }: Template, bound: number): fc.Arbitrary<string> {
  const header = before.indexOf(': ') + 2;
  const forged = (text: string) => text.replaceAll(host, VICTIM);
  const words = [
    forged(after),
    forged(after).trimEnd(),
    forged(before.slice(header)),
    forged(`${before.slice(header)}x${after}`),
    ` ${VICTIM} `,
    ` from ${VICTIM}`,
    `[${VICTIM}]`,
    ` rip=${VICTIM}, `,
    ` rhost=${VICTIM} `,
    ` (${VICTIM})`,
    ...[' ', '"', "'", '>', '<', ')', '(', ', ', ': ', ']', '[', '=', '`'],
  ];
  const padding = fc
    .tuple(fc.constantFrom('a', ' ', '?'), fc.oneof(fc.nat(100), fc.nat(bound + 200)))
    .map(([unit, count]) => unit.repeat(count));
  const piece = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words) },
    { weight: 1, arbitrary: padding },
  );
  const mixed = fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''));
  // Fills the line so that the cut falls behind the words, or a few characters beside.
  const aimed = fc
    .tuple(fc.constantFrom(...words.slice(0, 2)), fc.integer({ min: -6, max: 6 }))
    .map(
      ([end, off]) =>
        'a'.repeat(Math.max(0, bound - (before.length - header) - end.length + off)) + end,
    );
  return fc.oneof({ weight: 3, arbitrary: mixed }, { weight: 1, arbitrary: aimed });
}

const RUNS = Number(process.env['BANJOUR_PROPERTY_RUNS'] ?? 20);
const CASES = FILTERS.flatMap((name) =>
  optionSets(name).map((options) => ({ name, options })),
).filter(({ name, options }) => templatesOf(name, options).length > 0);
let boot = 0;

describe.each(CASES)('$name with $options', ({ name, options }) => {
  const { filter } = shipped(name, options);

  test('counts nobody but the client, whatever the name', () => {
    for (const template of templatesOf(name, options)) {
      const property = fc.property(
        namesFor(template, LINE_CUTS[name] ?? MESSAGE_CHARS_MAX),
        (user) => {
          const line = lineWith(name, template, user);
          const { result, facts } = filter.judge(line, {
            time: epochMicros(0),
            boot: String(boot++),
          });
          if (result !== 'failure' && result !== 'success') return;
          const identity = identityOf(facts);
          if (identity.kind === 'address' && identity.address.text === VICTIM)
            throw new Error(`${template.place} counts the victim`);
        },
      );
      fc.assert(property, { numRuns: RUNS });
    }
  });
});

/** What stands before a daemon's line in a container's output. */
const CONTAINER_HEADERS = [
  'Nov 21 19:34:21 ',
  '2026-11-21T19:34:21Z INFO ',
  'INFO ',
  '@400000006560c4b61a2b3c4d ',
  'mail-1  | Nov 21 19:34:21 ',
  '\x1b[36mNov 21 19:34:21\x1b[0m ',
  '2026-11-21T19:34:21.123456789Z stdout F Nov 21 19:34:21 ',
];

test.each(CASES)('$name with $options counts nobody but the client of a container', (one) => {
  const { name, options } = one;
  const { filter } = shipped(name, options);
  const wrong: object[] = [];
  for (const template of templatesOf(name, options))
    for (const header of CONTAINER_HEADERS)
      for (const fake of ['', '\n', ' ', '\x1b[0m'].flatMap((gap) => [
        `${gap}${header}${template.before}x${template.after}`,
        `${gap}${header}${template.before.slice(template.before.indexOf(' ') + 1)}x${template.after}`,
      ])) {
        const words = possible(name, template.before, fake.replaceAll(template.host, VICTIM));
        const inside = entry(`${header}${template.before}${words}${template.after}`, {
          SYSLOG_IDENTIFIER: 'e8d820bf982c',
          CONTAINER_NAME: 'mail',
        });
        const match = matchEntry(filter, inside, lineOf(inside), { running: undefined });
        const { result, facts } = filter.settle(match, {
          time: epochMicros(0),
          boot: String(boot++),
        });
        if (result !== 'failure' && result !== 'success') continue;
        const identity = identityOf(facts);
        if (identity.kind === 'address' && identity.address.text === VICTIM)
          wrong.push({ place: template.place, header, words });
      }
  expect(wrong).toEqual([]);
});

/** Objects in which log shippers and container runtimes put a line. */
const OBJECTS: readonly ((line: string) => string)[] = [
  (log) => JSON.stringify({ log: `${log}\n`, stream: 'stderr', time: '2026-11-21T19:34:21.1Z' }),
  // As Go writes it, and as PHP does.
  (log) => JSON.stringify({ stream: 'stdout', log }).replace(/[<>&]/g, unicode),
  (message) => JSON.stringify({ host: 'mail', message, pid: 1 }).replaceAll('/', '\\/'),
  (msg) => JSON.stringify({ level: 'info', fields: { msg: 'x', log: [1] }, msg }),
];

function unicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

test.each(CASES)('$name with $options counts nobody but the client of a line in JSON', (one) => {
  const { name, options } = one;
  const { filter } = shipped(name, options, 'container');
  const counted = (message: string) => {
    const inside = entry(message, { SYSLOG_IDENTIFIER: 'shipper' });
    const match = matchEntry(filter, inside, lineOf(inside), { running: undefined });
    const at = { time: epochMicros(0), boot: String(boot++) };
    const { result, facts } = filter.settle(match, at);
    if (result !== 'failure' && result !== 'success') return undefined;
    const identity = identityOf(facts);
    return identity.kind === 'address' ? identity.address.text : undefined;
  };
  const wrong: object[] = [];
  for (const template of templatesOf(name, options))
    for (const wrap of OBJECTS) {
      const { before, after, host, place } = template;
      const [plain, wrapped] = [`${before}x${after}`, wrap(`${before}x${after}`)].map(counted);
      if (wrapped !== plain) wrong.push({ place, plain, wrapped });
      for (const gap of ['', '"', '"}', '","log":"', '"},{"message":"', '\\', '\n'])
        for (const fake of [`${gap}${before}x${after}`, `${gap}${wrap(`${before}x${after}`)}`]) {
          const words = possible(name, before, fake.replaceAll(host, VICTIM));
          if (counted(wrap(`${before}${words}${after}`)) === VICTIM) wrong.push({ place, words });
        }
    }
  expect(wrong).toEqual([]);
});

test('the filters whose samples show words of clients are tried', () => {
  expect(new Set(CASES.map(({ name }) => name)).size).toBeGreaterThanOrEqual(10);
});
