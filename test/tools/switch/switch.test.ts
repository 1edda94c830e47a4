import { describe, expect, test } from '@jest/globals';
import { OperatorError } from '../../../src/core/errors.js';
import { SWITCH_ROUNDS_MAX } from '../../../src/core/service-limits.js';
import { SWITCH_RETURN_MS_MAX } from '../../../src/core/timeouts.js';
import { BANJOUR, COMPANION, FAIL2BAN } from '../../../src/tools/switch/host.js';
import { switchOver, uncovered } from '../../../src/tools/switch/switch.js';
import { banOf, MadeUpHost, type Trouble } from './made-up-host.js';

interface Result {
  readonly host: MadeUpHost;
  readonly code: number | undefined;
  readonly error: (Error & { readonly hint?: string; readonly exitCode?: number }) | undefined;
  readonly said: string[];
}

/** Makes the move on a host that `prepare` has changed. */
async function move(
  prepare: (host: MadeUpHost) => void = () => undefined,
  trouble?: Trouble,
  dryRun = false,
) {
  const interrupt = new AbortController();
  const host = new MadeUpHost(interrupt, trouble);
  prepare(host);
  const said: string[] = [];
  const before = host.picture();
  const result: Result & { before: ReturnType<MadeUpHost['picture']> } = await switchOver(host, {
    say: (line) => said.push(line),
    interrupted: interrupt.signal,
    dryRun,
  }).then(
    (code) => ({ host, code, error: undefined, said, before }),
    (error: Error) => ({ host, code: undefined, error, said, before }),
  );
  return result;
}

const DEEDS = (await move()).host.deeds;

test('the order is the one without a gap', async () => {
  const { host, code } = await move();
  expect(code).toBe(0);
  expect(host.deeds).toEqual([
    'take over all',
    'check',
    `start ${BANJOUR}`,
    `enable ${BANJOUR}`,
    `enable ${COMPANION}`,
    `restart ${COMPANION}`,
    `stop ${FAIL2BAN}`,
    `disable ${FAIL2BAN}`,
    'take over bans',
  ]);
  expect(host.open).toEqual([]);
  expect(host.units[FAIL2BAN]).toMatchObject({ active: 'inactive', file: 'disabled' });
  expect(host.units[BANJOUR]).toMatchObject({ active: 'active', file: 'enabled' });
});

describe.each(['fails', 'interrupted before', 'interrupted after'] as const)(
  'a step that %s',
  (how) => {
    test.each(DEEDS.map((deed, at) => [deed, at] as const))(
      '%s: everything is as it was, and nobody gets in',
      async (_, at) => {
        const { host, before, error } = await move(undefined, { at, how });
        expect(error?.message).toMatch(
          how === 'fails' ? /^the move was taken back: .* fails$/ : /it was interrupted$/,
        );
        expect(host.picture()).toEqual(before);
        expect(host.open).toEqual([]);
        if (how !== 'fails') expect(error?.exitCode).toBe(75);
      },
    );
  },
);

test('a fail2ban without a database has its bans back when the move is taken back', async () => {
  const without = (host: MadeUpHost) => {
    host.database = undefined;
  };
  const { host, before, error } = await move(without, { at: DEEDS.length, how: 'fails' });
  expect(error?.message).toContain('the move was taken back');
  expect(host.picture()).toEqual(before);
  expect(host.theirs.map(({ target }) => target)).toEqual(['192.0.2.1', '2001:db8::1']);
  const done = await move(without);
  expect([done.code, [...done.host.table.keys()].sort()]).toEqual([
    0,
    ['192.0.2.1', '2001:db8::1'],
  ]);
});

test('bans that are made meanwhile are taken over, too, but not for ever', async () => {
  const busy = (more: number) => (host: MadeUpHost) => {
    host.more = more;
    host.theirs.push(banOf('sshd', '198.51.100.200'));
  };
  // The last round only looks whether all is in force.
  expect((await move(busy(SWITCH_ROUNDS_MAX - 2))).code).toBe(0);
  const { error } = await move(busy(SWITCH_ROUNDS_MAX - 1));
  expect(error?.message).toContain('fail2ban has bans that Banjour does not put in force');
});

