/**
 * (i) The longest time that one entry takes in a shipped filter, whoever wrote it: lines at the
 * bound of 8,192 characters whose free places are filled with what makes a regex go back, by either
 * matcher; regexes of one's own that V8 could not bear; and tables that are full of sessions.
 */
import { guard } from '../src/agent/intake/v8-time-limit.js';
import { MESSAGE_CHARS_MAX } from '../src/core/limits.js';
import { filterName } from '../src/core/names.js';
import { epochMicros } from '../src/core/time.js';
import { compileFilter } from '../src/filter/compile.js';
import type { CompiledFilter } from '../src/filter/filter.js';
import { RegexGuard } from '../src/filter/regex-guard.js';
import { ATTEMPTS, type Attempt } from '../test/filters/attempts.js';
import { FILTERS, optionSets, samplesOf, shipped } from '../test/filters/samples.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';

/** What the agent promises for a line. */
const TARGET_MS = 25;
/** A time counts when the line takes it each time: the host has other work. */
const TRIES = 3;
const UNITS = ['a', ' ', '.', ',', ': ', '"', "'", '[', ']', '<', '>', '(', '=', '192.0.2.1', 'é'];
const WORDS = [
  ' from ',
  '[192.0.2.1]',
  ' rip=192.0.2.1, ',
  'user=<',
  ' against x from ',
  '5.1.1 <',
];
const GREEDY = ['(?:a+)+', '(?:a|a)*', '(?:a*)*b?', '(?:[ab]+a)+', '(?:.*a){12}'];

interface Worst {
  readonly ms: number;
  readonly what: string;
}

/** The least of several times that the work takes, ms. */
function timeOf(work: () => void): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TRIES; i++) {
    const begun = performance.now();
    work();
    least = Math.min(least, performance.now() - begun);
  }
  return least;
}

/** The lines of an attempt with one place filled up to the bound. */
function filledLines({ lines, fields }: Attempt): { text: string; what: string }[] {
  const plain = (line: string) => line.replaceAll(/\{client\}/g, '192.0.2.9');
  return lines.flatMap((line) =>
    Object.keys(fields).flatMap((place) => {
      if (!line.includes(`{${place}}`)) return [];
      const [before = '', after = ''] = plain(line).split(`{${place}}`, 2);
      const rest = `${before}${after}`.replaceAll(/\{\w+\}/g, 'x');
      return [...UNITS, ...WORDS, after.slice(0, 20), after].map((unit) => ({
        text: plain(line)
          .replace(`{${place}}`, () => fill(unit, MESSAGE_CHARS_MAX - rest.length))
          .replaceAll(/\{\w+\}/g, 'x'),
        what: `${place} of ${JSON.stringify(unit.slice(0, 16))}`,
      }));
    }),
  );
}

function fill(unit: string, length: number): string {
  return unit === '' ? '' : unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
}

/** Samples cut open in their middle and at each blank of the first few, likewise filled. */
function openedSamples(name: string, options: object): { text: string; what: string }[] {
  const samples = samplesOf(name).get(JSON.stringify(options)) ?? [];
  return samples.slice(0, 12).flatMap(({ line, place }) => {
    const text = line.replace(/^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d /, '');
    const at = Math.floor(text.length / 2);
    return [...UNITS, ...WORDS].map((unit) => ({
      text: text.slice(0, at) + fill(unit, MESSAGE_CHARS_MAX - text.length) + text.slice(at),
      what: `${place} opened with ${JSON.stringify(unit)}`,
    }));
  });
}

function worstOf(filter: CompiledFilter, lines: readonly { text: string; what: string }[]): Worst {
  let worst: Worst = { ms: 0, what: '' };
  for (const { text, what } of lines) {
    const ms = timeOf(() => filter.match({ text }, { running: undefined }));
    if (ms > worst.ms) worst = { ms, what };
  }
  return worst;
}

/** The worst line of a filter in any of its modes, by V8 and by the linear matcher. */
function ofFilter(name: string, part: number): { v8: Worst; linear: Worst; lines: number } {
  const found = { v8: { ms: 0, what: '' }, linear: { ms: 0, what: '' }, lines: 0 };
  for (const options of optionSets(name)) {
    const attempts = ATTEMPTS.filter((attempt) => attempt.filter === name).flatMap(filledLines);
    const every = [...attempts, ...openedSamples(name, options)];
    const lines = every.filter((_, i) => i % Math.max(1, Math.round(1 / part)) === 0);
    found.lines += lines.length;
    for (const way of ['v8', 'linear'] as const) {
      const { filter } = shipped(name, options);
      if (way === 'linear') for (const { regex } of filter.slots) regex.demote();
      const worst = worstOf(filter, lines);
      if (worst.ms > found[way].ms) found[way] = worst;
    }
  }
  return found;
}

