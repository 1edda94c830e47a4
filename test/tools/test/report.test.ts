import { describe, expect, test } from '@jest/globals';
import {
  REPORT_HITS_MAX,
  REPORT_LINE_CHARS_MAX,
  REPORT_LINES_MAX,
} from '../../../src/core/service-limits.js';
import { epochMicros } from '../../../src/core/time.js';
import { DateFinder } from '../../../src/filter/dates.js';
import {
  FEW_LINES,
  FilterReport,
  type LineResult,
  type ReportOptions,
} from '../../../src/tools/test/report.js';
import {
  reportHead,
  reportJson,
  reportRow,
  reportText,
} from '../../../src/tools/test/report-text.js';
import { compiled, entry, type FilterText } from '../../support/filters.js';
import { noGuard } from '../../support/guard.js';

const NOW = epochMicros(1_763_749_801_000_000);
const QMAIL: FilterText = {
  failregex: [
    'rejected \\(dnsbl\\) .* from <HOST>$',
    'never <HOST>',
    'not existing recipient from <F-USER>\\S+</F-USER> at <HOST>$',
  ],
  ignoreregex: ['from 192\\.0\\.2\\.9$'],
};

function report(text: FilterText, lines: readonly string[], options: ReportOptions = {}) {
  const made = new FilterReport(compiled(text), noGuard, { dates: new DateFinder(), ...options });
  for (const line of lines) made.addText(line, NOW);
  made.finish();
  return made;
}

const LINES = [
  '@40000000550c0b8d24cd3b0c smtpd: rejected (dnsbl) x from 192.0.2.1',
  '@40000000550c0b8e24cd3b0c smtpd: rejected (dnsbl) y from 192.0.2.2',
  '@40000000550c0b8f24cd3b0c smtpd: rejected (dnsbl) y from 192.0.2.9',
  '',
  '# a comment',
  '@40000000550c0b9024cd3b0c smtpd: not existing recipient from anna at 192.0.2.1',
  '@40000000550c0b9124cd3b0c smtpd: all is well\u001b[31m',
];

