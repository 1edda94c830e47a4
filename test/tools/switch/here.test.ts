import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { Host } from '../../control/host.js';

let host: Host;
let fail2ban: string;
beforeEach(() => {
  host = new Host();
  fail2ban = join(host.folder, 'fail2ban');
  mkdirSync(fail2ban);
  writeFileSync(
    join(fail2ban, 'jail.local'),
    '[sshd]\nenabled = true\nfilter = f\nbackend = systemd\n',
  );
});
afterEach(() => host.end());

test('--switch does not leave the bans behind', async () => {
  const { code, err } = await host.banjour('import', fail2ban, '--switch', '--no-bans');
  expect([code, err]).toEqual([64, expect.stringContaining('banned hosts would get in otherwise')]);
});

test('--switch with folders that are not those of the service changes nothing, and says why', async () => {
  const before = readFileSync(join(host.config, 'jail.local'), 'utf8');
  const { code, err } = await host.banjour('import', fail2ban, '--switch', '--force');
  expect([64, 69, 77]).toContain(code);
  expect(err).toContain('the move is not begun: ');
  expect(readFileSync(join(host.config, 'jail.local'), 'utf8')).toBe(before);
  expect(existsSync(join(host.state, 'ledger.sqlite3'))).toBe(false);
});

test('--enable says when nobody is to be told', async () => {
  const { code, err } = await host.banjour(
    'import',
    fail2ban,
    '--enable',
    '--force',
    '--no-config',
    '--no-bans',
  );
  expect([code, err]).toEqual([
    0,
    'no jail tells anybody of its bans, or companion.conf switches notify off: banjour-companion is not needed\n',
  ]);
});

test('--enable that cannot be done is an error of its own, with the line to type', async () => {
  host.write('jail.d/z.local', '[sshd]\naction = %(action_)s\n  exec[command="/bin/true <ip>"]\n');
  const { code, err } = await host.banjour(
    'import',
    fail2ban,
    '--enable',
    '--no-config',
    '--no-bans',
  );
  expect([64, 69, 77]).toContain(code);
  expect(err).toContain('banjour-companion cannot be enabled: ');
  expect(err).toContain('systemctl enable --now banjour-companion');
});
