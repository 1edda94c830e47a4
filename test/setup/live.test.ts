import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LiveConfiguration } from '../../src/setup/live.js';
import { LIVE_KEYS } from '../../src/setup/load.js';
import { FILES, Host } from '../control/host.js';

let host: Host;
let live: LiveConfiguration;
beforeEach(() => {
  host = new Host();
  live = LiveConfiguration.load({ shippedRoot: host.shipped, adminRoot: host.config }).live;
});
afterEach(() => host.end());

async function set(
  jail: string,
  key: string,
  value: string,
  action: 'set' | 'add' | 'del' = 'set',
) {
  const candidate = await live.changed(jail, { key, value, action });
  candidate.accept();
  return candidate.setup;
}
const policyOf = (setup: Awaited<ReturnType<typeof set>>, jail: string) =>
  setup.jails.find(({ policy }) => policy.jail === jail)?.policy;

describe('options that are set by hand', () => {
  test('go through the parser of the configuration, units and all', async () => {
    expect(policyOf(await set('sshd', 'bantime', '1d12h'), 'sshd')?.bantime).toBe(129_600);
    expect(policyOf(await set('sshd', 'BanTime', '-1'), 'sshd')?.bantime).toBeNull();
    expect(
      policyOf(await set('sshd', 'bantime.increment', 'true'), 'sshd')?.increment,
    ).toBeDefined();
    await expect(set('sshd', 'bantime', 'soon')).rejects.toThrow(
      'is not a length of time (got "soon")',
    );
    await expect(set('sshd', 'maxretry', '0')).rejects.toThrow('maxretry');
    await expect(set('sshd', 'failregex', '^(bad <HOST>$')).rejects.toThrow(/error/);
  });

  test('hold together with what was set before, in their jail alone', async () => {
    await set('sshd', 'maxretry', '9');
    const setup = await set('sshd', 'findtime', '20m');
    expect(policyOf(setup, 'sshd')).toMatchObject({ maxretry: 9, findtime: 1200 });
    expect(policyOf(setup, 'dovecot')).toMatchObject({ maxretry: 5, findtime: 600 });
    const both = await set('dovecot', 'maxretry', '2');
    expect(policyOf(both, 'sshd')?.maxretry).toBe(9);
    expect(policyOf(both, 'dovecot')?.maxretry).toBe(2);
  });

  test('a refused one changes nothing', async () => {
    await set('sshd', 'maxretry', '9');
    await expect(set('sshd', 'maxretry', 'many')).rejects.toThrow();
    expect(policyOf(await set('sshd', 'findtime', '5m'), 'sshd')?.maxretry).toBe(9);
  });

  test('never take over edits of files that nobody has reloaded', async () => {
    host.write('jail.local', (FILES['jail.local'] ?? '').replace('maxretry = 5', 'maxretry = 77'));
    expect(policyOf(await set('sshd', 'findtime', '5m'), 'sshd')).toMatchObject({
      maxretry: 5,
      findtime: 300,
    });
  });

  test('are gone after a reload, of all or of their jail', async () => {
    await set('sshd', 'maxretry', '9');
    await set('dovecot', 'maxretry', '8');
    const one = await live.reloadedJail('sshd');
    one.accept();
    expect([
      policyOf(one.setup, 'sshd')?.maxretry,
      policyOf(one.setup, 'dovecot')?.maxretry,
    ]).toEqual([5, 8]);
    const all = await live.reloaded();
    all.accept();
    expect(policyOf(all.setup, 'dovecot')?.maxretry).toBe(5);
    expect(live.jail('dovecot')?.overrides.size).toBe(0);
  });

  test('lists are added to and taken from; what holds for all jails is not theirs', async () => {
    const terms = (setup: Awaited<ReturnType<typeof set>>) =>
      [...setup.allow.perJail].map(([jail, list]) => [jail, list.length]);
    expect(terms(await set('sshd', 'ignoreip', '10.0.0.0/8', 'add'))).toEqual([['sshd', 1]]);
    expect(terms(await set('sshd', 'ignoreip', 'friend.example.org', 'add'))).toEqual([
      ['sshd', 2],
    ]);
    expect(terms(await set('sshd', 'ignoreip', '10.0.0.0/8', 'del'))).toEqual([['sshd', 1]]);
    await expect(set('sshd', 'ignoreip', '127.0.0.1/8', 'del')).rejects.toThrow(
      'is not in ignoreip of sshd',
    );
    await expect(set('sshd', 'maxretry', '5', 'add')).rejects.toThrow('one value, not a list');
  });

  test('a regex is added as it is, percent signs too, and taken away by its number', async () => {
    const regexes = (setup: Awaited<ReturnType<typeof set>>) =>
      setup.jails
        .find(({ policy }) => policy.jail === 'sshd')
        ?.intake.filter.failregex.map(({ text }) => text);
    const [first] = regexes(await set('sshd', 'maxretry', '5')) ?? [];
    expect(regexes(await set('sshd', 'failregex', '^100% worse <HOST>$', 'add'))).toEqual([
      first,
      '^100% worse <HOST>$',
    ]);
    expect(regexes(await set('sshd', 'failregex', '0', 'del'))).toEqual(['^100% worse <HOST>$']);
  });

  test('bring no section, no second key and no comment of their own', async () => {
    await expect(set('sshd', 'maxretry', '5\n[dovecot]\nmaxretry = 1')).rejects.toThrow('one line');
    await expect(set('sshd', 'enabled', 'false')).rejects.toThrow(
      'cannot be set in a running agent',
    );
    await expect(set('sshd', 'nonsense', '1')).rejects.toThrow('cannot be set in a running agent');
    await expect(set('nojail', 'maxretry', '1')).rejects.toThrow('there is no jail');
    expect(LIVE_KEYS).not.toContain('ignorecache');
  });
});

describe('the reload of one jail', () => {
  test('takes that jail from the files and leaves the others, whatever the files say of them', async () => {
    host.write('jail.local', (FILES['jail.local'] ?? '').replace('maxretry = 5', 'maxretry = 77'));
    const { setup } = await live.reloadedJail('sshd');
    expect([policyOf(setup, 'sshd')?.maxretry, policyOf(setup, 'dovecot')?.maxretry]).toEqual([
      77, 5,
    ]);
  });

  test('adds a new one, and takes away one that is no longer enabled', async () => {
    host.write(
      'jail.local',
      `${(FILES['jail.local'] ?? '').replace('[dovecot]\nenabled = true', '[dovecot]')}\n[new]\nenabled = true\n`,
    );
    const added = await live.reloadedJail('new');
    added.accept();
    expect(added.setup.jails.map(({ policy }) => policy.jail)).toEqual([
      'postfix-sasl',
      'dovecot',
      'sshd',
      'new',
    ]);
    const removed = await live.reloadedJail('dovecot');
    removed.accept();
    expect(removed.setup.jails.map(({ policy }) => policy.jail)).toEqual([
      'postfix-sasl',
      'sshd',
      'new',
    ]);
    await expect(live.reloadedJail('dovecot')).rejects.toThrow('there is no jail');
  });
});