describe('the report on a filter', () => {
  test('has the shape that users of fail2ban-regex know', () => {
    expect(reportHead({ use: [{ what: 'filter file', value: 'qmail-smtp' }] })).toBe(
      '\nRunning tests\n=============\n\nUse      filter file : qmail-smtp\n\n',
    );
    expect(reportText(report(QMAIL, LINES), { seconds: 1.5 })).toBe(`
Results
=======

Failregex: 3 total
|-  #) [# of hits] regular expression
|   1) [2] rejected \\(dnsbl\\) .* from <HOST>$
|   3) [1] not existing recipient from <F-USER>\\S+</F-USER> at <HOST>$
\`-

Ignoreregex: 1 total
|-  #) [# of hits] regular expression
|   1) [1] from 192\\.0\\.2\\.9$
\`-

Date template hits:
|- [# of hits] date format
|  [5] {^LN-BEG}TAI64N
\`-

Lines: 5 lines, 1 ignored, 3 matched, 1 missed
[processed in 1.50 sec]

|- Ignored line(s):
|  ${LINES[2]}
\`-
|- Missed line(s):
|  @40000000550c0b9124cd3b0c smtpd: all is well\\x1b[31m
\`-
`);
  });

  test('prints long lists on request only', () => {
    const many = Array.from({ length: 30 }, (_, i) => `line ${i}`);
    expect(reportText(report(QMAIL, many))).toContain(
      'Missed line(s): too many to print.  Use --print-all-missed to print all 30 lines\n',
    );
    const all = reportText(report(QMAIL, many, { allMissed: true }), { printAllMissed: true });
    expect(all).toContain('|  line 29\n');
    expect(reportText(report(QMAIL, many), { printNoMissed: true })).not.toContain('Missed line');
  });

  test('keeps few lines unless asked, never more than REPORT_LINES_MAX, and none longer than REPORT_LINE_CHARS_MAX', () => {
    expect(report(QMAIL, Array(FEW_LINES + 1).fill('x')).missed).toMatchObject({
      count: FEW_LINES + 1,
      lines: { length: FEW_LINES },
    });
    const all = report(QMAIL, Array(REPORT_LINES_MAX).fill('x'), { allMissed: true });
    expect(all.missed.lines).toHaveLength(REPORT_LINES_MAX);
    all.addText('one more', NOW);
    all.finish();
    expect(all.missed).toMatchObject({
      count: REPORT_LINES_MAX + 1,
      lines: { length: REPORT_LINES_MAX },
    });
    for (const more of [0, 1])
      expect(
        report(QMAIL, ['y'.repeat(REPORT_LINE_CHARS_MAX + more)]).missed.lines[0],
      ).toHaveLength(REPORT_LINE_CHARS_MAX);
  });

  test('keeps at most REPORT_HITS_MAX examples of a regex', () => {
    const lines = Array.from(
      { length: REPORT_HITS_MAX + 1 },
      () => 'rejected (dnsbl) x from 192.0.2.1',
    );
    expect(report(QMAIL, lines.slice(1)).regexes[0]?.examples).toHaveLength(REPORT_HITS_MAX);
    expect(report(QMAIL, lines).regexes[0]).toMatchObject({ hits: REPORT_HITS_MAX + 1 });
    expect(report(QMAIL, lines).regexes[0]?.examples).toHaveLength(REPORT_HITS_MAX);
  });

  test('tells matches that can never ban', () => {
    const made = report({ failregex: ['bad <HOST>$'], usedns: 'raw' }, [
      'bad 192.030.0.6',
      'bad example.com',
      'bad 192.0.2.1',
    ]);
    expect(made.notAnAddress).toBe(2);
    expect(reportText(made)).toContain('2 matched without an IP address: they never ban');
    expect(reportText(made, { verbose: true })).toContain(
      'example.com  2025-11-21T18:30:01.000Z (never banned)',
    );
  });

  test('takes journal entries, without dates', () => {
    const made = new FilterReport(
      compiled({ failregex: ['^mx1 sshd\\[7\\]: bad <HOST>$'] }),
      noGuard,
    );
    made.addEntry(entry('bad 192.0.2.1'));
    made.finish();
    expect(made.matched.count).toBe(1);
    expect(reportText(made)).toContain('Date template hits:\n\nLines: 1 lines');
  });

  test("finds a container's header within the message, as the agent does", () => {
    const made = new FilterReport(
      compiled({ failregex: ['^ mx1 sshd\\[8\\]: bad <HOST>$'] }),
      noGuard,
    );
    made.addEntry(entry('Nov 21 19:34:21 mx1 sshd[8]: bad 192.0.2.1', { CONTAINER_NAME: 'mail' }));
    made.addEntry(entry('Nov 21 19:34:21 mx1 sshd[8]: bad 192.0.2.1'));
    made.finish();
    expect([made.matched.count, made.missed.count]).toEqual([1, 1]);
  });

  test('is plain data for --json', () => {
    const json = JSON.parse(JSON.stringify(reportJson(report(QMAIL, LINES, { allMatched: true }))));
    expect(json).toMatchObject({
      lines: { tested: 5, matched: 3, missed: 1, ignored: 1 },
      dates: [{ name: '{^LN-BEG}TAI64N', hits: 5 }],
    });
    expect(json.regexes[2]).toMatchObject({
      name: 'failregex 3',
      hits: 1,
      examples: [{ id: '192.0.2.1', user: 'anna' }],
    });
    expect(json.matched).toHaveLength(3);
  });
});

describe('one value per match', () => {
  const results: LineResult[] = [];
  report(QMAIL, LINES, { onResult: (result) => results.push(result) });
  const rows = (format: string) => results.flatMap((result) => reportRow(result, format) ?? []);

  test.each([
    ['ip', ['192.0.2.1', '192.0.2.2', '192.0.2.1']],
    ['id', ['192.0.2.1', '192.0.2.2', '192.0.2.1']],
    ['user', ['', '', 'anna']],
    ['<F-USER> at <ip>', ['<F-USER> at 192.0.2.1', '<F-USER> at 192.0.2.2', 'anna at 192.0.2.1']],
    ['msg', [LINES[0], LINES[1], LINES[5]]],
  ])('-o %s', (format, expected) => {
    expect(rows(format)).toEqual(expected);
  });

  test('-o ip prints nothing of what only looks like an address', () => {
    const found: LineResult[] = [];
    report({ failregex: ['at <HOST>'] }, ['at 23:59:59 x', 'at 198.51.100.256 x', 'at ::1'], {
      onResult: (result) => found.push(result),
    });
    expect(found.flatMap((result) => reportRow(result, 'ip') ?? [])).toEqual(['::1']);
  });

  test('-o row', () => {
    expect(rows('row')[2]).toBe(
      '["192.0.2.1",\t1426852752.61743,\t{"ip4":"192.0.2.1","user":"anna"}],',
    );
  });
});
