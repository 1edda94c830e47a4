import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { describePort, loadCompanionConfig } from '../../src/setup/companion-config.js';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-'));
  for (const name of ['usr', 'etc', 'etc/companion.d']) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, ...lines: readonly string[]) =>
  writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
const load = () =>
  loadCompanionConfig({ shipped: join(folder, 'usr'), config: join(folder, 'etc') });

const LAPI = ['[share]', 'enabled = true', 'url = http://127.0.0.1:8080', 'machine-id = mx1'];

describe('companion.conf', () => {
  test('without one, only notify may run', () => {
    expect(load()).toMatchObject({
      notify: { enabled: 'auto' },
      metrics: { enabled: false, listen: { host: '127.0.0.1', port: 9811 } },
      policy: {
        enabled: false,
        listen: { host: '127.0.0.1', port: 9813 },
        socket: null,
        apiKeyFile: '/etc/banjour/secrets/policy',
      },
    });
  });

  test("the administrator's file wins over the shipped one, a drop-in over it, .local over all", () => {
    write(
      'usr/companion.conf',
      '[metrics]',
      'enabled = no',
      'listen = 1',
      '[notify]',
      'enabled=no',
    );
    write('etc/companion.conf', '[metrics]', 'listen = 2', 'enabled = no');
    write('etc/companion.d/port.conf', '[metrics]', 'listen = 3');
    expect(load().metrics).toEqual({ enabled: false, listen: { host: '127.0.0.1', port: 3 } });
    write('etc/companion.local', '[metrics]', 'enabled = yes');
    expect(load()).toMatchObject({ metrics: { enabled: true, listen: { port: 3 } } });
  });

  test.each([
    ['9811', { host: '127.0.0.1', port: 9811 }, '127.0.0.1:9811'],
    ['localhost:0', { host: '127.0.0.1', port: 0 }, '127.0.0.1:0'],
    ['127.1.2.3:65535', { host: '127.1.2.3', port: 65535 }, '127.1.2.3:65535'],
    ['[::1]:9811', { host: '::1', port: 9811 }, '[::1]:9811'],
  ])('listen = %s', (text, port, written) => {
    write('etc/companion.conf', '[metrics]', `listen = ${text}`);
    expect(load().metrics.listen).toEqual(port);
    expect(describePort(port)).toBe(written);
  });

  test.each([
    '0.0.0.0:9811',
    '192.0.2.1:9811',
    '127.0.0.256:9811',
    '[::]:9811',
    ':9811',
    '127.0.0.1:65536',
    'example.org:80',
    'localhost.example.org:80',
  ])('listen = %s is refused at its line', (text) => {
    write('etc/companion.local', '[metrics]', `listen = ${text}`);
    expect(load).toThrow(/companion\.local:2.*is not a port of the loopback/);
  });

  test.each([
    [['[metric]', 'enabled = true'], /companion\.conf:1.*no such section.*did you mean metrics\?/],
    [['[metrics]', 'enable = true'], /companion\.conf:2.*no such setting.*did you mean enabled\?/],
    [['[notify]', 'enabled = maybe'], /companion\.conf:2.*none of auto, true and false/],
    [['[metrics]', 'enabled = auto'], /companion\.conf:2.*neither true nor false/],
    [['[DEFAULT]', 'enabled = true'], /companion\.conf:2.*has no effect in \[DEFAULT\]/],
    [['[policy]', 'socket = policy.sock'], /companion\.conf:2.*is no place for a socket/],
    [['[policy]', `socket = /${'x'.repeat(107)}`], /is no place for a socket/],
    [['[policy]', 'listen = 0.0.0.0:1'], /write 9813, 127\.0\.0\.1:9813/],
    [
      ['[policy]', 'nearlimit = refuse'],
      /is not delay or serve \(got "refuse"\); write delay or serve/,
    ],
    [['[web]', 'listen = 0.0.0.0:1'], /write 9815, 127\.0\.0\.1:9815/],
    [['[web]', 'socket = web.sock'], /such as \/run\/banjour-companion\/web\.sock/],
    [['[share]', 'enabled = true'], /url: is empty: no engine shares the bans/],
    [[...LAPI, 'machine-id ='], /machine-id: is empty.*cscli machines add NAME/],
    [[...LAPI, 'bouncer-key-file ='], /:5.*bouncer-key-file: is empty.*secrets\/lapi-bouncer/],
    [[...LAPI, 'machine-password-file ='], /:5.*-file: is empty.*secrets\/lapi-machine/],
    [[...LAPI.slice(0, 2), 'url = valkey://127.0.0.1', 'user = me'], /:4.*has no password/],
  ])('%j is refused', (lines, words) => {
    write('etc/companion.conf', ...lines);
    expect(load).toThrow(words);
  });

  test('a name of its own in [DEFAULT] serves the others', () => {
    write('etc/companion.conf', '[DEFAULT]', 'at = 127.0.0.2', '[metrics]', 'listen = %(at)s:1');
    expect(load().metrics.listen).toEqual({ host: '127.0.0.2', port: 1 });
  });

  test('a socket as long as its name may be is taken', () => {
    const socket = `/${'x'.repeat(106)}`;
    write('etc/companion.conf', '[policy]', `socket = ${socket}`);
    expect(load().policy.socket).toBe(socket);
  });

  test('two parts at one port are refused, unless one is off', () => {
    const parts = ['[metrics]', 'enabled = true', '[policy]', 'listen = 9811'];
    write('etc/companion.conf', ...parts, 'enabled = true');
    expect(load).toThrow(/companion\.conf:4.*\[metrics\] listens there as well \(its default\)/);
    write('etc/companion.conf', ...parts);
    expect(load().policy.listen?.port).toBe(9811);
  });

  test.each([
    ['[::1]:9', '[::1]:9'],
    ['localhost:9', '127.0.0.1:9'],
    ['127.0.0.01:9', '9'],
  ])('one port of two parts is told with both lines: %s and %s', (one, other) => {
    write('etc/companion.conf', '[policy]', 'enabled = true', `listen = ${one}`);
    write('etc/companion.local', '[web]', 'enabled = true', `listen = ${other}`);
    expect(load).toThrow(
      /companion\.local:3:\d+: .*\[policy\] listens there as well \(\S+companion\.conf:3\).*a port of its own/,
    );
  });

  test('a port that is the default of another part is told where somebody wrote it', () => {
    write('etc/companion.conf', '[metrics]', 'enabled = true', 'listen = 9813');
    write('etc/companion.local', '[policy]', 'enabled = true');
    expect(load).toThrow(
      /companion\.conf:3:\d+: .*\[policy\] listens there as well \(its default\)/,
    );
  });

  test('any port may be asked for twice, and one number of two addresses', () => {
    write('etc/companion.conf', '[policy]', 'enabled = true', 'listen = 0');
    write('etc/companion.local', '[web]', 'enabled = true', 'listen = 0');
    expect(load().web.listen?.port).toBe(0);
    write('etc/companion.local', '[web]', 'enabled = true', 'listen = [::1]:9813');
    write('etc/companion.conf', '[policy]', 'enabled = true');
    expect(load().web.listen?.host).toBe('::1');
  });

  test('two parts at one socket are told with both lines, however its path is written', () => {
    mkdirSync(join(folder, 'run'));
    symlinkSync('run', join(folder, 'varrun'));
    const web = ['[web]', 'enabled = true', 'origin = https://x.example', 'listen ='];
    write('etc/companion.conf', '[policy]', 'enabled = true', `socket = ${folder}/run/a.sock`);
    for (const path of ['run/a.sock', 'run//a.sock', 'run/../run/a.sock', 'varrun/a.sock']) {
      write('etc/companion.local', ...web, `socket = ${folder}/${path}`);
      expect(load).toThrow(
        /companion\.local:5:\d+: .*\[policy\] listens there as well \(\S+companion\.conf:3\).*a socket of its own/,
      );
    }
    write('etc/companion.local', ...web, `socket = ${folder}/run/b.sock`);
    expect(load().web.socket).toBe(`${folder}/run/b.sock`);
    write('etc/companion.local', ...web, `socket = ${folder}/run/a.sock`);
    write('etc/companion.conf', '[policy]', `socket = ${folder}/run/a.sock`);
    expect(load().policy.socket).toBe(`${folder}/run/a.sock`);
  });

  test("no part takes the companion's own socket", () => {
    const paths = { shipped: join(folder, 'usr'), config: join(folder, 'etc') };
    const run = join(folder, 'run');
    write('etc/companion.conf', '[policy]', 'enabled = true');
    write('etc/companion.local', '[policy]', `socket = ${run}-companion/companion.sock`);
    expect(() => loadCompanionConfig({ ...paths, run })).toThrow(
      /companion\.local:2:\d+: .*the companion itself listens there/,
    );
    expect(load().policy.enabled).toBe(true);
  });
});
