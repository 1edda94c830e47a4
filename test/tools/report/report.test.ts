import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AgentView } from '../../../src/control/protocol.js';
import type { Figures } from '../../../src/core/figures.js';
import { formatCount } from '../../../src/core/text.js';
import { plus } from '../../../src/core/time.js';
import { HOURLY_SECONDS } from '../../../src/core/timeouts.js';
import { openLedgerForReading } from '../../../src/ledger/open.js';
import { reportHtml } from '../../../src/tools/report/html.js';
import { type HostReport, makeReport } from '../../../src/tools/report/report.js';
import { sectionsOf, stepsOf, weekOf } from '../../../src/tools/report/sections.js';
import { reportText } from '../../../src/tools/report/text.js';
import { elementsOf } from '../../charts/elements.js';
import { WEEK_SINCE, WEEK_UNTIL, writeWeek } from './sample.js';

const GOLDEN = join(process.cwd(), 'test/tools/report/week.txt');
const HOSTILE = `<script src="//x">alert('1')</script>&<!--\x1b[31m\r\n\u202e\u200b]]>`;
/** What no terminal, page or log may be given. */
const CONTROLS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\ufeff]/;

let directory: string;
const ledger = (name: string) => join(directory, `${name}.sqlite3`);
const silent = {
  figures: () => Promise.reject(new Error('no agent')),
  status: () => Promise.reject(new Error('no agent')),
};

