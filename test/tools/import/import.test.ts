import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import Database from 'better-sqlite3';
import { wallClock } from '../../../src/core/time.js';
import { openLedger } from '../../../src/ledger/open.js';
import { Host } from '../../control/host.js';
import { fail2banPackage } from '../../support/fail2ban.js';
import { canWrite } from '../../support/journal-files.js';
import { isRoot, needs } from '../../support/require.js';

const NOW = Math.floor(Date.now() / 1000);

/** fail2ban's folder with one jail and a filter of the administrator, and its database. */
function fail2banOf(host: Host): { folder: string; database: string } {
  const folder = join(host.folder, 'fail2ban');
  mkdirSync(join(folder, 'filter.d'), { recursive: true });
  const database = join(host.folder, 'fail2ban.sqlite3');
  writeFileSync(join(folder, 'fail2ban.conf'), '[Definition]\ndbfile = /somewhere/else.sqlite3\n');
  writeFileSync(join(folder, 'fail2ban.local'), `[Definition]\ndbfile = ${database}\n`);
  writeFileSync(
    join(folder, 'jail.local'),
    '[DEFAULT]\nignoreip = 127.0.0.1/8\n[mine]\nenabled = true\nfilter = mine\nmaxretry = 3\nbackend = systemd\nport = smtp\n' +
      `source = directory ${host.journalFolder}\n`,
  );
  writeFileSync(
    join(folder, 'filter.d/mine.conf'),
    '[Definition]\nfailregex = ^bad <HOST>$\njournalmatch = _SYSTEMD_UNIT=mine.service\n',
  );
  const db = new Database(database);
  db.exec('CREATE TABLE fail2banDb (version INTEGER)');
  db.exec('INSERT INTO fail2banDb VALUES (4)');
  const columns =
    '(jail TEXT, ip TEXT, timeofban INTEGER, bantime INTEGER, bancount INTEGER, data JSON)';
  db.exec(`CREATE TABLE bips ${columns}`);
  db.exec(`CREATE TABLE bans ${columns}`);
  const add = (table: string, ...row: unknown[]) =>
    db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?, ?)`).run(...row);
  add('bips', 'mine', '192.0.2.1', NOW - 60, 3600, 2, '{"failures": 7}');
  add('bips', 'mine', '198.51.100.2', NOW - 60, -1, 1, '{"failures": 5}');
  add('bips', 'gone', '192.0.2.3', NOW - 60, 3600, 1, '{}');
  add('bips', 'mine', '127.0.0.5', NOW - 60, 3600, 1, '{}');
  add('bips', 'mine', 'not-an-address', NOW - 60, 3600, 1, '{}');
  add('bans', 'mine', '192.0.2.1', NOW - 9000, 600, 1, '{"failures": 5}');
  db.close();
  return { folder, database };
}

describe('banjour import', () => {
  let host: Host;
  let from: ReturnType<typeof fail2banOf>;
  beforeEach(() => {
    host = new Host();
    from = fail2banOf(host);
  });
  afterEach(() => host.end());
  const jailLocal = () => readFileSync(join(host.config, 'jail.local'), 'utf8');

  test('--dry-run tells and writes nothing', async () => {
    const before = jailLocal();
    const { code, out } = await host.banjour('import', from.folder, '--dry-run');
    expect(code).toBe(0);
    expect(out).toContain('jails would be taken over: mine\n');
    expect(out).toContain(`would be written: ${host.config}/filter.d/mine.conf\n`);
    expect(out).toContain(
      `3 active bans and 1 past ones would be taken over from ${from.database}\n`,
    );
    expect([jailLocal(), existsSync(join(host.config, 'filter.d/mine.conf'))]).toEqual([
      before,
      false,
    ]);
  });

  test('replaces no file unless told to, and keeps the old one', async () => {
    const before = jailLocal();
    const refused = await host.banjour('import', from.folder);
    expect([refused.code, refused.err]).toEqual([73, expect.stringContaining('exists already')]);
    expect(jailLocal()).toBe(before);
    expect((await host.banjour('import', from.folder, '--force')).code).toBe(0);
    expect(jailLocal()).toContain('[mine]');
    expect(readFileSync(join(host.config, 'jail.local.before-import'), 'utf8')).toBe(before);
    expect(readFileSync(join(host.config, 'filter.d/mine.conf'), 'utf8')).toContain('^bad <HOST>$');
  });

  test('writes nothing when the database cannot be read', async () => {
    const before = jailLocal();
    writeFileSync(from.database, 'this is no database');
    const { code } = await host.banjour('import', from.folder, '--force');
    expect([code, jailLocal()]).toEqual([65, before]);
    const missing = await host.banjour(
      'import',
      from.folder,
      '--force',
      '--database',
      '/nonexistent',
    );
    expect([missing.code, jailLocal()]).toEqual([66, before]);
  });

  test('a jail that cannot come along keeps no other from it; its place and its bans are named', async () => {
    writeFileSync(
      join(from.folder, 'jail.local'),
      '[other]\nenabled = true\nfilter = mine\nbackend = systemd\n[mine]\nenabled = true\nfilter = mine\nmaxretry = many\nbackend = systemd\n',
    );
    const { code, err } = await host.banjour('import', from.folder, '--force');
    expect([code, err]).toEqual([0, expect.stringContaining(`${from.folder}/jail.local:8`)]);
    expect(err).toContain('the jail mine was not taken over');
    expect(err).toContain('not taken over: 192.0.2.1 of mine: its jail was not taken over');
    const text = jailLocal();
    expect(text).toMatch(/^\[other\]$/m);
    expect(text).toMatch(/^#- \[mine\]$/m);
    expect(text).toMatch(/^#- maxretry = many$/m);
    expect((await host.banjour('config', 'check')).code).toBe(0);
  });

  test('again: says what has changed, and replaces what nobody has touched', async () => {
    expect((await host.banjour('import', from.folder, '--force')).code).toBe(0);
    const same = await host.banjour('import', from.folder);
    expect([same.code, same.out]).toEqual([
      0,
      expect.stringContaining(`unchanged: ${host.config}/jail.local\n`),
    ]);
    expect(same.out).toContain('nothing in force is different from what it was\n');
    const jails = readFileSync(join(from.folder, 'jail.local'), 'utf8');
    const filter = '[Definition]\nfailregex = ^worse <HOST>$\njournalmatch = _UID=0\n';
    writeFileSync(join(from.folder, 'filter.d/mine.conf'), filter);
    writeFileSync(
      join(from.folder, 'jail.local'),
      jails.replace('maxretry = 3', 'maxretry = 4\nfindtime = 1d'),
    );
    mkdirSync(join(from.folder, 'jail.d'));
    writeFileSync(join(from.folder, 'jail.d/more.conf'), '[more]\nenabled = true\nfilter =\n');
    const { code, out } = await host.banjour('import', from.folder);
    expect(code).toBe(0);
    for (const line of [
      '[mine] maxretry: 3 -> 4',
      '[mine] findtime: 10m -> 1d',
      '[mine] its filter has changed',
    ])
      expect(out).toContain(`  ${line}\n`);
    expect(out).toContain('  [more] is new\n');
    rmSync(join(from.folder, 'jail.d/more.conf'));
    const third = await host.banjour('import', from.folder);
    expect(third.out).toContain(
      `removed, since fail2ban has it no longer: ${host.config}/jail.d/more.conf\n`,
    );
    expect(third.out).toContain('  [more] is no longer enabled\n');
    expect(existsSync(join(host.config, 'jail.d/more.conf'))).toBe(false);
  });

  test('again: what a person has changed is kept, or set aside by --force, never lost', async () => {
    expect((await host.banjour('import', from.folder, '--force', '--no-bans')).code).toBe(0);
    const path = join(host.config, 'jail.local');
    const mine = jailLocal().replace('maxretry = 3', 'maxretry = 2');
    writeFileSync(path, mine);
    const refused = await host.banjour('import', from.folder);
    expect([refused.code, refused.err]).toEqual([
      73,
      expect.stringContaining(`changed since it was imported: ${path}`),
    ]);
    expect(refused.err).toContain('--force');
    expect(jailLocal()).toBe(mine);
    for (const [number, name] of ['.before-import.2', '.before-import.3'].entries()) {
      writeFileSync(path, `${mine}# ${number}\n`);
      expect((await host.banjour('import', from.folder, '--force', '--no-bans')).code).toBe(0);
      expect(readFileSync(`${path}${name}`, 'utf8')).toBe(`${mine}# ${number}\n`);
    }
    expect(jailLocal()).toContain('maxretry = 3');
    // A file that the import did not write is none of its business.
    mkdirSync(join(host.config, 'jail.d'));
    writeFileSync(join(host.config, 'jail.d/zz-own.local'), '[mine]\nmaxretry = 1\n');
    expect((await host.banjour('import', from.folder, '--no-bans')).code).toBe(0);
    expect(existsSync(join(host.config, 'jail.d/zz-own.local'))).toBe(true);
  });

  test('a folder that is none of fail2ban is refused, and switches nothing off', async () => {
    const empty = join(host.folder, 'empty');
    mkdirSync(empty);
    for (const [folder, problem] of [
      [empty, 'holds no configuration of fail2ban'],
      [`${empty}/gone`, 'there is no'],
      [host.config, "is Banjour's own folder"],
    ] as const) {
      const { code, err } = await host.banjour('import', folder, '--force');
      expect([code, err]).toEqual([66, expect.stringContaining(problem)]);
    }
    expect(existsSync(join(host.config, 'jail.conf'))).toBe(false);
  });

  test('what is not for everybody stays so', async () => {
    chmodSync(join(from.folder, 'jail.local'), 0o600);
    expect((await host.banjour('import', from.folder, '--force')).code).toBe(0);
    expect(statSync(join(host.config, 'jail.local')).mode & 0o777).toBe(isRoot ? 0o640 : 0o600);
    expect(statSync(join(host.config, 'filter.d/mine.conf')).mode & 0o777).toBe(0o644);
  });

  test('without an agent the ledger has the bans when it starts; again it takes over nothing twice', async () => {
    expect((await host.banjour('import', from.folder, '--force', '--no-bans')).code).toBe(0);
    for (const banned of [3, 0]) {
      const { code, out, err } = await host.banjour('import', '--no-config', from.folder, '--json');
      expect([code, JSON.parse(out)]).toMatchObject([0, { via: 'ledger', banned, files: [] }]);
      expect(err).toBe('');
      expect(JSON.parse(out).skipped).toContainEqual({
        jail: 'gone',
        target: '192.0.2.3',
        reason: 'there is no such jail',
      });
    }
    const path = join(host.state, 'ledger.sqlite3');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const { ledger } = openLedger(path, wallClock.now());
    const bans = [...ledger.inForce(wallClock.now())].map(({ target, until, origin }) => [
      target.base,
      until === null,
      origin,
    ]);
    ledger.close();
    expect(bans).toEqual([
      ['192.0.2.1', false, 'import'],
      ['198.51.100.2', true, 'import'],
      ['127.0.0.5', false, 'import'],
    ]);
  });

  needs(...canWrite)('with an agent the jails run and the bans are in force at once', async () => {
    await host.start();
    host.write('banjour.local', '[Definition]\nlockoutguard = false\n');
    const { code, out, err } = await host.banjour('import', from.folder, '--force');
    expect([code, err]).toEqual([
      0,
      expect.stringContaining('not taken over: 192.0.2.3 of gone: there is no such jail'),
    ]);
    expect(err).toContain('not taken over: 127.0.0.5 of mine: never banned');
    expect(err).toContain('not taken over: not-an-address of mine');
    expect(out).toContain('2 active bans and 1 past ones taken over');
    const status = await host.banjour('status', 'mine');
    expect(status.out).toContain('Banned IP list:\t192.0.2.1 198.51.100.2\n');
    const kernel = await host.agent?.stages.firewall.read();
    expect(kernel?.elements.map(({ target }) => target.base).sort()).toEqual([
      '192.0.2.1',
      '198.51.100.2',
    ]);
    const [ban] = await host.client().bans({ address: '192.0.2.1' });
    expect(Date.parse(ban?.until ?? '')).toBe((NOW - 60 + 3600) * 1000);
    const history = await host.client().history({ address: '192.0.2.1' });
    expect(history.map(({ origin, ended }) => [origin, ended?.reason])).toContainEqual([
      'import',
      'expired',
    ]);
  });

  needs(...canWrite)(
    'with an agent a jail for bans by hand has its bans, and takes more',
    async () => {
      await host.start();
      writeFileSync(
        join(from.folder, 'jail.local'),
        '[mine]\nenabled = true\nfilter =\nport = smtp\n',
      );
      const { code, out } = await host.banjour('import', from.folder, '--force');
      expect([code, out]).toEqual([0, expect.stringContaining('2 active bans')]);
      expect((await host.banjour('ban', 'mine', '203.0.113.9')).code).toBe(0);
      const status = await host.banjour('status', 'mine');
      expect(status.out).toContain('203.0.113.9');
      expect(status.out).toContain('198.51.100.2');
      expect(JSON.parse((await host.banjour('status', '--json')).out).jails).toMatchObject([
        { jail: 'mine', source: 'by hand' },
      ]);
      expect((await host.banjour('status')).err).toBe('');
    },
  );

  const stock = fail2banPackage('1.1.0-8');
  needs('root' in stock, 'reason' in stock ? stock.reason : '')(
    "takes Debian's stock fail2ban",
    async () => {
      if (!('root' in stock)) throw new Error('bug');
      const { code, out } = await host.banjour(
        'import',
        join(stock.root, 'etc/fail2ban'),
        '--force',
        '--no-bans',
        '--json',
      );
      expect([code, JSON.parse(out).files]).toEqual([
        0,
        expect.arrayContaining([`${host.config}/jail.conf`]),
      ]);
      expect(JSON.parse(out).jails).toEqual(['sshd']);
      expect((await host.banjour('config', 'check')).code).toBe(0);
    },
  );
});
