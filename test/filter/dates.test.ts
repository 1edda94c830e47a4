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
    ['syslog', 'Nov 21 18:30:01 mx1 sshd[7]: bad', ' mx1 sshd[7]: bad', at(2026, 11, 21, 18, 30, 1)],
    ['syslog, day of one digit', 'Nov  1 18:30:01 mx1 x', ' mx1 x', at(2026, 11, 1, 18, 30, 1)],
    ['ISO', '2026-11-21T18:30:01 mx1', ' mx1', at(2026, 11, 21, 18, 30, 1)],
    [
      'ISO with blank and zone',
      '2026-11-21 18:30:01.250 +0200 mx1',
      ' mx1',
      epochMicros(Date.UTC(2026, 10, 21, 16, 30, 1, 250) * 1000),
    ],
    ['ISO with Z', '2026-11-21T18:30:01Z mx1', ' mx1', epochMicros(Date.UTC(2026, 10, 21, 18, 30, 1) * 1000)],
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
    expect(cut('Feb 29 10:00:00 x', undefined, at(2024, 3, 1)).time).toBe(at(2024, 2, 29, 10, 0, 0));
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
  test('of the filter replaces the known formats', () => {
    expect(cut('at 21|11|2026 18.30.01 x', '%d\\|%m\\|%Y %H\\.%M\\.%S')).toMatchObject({
      text: 'at  x',
      time: at(2026, 11, 21, 18, 30, 1),
    });
    expect(cut('Nov 21 18:30:01 x', '%d\\|%m\\|%Y')).toEqual({ text: 'Nov 21 18:30:01 x', date: '' });
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
    expect(new DateFinder('%Y (').diagnostics).toMatchObject([{ level: 'error', key: 'datepattern', value: '%Y (' }]);
  });
});

test('the place where the last date stood is preferred', () => {
  const finder = new DateFinder();
  finder.cut('mx1 2026-11-21 18:30:01 x', NOW);
  expect(finder.cut('mx1 2026-11-21 18:30:02 at 2020-01-01 00:00:00', NOW).text).toBe('mx1  at 2020-01-01 00:00:00');
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
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
      finder.cut(parts.join(''), NOW);
    }),
  );
});
