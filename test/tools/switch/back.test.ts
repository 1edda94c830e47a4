import { describe, expect, test } from '@jest/globals';
import { switchBack } from '../../../src/tools/switch/back.js';
import { BANJOUR, COMPANION, FAIL2BAN } from '../../../src/tools/switch/host.js';
import { banOf, MadeUpHost, type Trouble } from './made-up-host.js';

const OLD = banOf('sshd', '192.0.2.1');
/** Banjour's own, after the move. */
const NEW = banOf('sshd', '203.0.113.9');

interface How {
  readonly prepare?: (host: MadeUpHost) => void;
  readonly trouble?: Trouble;
  readonly force?: boolean;
  readonly dryRun?: boolean;
}

/** Goes back on a host that was moved to Banjour. */
async function back({
  prepare = () => undefined,
  trouble,
  force = false,
  dryRun = false,
}: How = {}) {
  const interrupt = new AbortController();
  const host = new MadeUpHost(interrupt, trouble);
  const on = { load: 'loaded', active: 'active', file: 'enabled' };
  Object.assign(host.units, {
    [BANJOUR]: { ...on },
    [COMPANION]: { ...on },
    [FAIL2BAN]: { load: 'loaded', active: 'inactive', file: 'disabled' },
  });
  host.database = [OLD];
  host.theirs = [];
  host.rules.clear();
  host.watched = [OLD, NEW];
  for (const { jail, target } of host.watched)
    host.table.set(target, { jail, target, state: 'in-force' });
  prepare(host);
  const before = host.picture();
  const said: string[] = [];
  const options = {
    say: (line: string) => said.push(line),
    interrupted: interrupt.signal,
    dryRun,
    force,
  };
  const outcome = await switchBack(host, options).then(
    (code) => ({ code, error: undefined }),
    (error: Error & { readonly exitCode?: number; readonly hint?: string }) => ({
      code: undefined,
      error,
    }),
  );
  return { host, before, said, ...outcome };
}

const DEEDS = (await back()).host.deeds;

test("fail2ban has Banjour's bans in force before Banjour goes", async () => {
  const { host, code } = await back();
  expect(code).toBe(0);
  expect(host.deeds).toEqual([
    `start ${FAIL2BAN}`,
    `enable ${FAIL2BAN}`,
    `stop ${COMPANION}`,
    `disable ${COMPANION}`,
    `stop ${BANJOUR}`,
    `disable ${BANJOUR}`,
    'remove the table',
  ]);
  expect([host.open, host.claims, [...host.rules].sort()]).toEqual([
    [],
    0,
    ['192.0.2.1', '203.0.113.9'],
  ]);
  expect(host.units[FAIL2BAN]).toMatchObject({ active: 'active', file: 'enabled' });
  expect(host.units[BANJOUR]).toMatchObject({ active: 'inactive', file: 'disabled' });
});

describe.each(['fails', 'interrupted before', 'interrupted after'] as const)(
  'a step that %s',
  (how) => {
    // Who interrupts the very last step comes too late.
    const deeds = DEEDS.map((deed, at) => [deed, at] as const).slice(
      0,
      how === 'interrupted after' ? -1 : undefined,
    );
    test.each(deeds)('%s: Banjour stays in charge, and nobody gets in', async (_, at) => {
      const { host, before, error } = await back({ trouble: { at, how } });
      expect(error?.message).toMatch(/^Banjour goes on, and fail2ban is as it was: /);
      expect({ ...host.picture(), rules: [] }).toEqual({ ...before, rules: [] });
      expect([host.open, host.claims]).toEqual([[], 0]);
    });
  },
);

test.each([
  [
    'of a jail that fail2ban does not have',
    (host: MadeUpHost) =>
      host.table.set('198.51.100.1', { jail: 'login', target: '198.51.100.1', state: 'in-force' }),
    '1 ban would be lifted, first 198.51.100.1 of login: fail2ban has no such jail',
  ],
  [
    'that fail2ban puts into no rule',
    (host: MadeUpHost) => {
      host.their.push('web');
      host.toothless.add('web');
      host.table.set('198.51.100.1', { jail: 'web', target: '198.51.100.1', state: 'in-force' });
    },
    '1 ban would be lifted, first 198.51.100.1 of web: fail2ban does not put it into the kernel',
  ],
])('a ban %s is not given up unless that is said', async (_, prepare, words) => {
  const { host, error } = await back({ prepare });
  expect(error).toMatchObject({ exitCode: 78, message: expect.stringContaining(words) });
  expect(error?.hint).toContain('--force');
  expect([host.units[BANJOUR]?.active, host.units[FAIL2BAN]?.active]).toEqual([
    'active',
    'inactive',
  ]);
  const forced = await back({ prepare, force: true });
  expect([forced.code, forced.host.open]).toEqual([0, []]);
  expect(forced.said.join('\n')).toContain(words);
});

test.each([
  [
    'fail2ban was removed',
    (host: MadeUpHost) => Object.assign(host.units[FAIL2BAN] ?? {}, { load: 'not-found' }),
  ],
  [
    'fail2ban is masked',
    (host: MadeUpHost) => Object.assign(host.units[FAIL2BAN] ?? {}, { load: 'masked' }),
  ],
  [
    'Banjour does not run',
    (host: MadeUpHost) => Object.assign(host.units[BANJOUR] ?? {}, { active: 'inactive' }),
  ],
])('not begun where %s', async (_, prepare) => {
  const { host, before, error } = await back({ prepare });
  expect(error?.message).toMatch(/^the way back is not begun: /);
  expect(error?.hint).toMatch(/^(?:apt|systemctl) /);
  expect([host.picture(), host.deeds]).toEqual([before, []]);
});

test('--dry-run says the steps and changes nothing', async () => {
  const { host, before, said } = await back({ dryRun: true });
  expect([host.picture(), host.deeds]).toEqual([before, []]);
  expect(said).toHaveLength(4);
});