test.each([`enable ${BANJOUR}`, `restart ${COMPANION}`])(
  'whom fail2ban bans after "%s" does not get in either',
  async (deed) => {
    const { host, code } = await move((one) => {
      one.bansAt = deed;
    });
    expect([code, host.open, host.table.has('198.51.100.77')]).toEqual([0, [], true]);
  },
);

test('fail2ban has its time to come back, and no more', async () => {
  const trouble = { at: DEEDS.indexOf(`disable ${FAIL2BAN}`), how: 'fails' } as const;
  const slow = (milliseconds: number) => (host: MadeUpHost) => {
    host.slow = milliseconds;
  };
  expect((await move(slow(SWITCH_RETURN_MS_MAX), trouble)).error?.message).toMatch(
    /^the move was taken back: /,
  );
  const late = await move(slow(SWITCH_RETURN_MS_MAX + 1_000), trouble);
  expect(late.error?.message).toContain('so Banjour goes on');
});

test('Banjour goes on when fail2ban does not come back', async () => {
  const { host, error } = await move(
    (one) => {
      one.fail2banIsBroken = true;
    },
    { at: DEEDS.indexOf(`disable ${FAIL2BAN}`), how: 'fails' },
  );
  expect(error?.message).toContain('fail2ban does not come back, so Banjour goes on');
  expect(host.units[BANJOUR]?.active).toBe('active');
  expect(host.open).toEqual([]);
});

test('a ban that the kernel refuses is no move', async () => {
  const { host, before, error } = await move((one) => one.refused.add('192.0.2.1'));
  expect(error?.message).toContain('the kernel refused to ban 192.0.2.1');
  expect(host.picture()).toEqual(before);
});

test('no ban is given up for a jail that cannot come along', async () => {
  const { host, before, error } = await move((one) => {
    one.own = ['dovecot'];
  });
  expect(error).toMatchObject({
    exitCode: 78,
    message: expect.stringContaining('2 bans would be lifted, first 192.0.2.1'),
  });
  expect(error?.message).toContain('the jail sshd');
  expect(host.deeds).not.toContain(`start ${BANJOUR}`);
  expect(host.picture()).toEqual(before);
});

test('an error of the configuration is told before anything is started', async () => {
  const { host, before, error, said } = await move((one) => {
    one.diagnostics = [
      { level: 'error', id: 'start.log', message: 'cannot be opened', key: 'logtarget' },
    ];
  });
  expect(error).toMatchObject({
    exitCode: 78,
    message: expect.stringContaining('1 error would keep Banjour from starting'),
  });
  expect(said.join('\n')).toContain('error: logtarget: cannot be opened');
  expect(host.deeds).not.toContain(`start ${BANJOUR}`);
  expect(host.picture()).toEqual(before);
});

test('no jail tells anybody: banjour-companion stays off', async () => {
  const { host } = await move((one) => {
    one.tells = false;
  });
  expect(host.units[COMPANION]).toMatchObject({ active: 'inactive', file: 'disabled' });
});

test('an agent that runs beside fail2ban already goes on when the move is taken back', async () => {
  const beside = (one: MadeUpHost) => {
    one.units[BANJOUR] = { load: 'loaded', active: 'active', file: 'enabled' };
  };
  expect((await move(beside)).code).toBe(0);
  const { host } = await move(beside, { at: 3, how: 'fails' });
  expect(host.units[BANJOUR]).toEqual({ load: 'loaded', active: 'active', file: 'enabled' });
  expect([host.files, host.open]).toEqual(['as they were', []]);
});