/** Processor time of single entries when everything that the filter remembers is full, ms. */
function crowded(name: string, lines: (n: number) => string, count: number): number[] {
  const { filter } = shipped(name, {});
  return Array.from({ length: count }, (_, n) => {
    const text = lines(n);
    const begun = process.cpuUsage();
    filter.judge({ text }, { time: epochMicros(1e15 + n * 100), boot: 'b' });
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1e3;
  });
}

const address = (n: number) => `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
const CROWDS: readonly (readonly [string, string, (n: number) => string])[] = [
  ['sshd', 'a connection each', (n) => `mx sshd[${n}]: Invalid user x from ${address(n)} port 22`],
  ['dovecot', 'an address each', (n) => `mx auth[9]: ${pam(address(n))}`],
  [
    'dovecot',
    '40 addresses, 256 attempts of each',
    (n) => `mx auth[${n}]: ${pam(address(n % 40))}`,
  ],
  [
    'postfix-sasl',
    'a connection each',
    (n) => `mx postfix/smtpd[${n}]: connect from unknown[${address(n % 9_000)}]`,
  ],
];

function pam(from: string): string {
  return `pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=x rhost=${from}`;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const filters = FILTERS.map((name) => {
    options.say(name);
    return { name, ...ofFilter(name, Math.min(1, options.scale)) };
  });
  const greedy = GREEDY.map((text) => {
    const { filter } = compileFilter({
      name: filterName('own'),
      failregex: [{ text: `^${text} <HOST>$`, place: { file: 'own', line: 1 } }],
      ignoreregex: [],
      successregex: [],
      maxlines: 1,
      usedns: 'no',
    });
    const line = { text: `${'a'.repeat(MESSAGE_CHARS_MAX - 1)}!`, what: text };
    const runner = new RegexGuard(guard);
    const first = performance.now();
    if (filter !== undefined) runner.run(1, (_, progress) => filter.match(line, progress));
    const ms = performance.now() - first;
    const later = filter === undefined ? Number.NaN : worstOf(filter, [line]).ms;
    return { text, ms, later };
  });
  const crowds = CROWDS.map(([name, what, lines]) => {
    const runs = Array.from({ length: options.runs }, () =>
      crowded(name, lines, scaled(options, 200_000, 100)),
    );
    return {
      name,
      what,
      usual: median(runs.map((times) => quantile(times, 0.999))),
      worst: median(runs.map((times) => Math.max(...times.slice(times.length >> 1)))),
    };
  });
  const longest = Math.max(...filters.flatMap(({ v8, linear }) => [v8.ms, linear.ms]));
  const crowdest = Math.max(...crowds.map(({ worst }) => worst));
  return {
    name: 'worst',
    title: 'The longest time of one entry',
    method: [
      `${whole(filters.reduce((sum, { lines }) => sum + lines, 0))} lines of ${whole(MESSAGE_CHARS_MAX)} characters through every shipped filter in every mode, by V8 and by the linear matcher; of each line the least of ${TRIES} times`,
      'tables: the worst single entry of the second half, median of the runs, processor time of all threads, those of the garbage collector too',
    ],
    tables: [
      {
        title: '',
        columns: ['filter', 'V8, ms', 'linear, ms', 'lines', 'the worst by the linear matcher'],
        rows: filters.map(({ name, v8, linear, lines }) => [
          ...[name, short(v8.ms), short(linear.ms), whole(lines), linear.what],
        ]),
      },
      {
        title: "regexes of one's own, on 8,192 characters",
        columns: ['regex', 'first, ms', 'then, ms'],
        rows: greedy.map(({ text, ms, later }) => [text, short(ms), short(later)]),
      },
      {
        title: 'full tables',
        columns: ['filter', '99.9 %, ms', 'worst, ms', ''],
        rows: crowds.map(({ name, what, usual, worst }) => [
          ...[name, short(usual), short(worst), what],
        ]),
      },
    ],
    targets: [
      { what: 'any line', ...target(longest) },
      {
        what: "one's own regexes, once found out",
        ...target(Math.max(...greedy.map(({ later }) => later))),
      },
      { what: 'full tables', ...target(crowdest) },
    ],
    figures: Object.fromEntries([
      ...filters.flatMap(({ name, v8, linear }) => [
        [`${name}, V8 ms`, v8.ms],
        [`${name}, linear ms`, linear.ms],
      ]),
      ...crowds.map(({ name, what, worst }) => [`${name}, ${what}, ms`, worst]),
    ]),
    chart: {
      kind: 'bars',
      title: 'The longest time of one entry',
      unit: 'ms',
      bars: filters.map(({ name, linear }) => ({ label: name, value: linear.ms, kind: 'ours' })),
    },
    missing: [],
  };
}

function target(ms: number) {
  return { wanted: `<= ${TARGET_MS} ms`, measured: `${short(ms)} ms`, reached: ms <= TARGET_MS };
}
