/** A failure that was reported and logged counts once, whatever the order and whatever is lost. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { FilterEvent } from '../../src/core/decision.js';
import { EVENT_COUNT_MAX } from '../../src/core/limits.js';
import {
  REPORTED_ADDRESSES_MAX,
  REPORTED_LINES_MAX,
  REPORTED_SESSIONS_MAX,
} from '../../src/core/service-limits.js';
import { REPORTED_SECONDS, TALLY_TELLINGS_SECONDS } from '../../src/core/timeouts.js';
import { ReportedFailures } from '../../src/jail/reported-failures.js';
import { at, failure } from './support.js';

const WHO = '192.0.2.1';
const of = (session: string | undefined, changes: Partial<FilterEvent> = {}, who = WHO) =>
  failure(who, at(0), { user: 'anna', ...(session === undefined ? {} : { session }), ...changes });

/** What counts of a line. */
const counted = (reported: ReportedFailures, line: FilterEvent) =>
  reported.line(line).event?.count ?? 0;

describe('reports and lines of a session', () => {
  test('the second to tell of a failure does not count', () => {
    const reported = new ReportedFailures();
    expect(reported.report(of('s'))).toBe(true);
    expect(counted(reported, of('s'))).toBe(0);
    expect(counted(reported, of('t'))).toBe(1);
    expect(reported.report(of('t'))).toBe(false);
    expect(reported.report(of('t'))).toBe(true);
  });

  test('a line counts what is more than the reports said', () => {
    const reported = new ReportedFailures();
    reported.report(of('s'));
    reported.report(of('s'));
    expect(counted(reported, of('s', { count: 5 }))).toBe(3);
  });

  test('of any order and loss as many count as either tells, whichever is more', () => {
    const step = fc.record({
      session: fc.constantFrom('a', 'b', 'c'),
      user: fc.constantFrom('anna', 'bert'),
      lines: fc.nat({ max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const reported = new ReportedFailures();
        reported.expect();
        const told = new Map<string, { reports: number; lines: number; counted: number }>();
        for (const { session, user, lines } of steps) {
          const sums = told.get(session) ?? { reports: 0, lines: 0, counted: 0 };
          told.set(session, sums);
          if (lines === 0) {
            sums.reports++;
            if (reported.report(of(session, { user }))) sums.counted++;
          } else {
            sums.lines += lines;
            sums.counted += counted(reported, of(session, { user, count: lines }));
          }
          for (const one of told.values())
            expect(one.counted).toBe(Math.max(one.reports, one.lines));
        }
      }),
    );
  });

  test.each([
    ['lines name no session: in all, for each user', ['a', 'b'], 'a line'],
    [
      'reports name no session, and lines those of Postfix',
      ['smtpd[1]: ', 'smtpd[2]: ', undefined],
      'a report',
    ],
  ] as const)('also where %s', (_, sessions, silent) => {
    const step = fc.record({
      session: fc.constantFrom(...sessions),
      kind: fc.constantFrom('report', 'line'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const reported = new ReportedFailures();
        reported.expect();
        const sums = { report: 0, line: 0 };
        let all = 0;
        for (const { session, kind } of steps) {
          sums[kind]++;
          const line = of(silent === 'a line' ? undefined : session);
          if (kind === 'line') all += counted(reported, line);
          else if (reported.report(of(silent === 'a report' ? '' : session))) all++;
        }
        expect(all).toBe(Math.max(sums.report, sums.line));
      }),
    );
  });

  test('a report without a session is told by a line of the same user, and of its time', () => {
    const reported = new ReportedFailures();
    const first = of('', { isRefused: true });
    reported.report(first);
    reported.weighed(first, [first]);
    expect(counted(reported, of('smtpd[1]: ', { user: 'bert' }))).toBe(1);
    const late = { time: at(TALLY_TELLINGS_SECONDS + 1) };
    expect(counted(reported, of('smtpd[1]: ', late))).toBe(1);
    const line = of('smtpd[2]: ', { time: at(TALLY_TELLINGS_SECONDS), count: 3 });
    expect(reported.line(line)).toMatchObject({ event: { count: 2 }, attempts: [first] });
  });

  test('a line without a session is that of a report of the same user, and of its time', () => {
    const reported = new ReportedFailures();
    reported.report(of('s', { user: 'Anna@example.org' }));
    expect(counted(reported, of(undefined, { user: 'bert' }))).toBe(1);
    expect(counted(reported, of(undefined, { time: at(TALLY_TELLINGS_SECONDS + 1) }))).toBe(1);
    expect(counted(reported, of(undefined, { time: at(TALLY_TELLINGS_SECONDS) }))).toBe(0);
  });

  test('what the ledger remembers of a report comes with the line that tells it too', () => {
    const reported = new ReportedFailures();
    const first = of('s');
    reported.report(first);
    reported.weighed(first, [first]);
    expect(reported.line(of('t')).attempts).toEqual([]);
    expect(reported.line(of('s')).attempts).toEqual([first]);
    expect(reported.line(of('s')).attempts).toEqual([]);
  });

  test('where nobody reports, every line counts as it is and nothing is kept', () => {
    const reported = new ReportedFailures();
    const line = of('s');
    expect(reported.line(line).event).toBe(line);
    expect(reported.size).toBe(0);
  });

  test('a login is left alone', () => {
    const reported = new ReportedFailures();
    reported.report(of('s'));
    const login = { ...of('s'), kind: 'success' } as const;
    expect(reported.line(login).event).toBe(login);
  });
});

describe('what is kept is bounded', () => {
  test('addresses: the one that was silent longest goes', () => {
    const reported = new ReportedFailures();
    const who = (n: number) => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    for (let n = 0; n < REPORTED_ADDRESSES_MAX; n++) reported.report(of('s', {}, who(n)));
    expect(counted(reported, of('s', {}, who(0)))).toBe(0);
    reported.report(of('s', {}, who(REPORTED_ADDRESSES_MAX)));
    expect(reported.size).toBe(REPORTED_ADDRESSES_MAX);
    expect(counted(reported, of('s', {}, who(1)))).toBe(1);
  });

  test('sessions of an address, failures of a session, and time', () => {
    const reported = new ReportedFailures();
    for (let n = 0; n <= REPORTED_SESSIONS_MAX; n++) reported.report(of(`s${n}`));
    expect(counted(reported, of(`s${REPORTED_SESSIONS_MAX}`))).toBe(0);
    expect(counted(reported, of('s0'))).toBe(1);
    for (let n = 0; n <= EVENT_COUNT_MAX; n++) reported.report(of('many', {}, '192.0.2.2'));
    expect(counted(reported, of('many', { count: 200 }, '192.0.2.2'))).toBe(200 - EVENT_COUNT_MAX);
    for (let n = 0; n <= REPORTED_LINES_MAX; n++)
      reported.line(of(undefined, { user: `u${n}` }, '192.0.2.5'));
    expect(reported.report(of('s', { user: 'u1' }, '192.0.2.5'))).toBe(false);
    expect(reported.report(of('s', { user: 'u0' }, '192.0.2.5'))).toBe(true);
    reported.report(of('old', {}, '192.0.2.3'));
    const late = of('old', { time: at(REPORTED_SECONDS + 1) }, '192.0.2.4');
    reported.report(late);
    expect(reported.size).toBe(1);
  });
});