const made = (name: string, more: Partial<Parameters<typeof makeReport>[0]> = {}) =>
  makeReport({
    since: WEEK_SINCE,
    until: WEEK_UNTIL,
    now: WEEK_UNTIL,
    client: silent,
    ledgerPath: ledger(name),
    host: 'mx.example.org',
    ...more,
  });

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'banjour-report-'));
  writeWeek(ledger('plain'));
  writeWeek(ledger('hostile'), HOSTILE);
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('a report', () => {
  test('has the figures of the ledger, in every form', async () => {
    const report = await made('plain');
    const file = openLedgerForReading(ledger('plain'));
    const figures: Figures = file.database.figures(WEEK_SINCE, WEEK_UNTIL);
    file.close();
    const { missing, ...rest } = figures;
    expect(report).toMatchObject(rest);
    expect(report.missing).toEqual([...missing, expect.stringContaining('no agent answers')]);
    const html = reportHtml(report);
    const text = reportText(report, Number.POSITIVE_INFINITY);
    for (const count of [report.totals.attempts, report.totals.bans, report.totals.packets])
      for (const form of [html, text]) expect(form).toContain(formatCount(count));
    const cells = elementsOf(html).filter(({ name }) => name === 'td');
    const rows = sectionsOf(report).flatMap((section) => section.rows.flat());
    expect(cells.map((cell) => cell.text)).toEqual(
      rows.map((cell) => cell.replaceAll("'", '&#39;').replaceAll('"', '&quot;')),
    );
  });

  test('adds its hours up to the same in steps, days and weekdays', async () => {
    const report = await made('plain');
    const { attempts, bans } = report.totals;
    for (const most of [1, 20, 100, 168]) {
      const { steps } = stepsOf(report, most);
      expect(steps.length).toBeLessThanOrEqual(most);
      expect(steps.reduce((sum, step) => sum + step.attempts, 0)).toBe(attempts);
      expect(steps.reduce((sum, step) => sum + step.bans, 0)).toBe(bans);
    }
    expect(
      weekOf(report)
        .flat()
        .reduce((sum, count) => sum + count, 0),
    ).toBe(attempts);
    const days = sectionsOf(report)[0]?.rows ?? [];
    expect(days.reduce((sum, [, count]) => sum + Number(count), 0)).toBe(attempts);
  });

  test('of strangers takes text as text: no markup, no control characters', async () => {
    const [plain, hostile] = [reportHtml(await made('plain')), reportHtml(await made('hostile'))];
    const names = (html: string) => elementsOf(html).map(({ name }) => name);
    expect(names(hostile)).toEqual(names(plain));
    expect(hostile).toContain('&lt;script src=');
    const text = reportText(await made('hostile'), Number.POSITIVE_INFINITY);
    for (const form of [hostile, text]) expect(form.replaceAll('\n', '')).not.toMatch(CONTROLS);
    expect(text.split('\n')).toHaveLength(
      reportText(await made('plain'), Number.POSITIVE_INFINITY).split('\n').length,
    );
  });

  test('as a page runs nothing and asks for nothing from elsewhere', async () => {
    const html = reportHtml(await made('hostile', { host: HOSTILE }));
    const elements = elementsOf(html);
    const known =
      'html head meta title style body h1 h2 p table thead tbody tr th td svg desc text rect path';
    expect([...new Set(elements.map(({ name }) => name))].sort()).toEqual(known.split(' ').sort());
    for (const { name, attributes } of elements)
      for (const [key, value] of Object.entries(attributes)) {
        expect(key).not.toMatch(/^on|^(?:src|href|style|action|formaction|srcdoc)$/);
        if (key !== 'xmlns' && name !== 'meta') expect(value).not.toMatch(/https?:|\/\/|url\(/);
      }
    for (const { text } of elements.filter(({ name }) => name === 'style'))
      expect(text).not.toMatch(/@import|url\(|expression/);
    expect(html).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(Buffer.byteLength(html)).toBeLessThan(100_000);
  });

  test('without a ledger that can be read asks the agent, and without both says why', async () => {
    const { host: _, time: __, now: ___, ...figures } = await made('plain');
    const status = {
      version: '1',
      since: '2026-11-16T00:00:00.000Z',
      firewall: { inForce: 7 },
      sources: [{ lagSeconds: 3 }, { lagSeconds: null }],
      warnings: [HOSTILE],
    };
    const client = {
      figures: () => Promise.resolve(figures as Figures),
      status: () => Promise.resolve(status as unknown as AgentView),
    };
    const report = await made('none', { client });
    expect(report.totals).toEqual(figures.totals);
    expect(report.now).toMatchObject({ bansInForce: 7, lagSeconds: 3 });
    expect(reportText(report, 80).replaceAll('\n', '')).not.toMatch(CONTROLS);
    await expect(made('none')).rejects.toThrow(/there is no ledger at/);
  });

  test('reaches no further back than the ledger counts, and says so', async () => {
    const report = await made('plain', { since: plus(WEEK_UNTIL, -HOURLY_SECONDS - 1) });
    expect(report.missing.join(' ')).toContain('62 days');
    const whole = await made('plain', { since: plus(WEEK_UNTIL, -HOURLY_SECONDS) });
    expect(whole.missing.join(' ')).not.toContain('62 days');
    expect(whole.totals).toEqual(report.totals);
  });

  test('of an empty ledger is a report', async () => {
    const report = await made('plain', {
      since: plus(WEEK_SINCE, -86_400),
      until: plus(WEEK_SINCE, -80_000),
    });
    expect(report.totals).toMatchObject({ attempts: 0, bans: 0 });
    expect(reportText(report, 80)).toContain('No jail saw anything.');
    expect(elementsOf(reportHtml(report)).length).toBeGreaterThan(50);
  });
});

describe('banjour report', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['dist/src/main.js', 'report', ...args], {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'UTC' },
    });
  const week = ['--since', '2026-11-16T00:00Z', '--until', '2026-11-23T00:00Z'];
  let places: string[];
  beforeAll(() => {
    writeWeek(join(directory, 'ledger.sqlite3'));
    places = ['--state-dir', directory, '--run-dir', directory];
  });

  test('prints what stands in week.txt', () => {
    const { stdout, stderr } = run(...week, ...places);
    const shown = stdout.replace(/^Banjour on \S+,/, 'Banjour on HOST,');
    if (process.env['BANJOUR_WRITE_GOLDEN'] === '1') writeFileSync(GOLDEN, shown);
    expect(stderr).toBe('');
    expect(shown).toBe(readFileSync(GOLDEN, 'utf8'));
  });

  test('writes a page that only its owner may read, and JSON with the same figures', () => {
    const page = join(directory, 'report.html');
    const { stdout, status } = run(...week, ...places, '--html', page, '--json');
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as HostReport;
    const html = readFileSync(page, 'utf8');
    expect(html).toContain(`${formatCount(report.totals.attempts)} failed attempts`);
    expect(statSync(page).mode & 0o777).toBe(0o600);
  });

  test('goes by mail to the receivers in companion.conf, by the mailer of notify.conf', () => {
    const config = join(directory, 'etc');
    mkdirSync(config);
    const sendmail = join(directory, 'sendmail');
    writeFileSync(sendmail, `#!/bin/sh\ncat > ${directory}/mail; echo "$@" > ${directory}/args\n`);
    chmodSync(sendmail, 0o755);
    writeFileSync(join(config, 'notify.conf'), `[Definition]\nmailer = ${sendmail}\n`);
    writeFileSync(join(config, 'companion.conf'), '[notify]\nreport-to = anna@example.org\n');
    const sent = run(...week, ...places, '--config-dir', config, '--mail');
    expect([sent.status, sent.stdout, sent.stderr]).toEqual([0, '', 'sent to anna@example.org\n']);
    expect(readFileSync(join(directory, 'args'), 'utf8')).toBe('-i -f root -- anna@example.org\n');
    expect(readFileSync(join(directory, 'mail'), 'utf8')).toMatch(
      /^Subject: \[Banjour\] [\s\S]*245 bans[\s\S]*^Content-Type: text\/html/m,
    );
    writeFileSync(join(config, 'notify.conf'), '[Definition]\nmailer = /bin/false\n');
    const refused = run(...week, ...places, '--config-dir', config, '--mail');
    expect([refused.status, refused.stderr]).toEqual([69, expect.stringContaining('not sent')]);
  });

  test('says what is wrong with what was typed', () => {
    expect(run('--since', '1d', '--until', '2d', ...places).stderr).toContain('no time between');
    expect(run('--since', 'soon', ...places).stderr).toContain('not a time');
    expect(run('--html', '/nowhere/x.html', ...places).stderr).toContain('cannot be written');
    const none = run('--state-dir', '/nowhere', '--run-dir', '/nowhere');
    expect([none.status, none.stderr]).toEqual([66, expect.stringContaining('there is no ledger')]);
  });
});
