/** What `explain` says of the entries of a decision: who found each, and what each counted. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { BanView, ExplainView } from '../../src/control/protocol.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { createSource } from '../../src/journal/source.js';
import { loadSetup } from '../../src/setup/load.js';
import type { JailSetup } from '../../src/setup/setup.js';
import { textTools } from '../../src/setup/text-dates.js';
import { evidenceOf } from '../../src/tools/explain.js';
import { canWrite, type FakeEntry, writeJournal } from '../support/journal-files.js';
import { needs } from '../support/require.js';

const LINE = String.raw`^\S+ \S+: `;
/** Filters that take each other's lines for something else, by name. */
const FILTERS = {
  calm: `failregex = ${LINE}login failed from <HOST>$\nignoreregex = ${LINE}login failed from <HOST>\nsuccessregex = ${LINE}welcome <HOST>$`,
  twin: `failregex = ${LINE}login failed from <HOST>$`,
  real: `failregex = ${LINE}nothing from <HOST>$\n            ${LINE}login failed from <HOST>$`,
};
const NAMES = Object.keys(FILTERS);

let folder: string;
let setups: readonly JailSetup[];
let cursors: string[];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-evidence-'));
  for (const name of ['etc/filter.d', 'journal'])
    mkdirSync(join(folder, name), { recursive: true });
  for (const [name, text] of Object.entries(FILTERS))
    writeFileSync(
      join(folder, `etc/filter.d/${name}.conf`),
      `[Definition]\n${text}\njournalmatch = _SYSTEMD_UNIT=${name}.service\n`,
    );
  const jails = NAMES.map((name) => `[${name}]\nenabled = true\nmaxretry = 3\ngroup = login\n`);
  writeFileSync(
    join(folder, 'etc/jail.local'),
    `[DEFAULT]\nsource = directory ${join(folder, 'journal')}\n[login]\nenabled = true\n[recidive]\nenabled = true\n${jails.join('')}`,
  );
  setups = loadSetup({
    shippedRoot: join(process.cwd(), 'config'),
    adminRoot: join(folder, 'etc'),
  }).setup.jails;
  if (!canWrite[0]) return;
  cursors = written(join(folder, 'journal'), [
    ...[0, 1, 2].map((i) => entry('real', 'real', 'login failed from 192.0.2.1', i)),
    entry('calm', 'calm', 'login failed from 192.0.2.1', 3),
  ]);
});
afterAll(() => rmSync(folder, { recursive: true }));

function entry(unit: string, program: string, message: string, second: number): FakeEntry {
  const fields = { _SYSTEMD_UNIT: `${unit}.service`, _HOSTNAME: 'h', SYSLOG_IDENTIFIER: program };
  return { at: second * 1_000_000, message, fields };
}

/** Writes a journal and returns the cursors of its entries. */
function written(path: string, entries: readonly FakeEntry[]): string[] {
  writeJournal(join(path, 'host.journal'), entries);
  const source = createSource({ kind: 'directory', path }, sourceId('test'), textTools);
  source.open(WHOLE_JOURNAL, { literals: undefined, fields: [] }, { at: 'head' });
  const cursors = source.next(100).entries.map(({ cursor }) => cursor as string);
  source.close();
  return cursors;
}

type WindowView = ExplainView['windows'][number];
const ban = (jail: string, more: Partial<BanView>): BanView => ({
  ...{ id: 1, jail, target: '192.0.2.1', failures: 3, origin: 'journal', state: 'in-force' },
  ...{ time: '2026-11-21T00:00:03.000Z', until: null, evidence: [] },
  ...more,
});
const windowOf = (jail: string, more: Partial<WindowView>): WindowView => ({
  ...{ jail, target: '192.0.2.1', failures: 3, maxretry: 3, needed: 3, evidence: [], counts: [] },
  ...more,
});
const told = (more: Partial<ExplainView>, of = setups) =>
  evidenceOf({ address: '192.0.2.1', allowed: {}, bans: [], windows: [], kernel: [], ...more }, of);

describe('the entries of a decision', () => {
  const test = needs(...canWrite);

  test('name the regex of the jail that wanted them, also of a jail that reads nothing itself', () => {
    const three = cursors.slice(0, 3);
    for (const jail of ['real', 'login', 'recidive']) {
      const [evidence] = told({ bans: [ban(jail, { evidence: three })] });
      expect(evidence?.entries.map(({ regex }) => regex)).toEqual(
        three.map(() => expect.stringMatching(/real\.conf:3: .*login failed from <HOST>\$$/)),
      );
      expect(evidence?.entries[0]).toMatchObject({
        time: '2026-11-21T00:00:00.000Z',
        line: 'h real: login failed from 192.0.2.1',
      });
    }
  });

  test('name none where today no filter of theirs finds a failure in them', () => {
    for (const jail of ['calm', 'login', 'gone']) {
      const [evidence] = told({ bans: [ban(jail, { evidence: cursors.slice(3) })] });
      expect([jail, evidence?.entries[0]?.regex]).toEqual([jail, undefined]);
      expect(evidence?.entries[0]?.line === undefined).toBe(jail === 'gone');
    }
  });

  test('come oldest first, those that are gone before them', () => {
    const evidence = [cursors[1] ?? '', cursors[0] ?? '', 's=1;i=1;b=1;m=1;t=1;x=1'];
    const [{ entries } = { entries: [] }] = told({ bans: [ban('real', { evidence })] });
    expect(entries.map(({ cursor }) => cursor)).toEqual([evidence[2], evidence[1], evidence[0]]);
  });
});

