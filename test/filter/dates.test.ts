import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type EpochMicros, epochMicros, isoTime } from '../../src/core/time.js';
import { DateFinder } from '../../src/filter/dates.js';

const at = (year: number, month: number, day: number, ...rest: number[]) =>
  epochMicros(new Date(year, month - 1, day, ...rest).getTime() * 1000);
const NOW = at(2026, 11, 21, 20, 0, 0);

function cut(line: string, datepattern?: string, now: EpochMicros = NOW) {
  return new DateFinder(datepattern).cut(line, now);
}

describe('the date of a line', () => {
  test.each<[string, string, string, EpochMicros]>([
    [
      'syslog',
      'Nov 21 18:30:01 mx1 sshd[7]: bad',
      ' mx1 sshd[7]: bad',
      at(2026, 11, 21, 18, 30, 1),
    ],
    ['syslog, day of one digit', 'Nov  1 18:30:01 mx1 x', ' mx1 x', at(2026, 11, 1, 18, 30, 1)],
    ['ISO', '2026-11-21T18:30:01 mx1', ' mx1', at(2026, 11, 21, 18, 30, 1)],
    [
      'ISO with blank and zone',
      '2026-11-21 18:30:01.250 +0200 mx1',
      ' mx1',
      epochMicros(Date.UTC(2026, 10, 21, 16, 30, 1, 250) * 1000),
    ],
    [
      'ISO with Z',
      '2026-11-21T18:30:01Z mx1',
      ' mx1',
      epochMicros(Date.UTC(2026, 10, 21, 18, 30, 1) * 1000),
    ],
    ['slashes', '2015/05/27 15:45:58 user:x', ' user:x', at(2015, 5, 27, 15, 45, 58)],
    [
      'Roundcube',
      '[12-Jul-2022 08:56:39 +0200]: <x> Failed',
      '[]: <x> Failed',
      epochMicros(Date.UTC(2022, 6, 12, 6, 56, 39) * 1000),
    ],
    [
      'Apache',
      '192.0.2.1 - - [21/Nov/2026:18:30:01 -0100] "GET"',
      '192.0.2.1 - - [] "GET"',
      epochMicros(Date.UTC(2026, 10, 21, 19, 30, 1) * 1000),
    ],
    ['epoch', '1763749801.500 mx1', ' mx1', epochMicros(1_763_749_801_500_000)],
    ['epoch in brackets', '[1763749801] nsd', '[] nsd', epochMicros(1_763_749_801_000_000)],
    [
      'epoch of the audit',
      'type=X msg=audit(1763749801.123:45): x',
      'type=X msg=audit(:45): x',
      epochMicros(1_763_749_801_123_000),
    ],
    [
      'TAI64N',
      '@40000000550c0b8d24cd3b0c qmail-smtpd: x',
      ' qmail-smtpd: x',
      epochMicros(0x550c0b8d * 1_000_000 + Math.round(0x24cd3b0c / 1000)),
    ],
    ['MySQL', '261121 18:30:01 [Warning] x', ' [Warning] x', at(2026, 11, 21, 18, 30, 1)],
    ['12 hours', 'Nov 21, 2026 6:30:01 PM org', ' org', at(2026, 11, 21, 18, 30, 1)],
  ])('%s', (_name, line, text, time) => {
    const found = cut(line);
    expect(found.text).toBe(text);
    expect(found.time === undefined ? undefined : isoTime(found.time)).toBe(isoTime(time));
  });

  test('without a year is of the last year when it is more than a day ahead', () => {
    expect(cut('Nov 22 19:00:00 x').time).toBe(at(2026, 11, 22, 19, 0, 0));
    expect(cut('Dec 24 18:00:00 x').time).toBe(at(2025, 12, 24, 18, 0, 0));
  });

  test('of February 29 without a year is of the last leap year that comes into question, or none', () => {
    expect(cut('Feb 29 10:00:00 x', undefined, at(2024, 3, 1)).time).toBe(
      at(2024, 2, 29, 10, 0, 0),
    );
    expect(cut('Feb 29 10:00:00 x').time).toBeUndefined();
  });

  test('that is only a time is of today, or of yesterday when still to come', () => {
    expect(cut('18:30:01 x').time).toBe(at(2026, 11, 21, 18, 30, 1));
    expect(cut('21:30:01 x').time).toBe(at(2026, 11, 20, 21, 30, 1));
  });

  test('is left alone when there is none', () => {
    expect(cut('no date here')).toEqual({ text: 'no date here', date: '' });
  });

  test('that cannot be is cut out without a time', () => {
    expect(cut('2026-02-31 10:00:00 x')).toMatchObject({ text: ' x', date: '2026-02-31 10:00:00' });
    expect(cut('2026-02-31 10:00:00 x').time).toBeUndefined();
  });
});

