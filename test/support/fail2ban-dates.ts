/**
 * What fail2ban's own tests of dates expect: its tests run as they are, and every question to its
 * detector is noted.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { epochMicros } from '../../src/core/time.js';
import { DateFinder } from '../../src/filter/dates.js';

/** The zone of its tests. */
const ZONE = 'Europe/Zurich';

interface DateRecord {
  /** Questions to one detector follow one another. */
  readonly detector: number;
  /** What it looks for; null stands for the known formats. */
  readonly patterns: readonly (string | null)[];
  /** Minutes east of Greenwich for dates without a zone. */
  readonly zone: number | null;
  readonly line: string;
  readonly now: number;
  readonly hit: { readonly time: number; readonly text: string } | null;
}

/** A date that is taken otherwise here, and why; without a reason nobody has looked at it. */
export interface DateDifference {
  readonly patterns: readonly (string | null)[];
  readonly line: string;
  readonly reason?: string;
}

const SCRIPT = `
import itertools, json, sys, unittest
from fail2ban.server.datedetector import DateDetector
from fail2ban.server.mytime import MyTime
records = []
numbers = itertools.count()
def wrapped(name):
    def wrap(run):
        real = getattr(DateDetector, name)
        setattr(DateDetector, name, lambda self, *args, **kwargs: run(self, real, *args, **kwargs))
    return wrap
@wrapped('__init__')
def _(self, real, *args, **kwargs):
    self.noted, self.number, self.busy = [], next(numbers), False
    return real(self, *args, **kwargs)
@wrapped('addDefaultTemplate')
def _(self, real, *args, **kwargs):
    self.noted.append(None)
    self.busy = True
    try:
        return real(self, *args, **kwargs)
    finally:
        self.busy = False
@wrapped('appendTemplate')
def _(self, real, template, *args, **kwargs):
    if not self.busy: self.noted.append(template)
    return real(self, template, *args, **kwargs)
@wrapped('getTime')
def _(self, real, line, *args, **kwargs):
    found = real(self, line, *args, **kwargs)
    records.append({
        'detector': self.number, 'patterns': list(self.noted), 'line': line, 'now': MyTime.time(),
        'zone': None if self.default_tz is None else int(self.default_tz),
        'hit': None if found is None else {'time': found[0], 'text': found[1].group(1)}})
    return found
from fail2ban.tests import utils
options = utils.DefaultTestOptions()
options.fast = options.no_network = options.memory_db = True
utils.initProcess(options)
utils.initTests(options)
from fail2ban.tests import datedetectortestcase
suite = unittest.defaultTestLoader.loadTestsFromModule(datedetectortestcase)
passed = unittest.TextTestRunner(stream=sys.stderr).run(suite).wasSuccessful()
print('RECORDS' + json.dumps(records))
sys.exit(0 if passed else 1)
`;

/** Runs the tests of an unpacked package and gives what they asked. */
export function recordedDates(packageRoot: string): readonly DateRecord[] {
  const run = spawnSync('python3', ['-W', 'ignore', '-c', SCRIPT], {
    encoding: 'utf8',
    env: {
      ...process.env,
      TZ: ZONE,
      PYTHONPATH: join(packageRoot, 'usr/lib/python3/dist-packages'),
    },
    maxBuffer: 1 << 26,
    timeout: 120_000,
  });
  const found = /^RECORDS(.*)$/m.exec(run.stdout ?? '')?.[1];
  if (run.status !== 0 || found === undefined)
    throw new Error(
      `fail2ban's tests of dates do not pass here: ${run.error?.message ?? run.stderr}`,
    );
  return JSON.parse(found) as DateRecord[];
}

/** The same questions to Banjour's. */
export function compareDates(records: readonly DateRecord[]): readonly DateDifference[] {
  const before = process.env['TZ'];
  process.env['TZ'] = ZONE;
  try {
    const finders = new Map<string, DateFinder>();
    return records.flatMap((record) => {
      const key = JSON.stringify([record.detector, record.patterns, record.zone]);
      const finder = finders.get(key) ?? finderOf(record);
      finders.set(key, finder);
      const { time, date } = finder.cut(record.line, epochMicros(record.now * 1e6));
      const ours = time === undefined ? null : { time: time / 1e6, text: date };
      const { hit, patterns, line } = record;
      if (ours?.time === hit?.time && ours?.text === hit?.text) return [];
      const reason = reasonOf(hit, ours);
      return [{ patterns, line, ...(reason === undefined ? {} : { reason }) }];
    });
  } finally {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  }
}

function finderOf({ patterns, zone }: DateRecord): DateFinder {
  const known = patterns.every((pattern) => pattern === null);
  const text = known ? undefined : patterns.map((pattern) => pattern ?? '{DEFAULT}').join('\n');
  return new DateFinder(text, zone ?? undefined);
}

type Hit = DateRecord['hit'];

/** Beyond 2255 microseconds since 1970 are no longer whole numbers of JavaScript. */
const LAST_SECOND = Number.MAX_SAFE_INTEGER / 1e6;

function reasonOf(theirs: Hit, ours: Hit): string | undefined {
  if (theirs !== null && theirs.time > LAST_SECOND && ours === null)
    return 'A date beyond the year 2255 makes no time here, so the line is judged as of now; fail2ban takes the year 3000 for a time that is to come. A stranger who can write such a number gains nothing.';
  if (
    theirs?.text === ours?.text &&
    theirs !== null &&
    ours !== null &&
    Math.floor(ours.time) === theirs.time
  )
    return 'The same date and second; the fraction that the line states is kept here and dropped there.';
  return undefined;
}