describe('what a jail counted', () => {
  test('is what it said of each entry, whatever the line would say by itself', () => {
    const [evidence] = told({
      bans: [ban('real', { evidence: ['a', 'b'], counts: [2, 1], failures: 9, needed: 9 })],
      windows: [windowOf('real', { evidence: ['b', 'c'], counts: [7, 4] })],
    });
    expect(evidence).toMatchObject({
      earlier: 6,
      rule: { maxretry: 3, needed: 9, isWeighing: false },
    });
    expect(evidence?.entries.map(({ cursor, count }) => [cursor, count])).toEqual([
      ['b', 1],
      ['c', 4],
      ['a', 2],
    ]);
  });

  test('claims nothing of entries that were not kept where an old ban does not say', () => {
    expect(told({ bans: [ban('real', { evidence: ['a'], failures: 9 })] })[0]?.earlier).toBe(0);
  });

  test('is of the window where no ban has entries', () => {
    const windows = [windowOf('real', { evidence: ['a'], counts: [1], failures: 5, needed: 6 })];
    for (const bans of [[], [ban('real', { origin: 'operator', failures: 0 })]])
      expect(told({ bans, windows })[0]).toMatchObject({ earlier: 4, rule: { needed: 6 } });
  });

  test('of a jail that weighs: the points that banned, or those that would ban now', () => {
    const windows = [windowOf('login', { maxretry: 5, needed: 10, points: 4 })];
    const needed = (more: Partial<BanView>) =>
      told({ bans: [ban('login', more)], windows })[0]?.rule?.needed;
    expect(needed({ rule: 'slow', needed: 15 })).toBe(15);
    // Of this rule they were failures.
    expect(needed({ rule: 'fast', needed: 3 })).toBe(10);
    expect(told({ windows })[0]).toMatchObject({ rule: { needed: 10 }, sum: { points: 4 } });
  });
});

describe('the entries of the shipped jails', () => {
  const test = needs(...canWrite);

  test('name the regex of the jail that counts them, not of one that takes note of them', () => {
    const root = join(folder, 'shipped');
    for (const name of ['etc', 'journal']) mkdirSync(join(root, name), { recursive: true });
    const jails = ['postfix-sasl', 'dovecot', 'sshd'];
    writeFileSync(
      join(root, 'etc/jail.local'),
      `[DEFAULT]\nsource = directory ${join(root, 'journal')}\n${['login', ...jails].map((jail) => `[${jail}]\nenabled = true\n`).join('')}`,
    );
    const shipped = loadSetup({
      shippedRoot: join(process.cwd(), 'config'),
      adminRoot: join(root, 'etc'),
    }).setup.jails;
    const dovecot = (message: string) => entry('dovecot', 'dovecot', message, 0);
    const postfix = (message: string) => entry('postfix', 'postfix/smtpd', message, 1);
    const lines: readonly [FakeEntry, string | undefined][] = [
      [
        dovecot(
          'auth-worker(9): pam(anna,192.0.2.1,<w1>): pam_authenticate() failed: Authentication failure (Password mismatch?)',
        ),
        'dovecot.conf',
      ],
      [
        dovecot(
          'auth-worker(9): passwd-file(anna,192.0.2.1,<w2>): Password mismatch (SHA1 of given password: a1b2c3)',
        ),
        'dovecot.conf',
      ],
      [
        dovecot(
          'imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<anna>, method=PLAIN, rip=192.0.2.1, lip=192.0.2.2, TLS, session=<w3>',
        ),
        'dovecot.conf',
      ],
      [
        postfix(
          'warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=anna',
        ),
        'postfix-sasl.conf',
      ],
      // Every filter of mail takes note of connections; no failure is in them.
      [postfix('connect from unknown[192.0.2.1]'), undefined],
    ];
    const evidence = written(
      join(root, 'journal'),
      lines.map(([line]) => line),
    );
    const [found] = told({ bans: [ban('login', { evidence })] }, shipped);
    const byCursor = new Map(found?.entries.map(({ cursor, regex }) => [cursor, regex]));
    for (const [i, [line, file]] of lines.entries()) {
      const regex = byCursor.get(evidence[i] ?? '');
      expect([line.message, regex && /[^/]+\.conf/.exec(regex)?.[0]]).toEqual([line.message, file]);
      expect(regex ?? '').not.toMatch(/F-(ELSEWHERE|OPENED|CLOSED|TROUBLE)/);
    }
    // A jail of its own claims nothing of what another counts.
    const own = (jail: string, i: number) =>
      told({ bans: [ban(jail, { evidence: evidence.slice(i, i + 1) })] }, shipped)[0]?.entries[0];
    expect(own('postfix-sasl', 0)?.regex).toBeUndefined();
    expect(own('dovecot', 3)?.regex).toBeUndefined();
  });
});