describe('a datepattern', () => {
  test('has no bounds where two stars stand; behind a backslash they are stars of the line', () => {
    expect(cut('x2026-11-21y', '**%Y-%m-%d**').text).toBe('xy');
    expect(cut('x2026-11-21y', '%Y-%m-%d').text).toBe('x2026-11-21y');
    expect(cut('at **2026-11-21** now', '\\**%Y-%m-%d\\**').text).toBe('at  now');
  });

  test('of the filter replaces the known formats', () => {
    expect(cut('at 21|11|2026 18.30.01 x', '%d\\|%m\\|%Y %H\\.%M\\.%S')).toMatchObject({
      text: 'at  x',
      time: at(2026, 11, 21, 18, 30, 1),
    });
    expect(cut('Nov 21 18:30:01 x', '%d\\|%m\\|%Y')).toEqual({
      text: 'Nov 21 18:30:01 x',
      date: '',
    });
  });

  test('cuts out its first group, or all of it', () => {
    expect(cut('<21.11.2026 18:30:01> x', '^<(%d\\.%m\\.%Y %H:%M:%S)>').text).toBe('<> x');
    expect(cut('<21.11.2026 18:30:01> x', '^<%d\\.%m\\.%Y %H:%M:%S>').text).toBe(' x');
  });

  test('may name the known formats by {DATE}, {DEFAULT}, {^LN-BEG}, EPOCH and TAI64N', () => {
    expect(cut('x [2026-11-21 18:30:01] y', '^[^\\[]*\\[({DATE})').text).toBe('x [] y');
    expect(cut('x 2026-11-21 18:30:01 y', '{DEFAULT}').text).toBe('x  y');
    expect(cut('x 2026-11-21 18:30:01 y', '{^LN-BEG}').text).toBe('x 2026-11-21 18:30:01 y');
    expect(cut('1763749801 y', 'EPOCH').text).toBe(' y');
    expect(cut('at {1763749801123} y', '\\{{LEPOCH}\\}').time).toBe(1_763_749_801_123_000);
    expect(cut('x 2026-11-21 y', '{NONE}')).toMatchObject({ text: 'x 2026-11-21 y', date: '' });
  });

  test('of several lines is tried line by line', () => {
    const finder = new DateFinder('^%Y-%m-%d %H:%M:%S\n^%d/%m/%Y %H:%M:%S');
    expect(finder.cut('2026-11-21 18:30:01 x', NOW).text).toBe(' x');
    expect(finder.cut('21/11/2026 18:30:01 x', NOW).text).toBe(' x');
    expect(finder.hits.map(({ hits }) => hits)).toEqual([1, 1]);
  });

  test('that is no regex is told', () => {
    expect(new DateFinder('%Y (').diagnostics).toMatchObject([
      { level: 'error', key: 'datepattern', value: '%Y (' },
    ]);
  });
});

test('the place where the last date stood is preferred', () => {
  const finder = new DateFinder();
  finder.cut('mx1 2026-11-21 18:30:01 x', NOW);
  expect(finder.cut('mx1 2026-11-21 18:30:02 at 2020-01-01 00:00:00', NOW).text).toBe(
    'mx1  at 2020-01-01 00:00:00',
  );
});

