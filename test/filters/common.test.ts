import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { formatDiagnostic } from '../../src/core/finding.js';
import { epochMicros } from '../../src/core/time.js';
import { compileFilter } from '../../src/filter/compile.js';
import { loadFilter } from '../../src/ini/definition.js';
import { literal } from '../../src/ini/value.js';
import { CONFIG, type Options } from './samples.js';

let adminRoot = '';
beforeAll(() => {
  adminRoot = mkdtempSync(join(tmpdir(), 'banjour-'));
});
afterAll(() => rmSync(adminRoot, { recursive: true }));

/** Writes a filter of an administrator's own and says whose failure it makes of a line. */
function verdictOf(
  definition: string,
  line: string,
  logtype = 'journal',
  options: Options = {},
): string {
  const file = join(adminRoot, 'filter.d/own.conf');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, definition);
  const given = new Map(
    Object.entries(options).map(([key, value]) => [key, literal(value, { file, line: 1 })]),
  );
  const loaded = loadFilter({ name: 'own', options: given, logtype, dirs: [CONFIG, adminRoot] });
  if (loaded.definition === undefined)
    throw new Error(loaded.diagnostics.map(formatDiagnostic).join('\n'));
  const { filter, diagnostics } = compileFilter(loaded.definition);
  if (filter === undefined) throw new Error(diagnostics.map(formatDiagnostic).join('\n'));
  const { result, facts } = filter.judge({ text: line }, { time: epochMicros(0), boot: '' });
  return result === 'failure' ? (facts.ip4 ?? facts.ip6 ?? '?') : result;
}

const own = (regex: string, more = '') =>
  `[INCLUDES]\nbefore = common.conf\n[Definition]\n_daemon = popd\n${more}\nfailregex = ${regex}\n`;

describe('a filter of one’s own that begins with %(__prefix_line)s', () => {
  const filter = own('^%(__prefix_line)sdenied <HOST>$');

  test.each([
    ['journal', 'mx1 popd[12]: denied 192.0.2.1'],
    ['journal', 'denied 192.0.2.1'],
    ['file', ' mx1 popd[12]: denied 192.0.2.1'],
    ['file', ' mx1 popd: denied 192.0.2.1'],
    ['file', ' mx1 popd(pam_unix)[12]: denied 192.0.2.1'],
    ['file', ' <mail.info> mx1 popd[12]: denied 192.0.2.1'],
    ['file', ' mx1 [12]: popd: denied 192.0.2.1'],
    ['file', ' mx1 popd[12]: [ID 800047 auth.info] denied 192.0.2.1'],
    ['file', ' mx1 kernel: [ 12.345678] popd: denied 192.0.2.1'],
    ['file', '[] mx1 popd[12]: denied 192.0.2.1'],
    ['short', ' mx1 popd[12]: denied 192.0.2.1'],
    ['rfc5424', ' mx1 popd 12 - - denied 192.0.2.1'],
    ['rfc5424', '<22>1 mx1 popd 12 ID47 [a@1 b="c"] denied 192.0.2.1'],
    ['rfc5424', '<22>1  mx1 popd 12 ID47 [a@1 b="c"] denied 192.0.2.1'],
  ])('matches lines of logtype %s: %s', (logtype, line) => {
    expect(verdictOf(filter, line, logtype)).toBe('192.0.2.1');
  });

  test('does not match what another daemon says', () => {
    expect(verdictOf(filter, 'mx1 imapd[12]: denied 192.0.2.1')).toBe('none');
  });

  test('may be given another daemon where it is used', () => {
    expect(
      verdictOf(filter, 'mx1 imapd[12]: denied 192.0.2.1', 'journal', { _daemon: 'imapd' }),
    ).toBe('192.0.2.1');
  });

  test('may lengthen the prefix', () => {
    const longer = own(
      '^%(__prefix_line)sdenied <HOST>$',
      '__prefix_line = %(known/__prefix_line)s(?:[A-Z]\\d+: )?',
    );
    expect(verdictOf(longer, 'mx1 popd[12]: Q17: denied 192.0.2.1')).toBe('192.0.2.1');
  });

  test('may use the parts by their names', () => {
    const parts = own('^%(__hostname)s %(__daemon_re)s%(__pid_re)s?:? denied <HOST> %(__md5hex)s$');
    const digest = Array(16).fill('0a').join(':');
    expect(verdictOf(parts, `mx1 popd[12]: denied 192.0.2.1 ${digest}`)).toBe('192.0.2.1');
  });

  test('may fix the log type', () => {
    const fixed = own('^%(lt_short/__prefix_line)sdenied <HOST>$');
    expect(verdictOf(fixed, 'mx1 popd[12]: denied 192.0.2.1', 'rfc5424')).toBe('192.0.2.1');
  });
});

describe('a filter of one’s own that begins with %(__entry_start)s', () => {
  const filter = own('^%(__entry_start)sdenied <HOST>$');

  test.each([
    ['journal', 'mx1 popd[12]: denied 192.0.2.1', '192.0.2.1'],
    ['file', ' mx1 popd: denied 192.0.2.1', '192.0.2.1'],
    ['file', ' <mail.info> mx1 popd[12]: denied 192.0.2.1', '192.0.2.1'],
    ['rfc5424', ' mx1 popd 12 - - denied 192.0.2.1', '192.0.2.1'],
    ['rfc5424', '<22>1  mx1 popd 12 - - denied 192.0.2.1', '192.0.2.1'],
    ['rfc5424', '<22>1  mx1 popd - ID47 [a@1 b="c"][d] denied 192.0.2.1', '192.0.2.1'],
    ['rfc5424', '<22>1  mx1 popd 12 - [a@1 b="c\\] \\" d"] denied 192.0.2.1', '192.0.2.1'],
    ['rfc5424', '<22>1  mx1 popd 12 - - \ufeffdenied 192.0.2.1', '192.0.2.1'],
    ['rfc5424', '<22>1  mx1 imapd 12 - [a@1 b="c] popd 12 - - denied"] denied 192.0.2.1', 'none'],
    ['rfc5424', '<22>1  mx1 imapd 12 - - popd 12 - - denied 192.0.2.1', 'none'],
    ['journal', 'denied 192.0.2.1', 'none'],
    ['journal', 'mx1 denied 192.0.2.1', 'none'],
    ['journal', 'mx1 imapd[12]: popd[12]: denied 192.0.2.1', 'none'],
  ])('takes lines of its daemon only, logtype %s: %s', (logtype, line, expected) => {
    expect(verdictOf(filter, line, logtype)).toBe(expected);
  });
});
