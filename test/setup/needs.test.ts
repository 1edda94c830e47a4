/**
 * What a start needs: `config check` and the agent give the same answer, at the administrator's own
 * line.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Host } from '../control/host.js';
import { countriesOf } from '../support/mmdb.js';
import { hasCommand, isRoot, needs } from '../support/require.js';

const withAgent = needs(
  isRoot && hasCommand('unshare') && hasCommand('nft'),
  'needs root, unshare and nft',
);

describe('a configuration without errors', () => {
  let host: Host;
  beforeEach(() => {
    host = new Host();
  });
  afterEach(() => host.end());

  const check = async () => {
    const { code, out } = await host.banjour('config', 'check', '--json');
    return { code, found: JSON.parse(out) as readonly Record<string, unknown>[] };
  };
  /** The agent itself, in a network of its own, which it does not come to change. */
  const run = () =>
    spawnSync(
      'unshare',
      [
        ...['-n', process.execPath, 'dist/src/main.js', 'run'],
        ...[
          '--run-dir',
          host.run,
          '--config-dir',
          host.config,
          '--shipped-dir',
          host.shipped,
          '--state-dir',
          host.state,
        ],
      ],
      { encoding: 'utf8', timeout: 30_000 },
    );
  const settings = (line: string) => host.write('banjour.local', `[Definition]\n${line}\n`);
  const jail = (...lines: readonly string[]) =>
    host.write('jail.d/z.conf', `[sshd]\n${lines.join('\n')}\n`.replaceAll('FOLDER', host.folder));
  const missing = () => join(host.folder, 'none');

  const ENDS: readonly (readonly [string, () => void, Record<string, unknown>, number])[] = [
    [
      'a log file whose folder is not there',
      () => settings(`logtarget = ${missing()}/banjour.log`),
      { id: 'start.logtarget', key: 'logtarget', section: 'Definition', place: { line: 2 } },
      78,
    ],
    [
      'a log file that is a folder',
      () => settings(`logtarget = ${host.folder}`),
      { id: 'start.logtarget', message: 'the log file cannot be opened: it is not a file' },
      78,
    ],
    [
      'a ledger whose folder is not there',
      () => settings(`dbfile = ${missing()}/ledger.sqlite3`),
      { id: 'start.ledger', key: 'dbfile', place: { line: 2 } },
      73,
    ],
    [
      'a state directory that is not there',
      () => rmSync(host.state, { recursive: true }),
      { id: 'start.ledger', fix: expect.stringContaining('install -d -o banjour') },
      73,
    ],
  ];
  test.each(ENDS)('%s is an error', async (_, prepare, finding, exitCode) => {
    prepare();
    const { code, found } = await check();
    const errors = found.filter(({ level }) => level === 'error');
    expect(errors).toMatchObject([finding]);
    expect(code).toBe(exitCode);
    // A place is the administrator's own file.
    const { place } = errors[0] as { place?: { file: string } };
    if (place !== undefined) expect(place.file).toBe(join(host.config, 'banjour.local'));
  });

  withAgent.each(ENDS)('%s: the agent ends with the same words and status', async (_, prepare) => {
    prepare();
    const { code, found } = await check();
    const { status, stderr } = run();
    expect(status).toBe(code);
    const [error] = found.filter(({ level }) => level === 'error');
    expect(stderr).toContain(String(error?.['message']));
  });

  const GOES_ON: readonly (readonly [string, () => void, Record<string, unknown>])[] = [
    [
      'an ignorecommand that is not there',
      () => jail('ignorecommand = /none/such <ip>'),
      {
        id: 'start.ignorecommand',
        section: 'sshd',
        key: 'ignorecommand',
        value: '/none/such <ip>',
        place: { line: 2 },
      },
    ],
    [
      'an ignorecommand that cannot be run',
      () => {
        writeFileSync(join(host.folder, 'script'), '');
        chmodSync(join(host.folder, 'script'), 0o644);
        jail('ignorecommand = FOLDER/script <ip>');
      },
      { id: 'start.ignorecommand', message: expect.stringContaining('no permission') },
    ],
    [
      'a journal that is not there',
      () => jail('source = directory FOLDER/none'),
      { id: 'start.source', section: 'sshd', key: 'source', place: { line: 2 } },
    ],
    [
      'a container that is not there',
      () => jail('source = container none-such'),
      { id: 'start.source', key: 'source', message: expect.stringContaining('it is tried again') },
    ],
    [
      'a log file that is not there yet',
      () => jail('backend = polling', 'logpath = FOLDER/none.log'),
      {
        id: 'start.logpath',
        key: 'logpath',
        message: expect.stringContaining('yet; it is waited for'),
        place: { line: 3 },
      },
    ],
    [
      'a list of exempted hosts that is not there',
      () => jail('ignoreip = file:FOLDER/friends'),
      { id: 'start.ignoreip', section: 'sshd', key: 'ignoreip', place: { line: 2 } },
    ],
    [
      'a line of such a list that is no address',
      () => {
        writeFileSync(join(host.folder, 'friends'), '# mine\n192.0.2.1\nsomebody\n');
        jail('ignoreip = file:FOLDER/friends');
      },
      { id: 'start.ignoreip-line', value: 'somebody', place: { line: 3 } },
    ],
    [
      'a name that does not resolve',
      () => jail('ignoreip = none.invalid'),
      {
        id: 'allow.name',
        section: 'sshd',
        key: 'ignoreip',
        place: { line: 2 },
        message: expect.stringContaining('none.invalid does not resolve'),
      },
    ],
    [
      'a program that is to be told and is not there',
      () => jail('action = %(action_)s', '  exec[command="/none/such <ip>"]'),
      { id: 'start.notify', section: 'sshd', key: 'action' },
    ],
    [
      'a secret that is not there',
      () => jail('action = %(action_)s', '  slack[url-file=FOLDER/token]'),
      { id: 'start.notify', message: expect.stringContaining('cannot read the secret') },
    ],
  ];
  test.each(GOES_ON)(
    '%s is a warning: the agent starts without it',
    async (_, prepare, finding) => {
      prepare();
      const { code, found } = await check();
      expect([code, found.filter(({ level }) => level === 'error')]).toEqual([0, []]);
      expect(found).toContainEqual(
        expect.objectContaining({ ...finding, level: 'warning', ...placed(finding) }),
      );
    },
  );

  test('notify.conf is checked, and needed where a jail tells somebody', async () => {
    host.write('notify.conf', '[Definition]\nmailer = carrier pigeon\n');
    const unused = await check();
    expect(unused.code).toBe(0);
    expect(unused.found.map(({ level, key }) => [level, key])).toEqual([['warning', 'mailer']]);
    jail('action = %(action_)s', '  exec[command="/bin/true <ip>"]');
    const { code, found } = await check();
    expect(code).toBe(78);
    expect(found).toContainEqual(
      expect.objectContaining({ level: 'error', key: 'mailer', value: 'carrier pigeon' }),
    );
  });

  test('companion.conf is checked', async () => {
    host.write('companion.local', '[metrics]\nlisten = 0.0.0.0:1\n');
    const { code, found } = await check();
    expect(code).toBe(78);
    expect(found).toContainEqual(
      expect.objectContaining({ level: 'error', key: 'listen', value: '0.0.0.0:1' }),
    );
  });

  test('a file of countries that cannot be used is told, and holds up no start', async () => {
    const file = `${host.folder}/country.mmdb`;
    const lines = ['[web]', 'enabled = true', `country-file = ${file}`, ''].join('\n');
    host.write('companion.local', lines);
    const { code, found } = await check();
    expect(code).toBe(0);
    expect(found).toContainEqual({
      ...{ level: 'warning', id: 'companion.country-file', message: 'does not exist' },
      ...{ section: 'web', key: 'country-file', value: file },
      fix: expect.stringContaining('take the line out'),
      place: expect.objectContaining({ line: 3, file: expect.stringMatching(/companion\.local$/) }),
    });
    writeFileSync(file, countriesOf({ '192.0.2.0/24': 'DE' }));
    expect((await check()).found.filter(({ key }) => key === 'country-file')).toEqual([]);
    writeFileSync(file, 'DE');
    host.write('companion.local', lines.replace('true', 'false'));
    expect((await check()).found.filter(({ key }) => key === 'country-file')).toEqual([]);
  });

  test('what all jails share is told once', async () => {
    host.write(
      'jail.d/z.local',
      '[DEFAULT]\nignorecommand = /none/such <ip>\nignoreip = file:/none/friends\n',
    );
    const { found } = await check();
    expect(found.filter(({ id }) => id === 'start.ignorecommand')).toHaveLength(1);
    expect(found.filter(({ id }) => id === 'start.ignoreip')).toHaveLength(1);
  });

  test('a good one has nothing to tell', async () => {
    mkdirSync(join(host.folder, 'log'));
    settings(`logtarget = ${host.folder}/log/banjour.log`);
    await host.until('the journal is on disk', () => host.journalIsThere());
    expect(await check()).toEqual({ code: 0, found: [] });
  });
});

function placed({ place }: Record<string, unknown>): Record<string, unknown> {
  return place === undefined ? {} : { place: expect.objectContaining(place as object) };
}