describe('a date that makes no time', () => {
  /** 2^53 - 1 microseconds, the last that a double holds, in seconds. */
  const LAST = 9_007_199_254;

  test('is cut out and says none; the last time that can be reckoned with does', () => {
    expect(cut(`${LAST} x`)).toMatchObject({ text: ' x', time: LAST * 1e6 });
    expect(cut(`${LAST + 1} x`)).toEqual({
      text: ' x',
      date: `${LAST + 1}`,
      pattern: '{^LN-BEG}EPOCH',
    });
  });

  test.each([
    '99999999999 x from 192.0.2.1',
    '[99999999999] x from 192.0.2.1',
    '@7fffffffffffffff00000000 x from 192.0.2.1',
    '@ffffffffffffffffffffffff x from 192.0.2.1',
    'audit(99999999999:1) x from 192.0.2.1',
    '99999999999 9999-99-99 Feb 30 00:00:60 1969-01-01 00:00:00',
  ])('never throws: %s', (line) => {
    expect(cut(line).time).toBeUndefined();
    expect(cut(line, 'EPOCH\nLEPOCH\nTAI64N\n{LEPOCH}').time).toBeUndefined();
  });

  test('gives way to one that does, whoever chose the first', () => {
    const line =
      '192.0.2.5 - audit(99999999999:1) [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 401 0';
    expect(cut(line)).toMatchObject({
      text: '192.0.2.5 - audit(99999999999:1) [] "GET / HTTP/1.1" 401 0',
      time: Date.UTC(2026, 10, 21, 10) * 1000,
    });
    const finder = new DateFinder();
    finder.cut('192.0.2.5 - audit(1763749801:1) [21/Nov/2026:10:00:00 +0000] "GET"', NOW);
    expect(finder.cut(line, NOW).time).toBe(Date.UTC(2026, 10, 21, 10) * 1000);
  });
});

test('digits of any script make a time, as in Python', () => {
  const found = cut('20२٦-11-2१ 1८:3٠:0١ müller 🙂');
  expect(found).toMatchObject({ text: ' müller 🙂', time: at(2026, 11, 21, 18, 30, 1) });
});

describe('LEPOCH', () => {
  test.each<[string, string | undefined, number | undefined]>([
    ['1138049999', '1138049999', 1_138_049_999_000_000],
    ['1138049999123', '1138049999123', 1_138_049_999_123_000],
    ['1138049999123.5', '1138049999123.5', 1_138_049_999_123_500],
    ['1138049999123456', '1138049999123456', 1_138_049_999_123_456],
    ['[1138049999123]', '1138049999123', 1_138_049_999_123_000],
    ['1138049999A', '', undefined],
    ['113804999912', '', undefined],
  ])('%s', (text, date, time) => {
    const found = cut(`${text} from 192.0.2.1`, 'LEPOCH');
    expect([found.date, found.time]).toEqual([date, time]);
  });
});

describe('the week of the year', () => {
  // As Python's strptime reads them.
  test.each<[string, string, number, number, number]>([
    ['2005 3 0', '%Y %U %w', 2005, 1, 16],
    ['2005 3 0', '%Y %W %w', 2005, 1, 23],
    ['2005 3 Sun', '%Y %U %a', 2005, 1, 16],
    ['2005 03 Sunday', '%Y %W %A', 2005, 1, 23],
    ['2006 1 0', '%Y %U %w', 2006, 1, 1],
    ['2006 0 0', '%Y %W %w', 2006, 1, 1],
    ['2024 52 2', '%Y %W %w', 2024, 12, 24],
    ['2026 0 4', '%Y %U %w', 2026, 1, 1],
  ])('%s by %s', (text, pattern, year, month, day) => {
    expect(cut(`${text} x`, `^${pattern}`).time).toBe(at(year, month, day));
  });

  test('without a weekday says nothing of the day', () => {
    expect(cut('2005 3 x', '^%Y %U').time).toBe(at(2005, 11, 21));
  });
});

test('a field that there is not is told', () => {
  expect(new DateFinder('%Y %Q %%Q %Exw').diagnostics).toMatchObject([
    { id: 'date.field', message: expect.stringContaining('%Q'), value: '%Y %Q %%Q %Exw' },
  ]);
  expect(new DateFinder('%Y-%m-%d 100%% %U%W%w').diagnostics).toEqual([]);
});