describe('not begun, and nothing changed', () => {
  const REFUSED: readonly (readonly [string, (host: MadeUpHost) => void, string])[] = [
    [
      'not as root',
      (host) =>
        (host.obstacleHere = { why: 'only root can start and stop services', exitCode: 77 }),
      'only root',
    ],
    [
      'no unit',
      (host) => (host.units[BANJOUR] = { load: 'not-found', active: 'inactive', file: '' }),
      'there is no banjour.service',
    ],
    [
      'a masked unit',
      (host) => (host.units[BANJOUR] = { load: 'masked', active: 'inactive', file: 'masked' }),
      'it is masked',
    ],
    [
      'fail2ban in a container',
      (host) => {
        host.units[FAIL2BAN] = { load: 'not-found', active: 'inactive', file: '' };
        host.others = [4711];
      },
      'process 4711',
    ],
    [
      'fail2ban does not answer',
      (host) => (host.units[FAIL2BAN] = { load: 'loaded', active: 'activating', file: 'enabled' }),
      'does not answer',
    ],
    [
      'what cannot be taken over',
      (host) => {
        host.unfit = new OperatorError('there is no /etc/fail2ban', { exitCode: 66 });
      },
      'there is no /etc/fail2ban',
    ],
  ];
  test.each(REFUSED)('%s', async (_, prepare, words) => {
    const { host, before, error } = await move(prepare);
    expect(error?.message).toMatch(/^the move is not begun: /);
    expect(error?.message).toContain(words);
    expect(host.picture()).toEqual(before);
    expect(host.deeds).toEqual([]);
  });
});

test.each([
  ['absent', { load: 'not-found', active: 'inactive', file: '' }],
  ['masked', { load: 'masked', active: 'inactive', file: 'masked' }],
  ['stopped and disabled', { load: 'loaded', active: 'inactive', file: 'disabled' }],
])('a fail2ban that is %s is neither stopped nor disabled', async (_, unit) => {
  const { host, code, said } = await move((one) => {
    one.units[FAIL2BAN] = { ...unit };
    one.theirs = [];
    one.rules.clear();
  });
  expect([code, host.units[FAIL2BAN]]).toEqual([0, unit]);
  expect(said.join('\n')).toContain('there is nothing to stop');
  expect(host.deeds.join('\n')).not.toContain(FAIL2BAN);
  expect([...host.table.keys()].sort()).toEqual(['192.0.2.1', '2001:db8::1']);
});

test('rules that fail2ban leaves are named, and that it left none is said', async () => {
  expect((await move()).said.join('\n')).toContain(
    'fail2ban has taken its rules out of the kernel',
  );
  const { code, said } = await move((host) => host.orphans.add('192.0.2.1'));
  expect([code, said.join('\n')]).toEqual([
    0,
    expect.stringContaining('still hold 1 banned address, first 192.0.2.1: they stay'),
  ]);
});

test('one move at a time: a second changes nothing', async () => {
  const { host, before, error } = await move((one) => {
    one.claimed = new OperatorError(
      'another banjour import --switch or --switch-back is under way',
      { exitCode: 75 },
    );
  });
  expect(error).toMatchObject({ exitCode: 75, message: expect.stringContaining('is under way') });
  expect([host.picture(), host.deeds]).toEqual([before, []]);
});

test.each([undefined, { at: 2, how: 'fails' } as const])(
  'a move that has ended keeps no other off',
  async (trouble) => {
    expect((await move(undefined, trouble)).host.claims).toBe(0);
  },
);

test('--dry-run says the steps and changes nothing', async () => {
  const { host, said, code } = await move(undefined, undefined, true);
  expect([code, host.deeds]).toEqual([0, ['take over all']]);
  expect(said.filter((line) => line.includes('would be done'))).toHaveLength(6);
});

test('a ban is covered by itself or a wider one of the same jail, in force', () => {
  const theirs = [banOf('a', '192.0.2.1'), banOf('a', '2001:db8::7'), banOf('b', '192.0.2.1')];
  const own = [
    { jail: 'a', target: '192.0.2.1', state: 'wanted' as const },
    { jail: 'a', target: '2001:db8::/64', state: 'in-force' as const },
    { jail: 'b', target: '192.0.2.0/24', state: 'in-force' as const },
  ];
  expect(uncovered(theirs, own)).toEqual([banOf('a', '192.0.2.1')]);
});