describe('lines that follow one another', () => {
  const part = (...texts: readonly string[]) => fc.constantFrom(...texts);
  const fraction = part('', '.1', '.123', '.289', ',123456', '.000001', '.1234567', '.12٣');
  const zone = part('', 'Z', '+00:00', '+0100', ' +01', ' UTC', ' +0200');
  const second = part('00', '01', '59', '7');
  const join = (...parts: readonly fc.Arbitrary<string>[]) =>
    fc.tuple(...parts).map((texts) => texts.join(''));
  /** Of one line after the other the same format, as in a log, and now and then another. */
  const dates = [
    join(part('2026-11-21T18:30:'), second, fraction, zone),
    join(
      part('Nov 21 20:00:', 'Nov 21 19:59:', 'Jan  1 00:00:', 'Dec 31 23:59:'),
      second,
      fraction,
    ),
    join(part('20:00:', '19:59:'), second),
    join(part('[21-Nov-2026 18:30:'), second, fraction, part(' +0200', ''), part(']', '')),
    join(part('21/Nov/2026:18:30:'), second, zone),
    join(part('1763749801', '@40000000550c0b8d24cd3b0c'), part('', '.5', '.500')),
    join(part('20261121T1830'), second, fraction, zone),
  ];
  const tail = part(' mx x', ' mx 7', ' 2026 x', ' UTC x', ' Zed', ' gw', ']x', ' x', '', 'x', ':');
  const odd = part(
    '  mx',
    ' 5',
    '-',
    '.5 x',
    ' ü',
    'ü',
    ' +01 x',
    ' z x',
    ' PM',
    '\u00a0x',
    ' \u00a0',
  );
  const before = fc.oneof({ weight: 5, arbitrary: part('') }, part('[', '<', 'x ', '"['));
  const lines = fc
    .constantFrom(...dates)
    .chain((own) =>
      fc.array(
        join(
          before,
          fc.oneof({ weight: 6, arbitrary: own }, ...dates),
          fc.oneof({ weight: 3, arbitrary: tail }, odd),
        ),
        { minLength: 2, maxLength: 6 },
      ),
    );
  const clock = part('2026-11-21T20:00:00', '2026-12-31T23:59:59', '2026-01-01T00:00:00').map(
    (text) => new Date(text).getTime() * 1000,
  );

  test('have the dates that a search in each of them finds', () => {
    // Named, the same patterns are searched for in each line. One pair for all: making one is slow.
    const [known, searching] = [new DateFinder(), new DateFinder('{DEFAULT}')];
    fc.assert(
      fc.property(
        lines,
        clock,
        fc.array(fc.constantFrom(0, 1, 300_000, 999_999, 1_000_000, -200_000, 3_600e6)),
        (texts, start, steps) => {
          let now = start;
          texts.forEach((text, i) => {
            now += steps[i] ?? 0;
            const at = epochMicros(now);
            expect([text, known.cut(text, at)]).toEqual([text, searching.cut(text, at)]);
          });
          expect(known.hits).toEqual(searching.hits);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of the same second are dated by their fractions', () => {
    const finder = new DateFinder();
    const times = ['.000000', '.289000', '.999999'].map(
      (each) => finder.cut(`2026-11-21T18:30:01${each}+00:00 mx x`, NOW).time,
    );
    const whole = Date.UTC(2026, 10, 21, 18, 30, 1) * 1000;
    expect(times).toEqual([whole, whole + 289_000, whole + 999_000]);
  });

  test('without a year are of the year that has come meanwhile', () => {
    const finder = new DateFinder();
    const line = 'Nov 21 20:00:00 mx x';
    expect(finder.cut(line, NOW).time).toBe(NOW);
    expect(finder.cut(line, at(2027, 11, 21, 20, 0, 0)).time).toBe(at(2027, 11, 21, 20, 0, 0));
  });
});

test('no line makes the search throw', () => {
  const finder = new DateFinder();
  const part = fc.constantFrom(
    '2026',
    '-',
    '11',
    '/',
    '21',
    ' ',
    'Nov',
    ':',
    '18',
    '[',
    ']',
    '@4000',
    '.',
    'PM',
    '+0200',
    'x',
    '9999999999',
    '99999999999',
    'audit(99999999999:1)',
    '@ffffffffffffffff',
    '0000',
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      const { time } = finder.cut(parts.join(''), NOW);
      if (time !== undefined) epochMicros(time);
    }),
  );
});
