/**
 * Who takes part in a recorded session: brute forcers on every service, people below the threshold,
 * mistaken users, ordinary users, IPv6 attackers that rotate, and names that smuggle someone else's
 * address into the log. Everything that a filter could learn by heart (addresses, names, numbers)
 * is drawn from the seed.
 */
import type { Job, Service } from './clients/job.js';
import { PASSWORD, REVERSE_NAMES, USERS } from './mailhost.js';
import { Random } from './random.js';

export interface Player {
  readonly role: string;
  readonly address: string;
  /** Played one after the other. */
  readonly jobs: readonly Job[];
}

export interface Cast {
  readonly players: readonly Player[];
  /** Addresses that appear in names only; nobody ever connects from them. */
  readonly victims: readonly string[];
}

const NAMES = [
  'root',
  'admin',
  'info',
  'test',
  'oracle',
  'www-data',
  'j.doe',
  'sales@e2e.test',
  'x y',
  'x)y',
  'anna',
];

export function makeCast(seed: number, waves: number): Cast {
  const random = new Random(seed);
  const players: Player[] = [];
  const net4 = `10.${random.below(200) + 20}`;
  const net6 = `2001:db8:${(random.below(0xfff) + 0x1000).toString(16)}`;
  const hosts4 = random.shuffled(
    Array.from(
      { length: 60 * waves },
      (_, i) => `${net4}.${i % 250}.${1 + Math.floor(i / 250) + (i % 199)}`,
    ),
  );
  const hosts6 = random.shuffled(
    Array.from(
      { length: 20 * waves },
      (_, i) => `${net6}:${(i + 1).toString(16)}::${(random.below(65_000) + 2).toString(16)}`,
    ),
  );
  const next = (hosts: string[]) => hosts.pop() ?? '';
  const fail = (
    from: string,
    service: Service,
    attempts: number,
    more: Partial<Job> = {},
  ): Job => ({
    ...{
      service,
      from,
      attempts,
      user: random.pick(NAMES),
      password: 'wrong-password',
      intervalMs: 200,
    },
    ...(random.below(2) === 0 ? { mechanism: 'plain' as const } : {}),
    ...{ connectMs: 10_000, readMs: 90_000, keepGoing: true, ...more },
  });
  const good = (from: string, service: Service, attempts: number, more: Partial<Job> = {}): Job =>
    fail(from, service, attempts, { user: random.pick(USERS), password: PASSWORD, ...more });
  const add = (role: string, address: string, ...jobs: Job[]) =>
    players.push({ role, address, jobs });
  const brute = (address: string, service: Service, more: Partial<Job> = {}) =>
    add('brute force', address, fail(address, service, 3 + random.below(4), more));

  for (let wave = 0; wave < waves; wave++) {
    for (const service of [
      'smtp',
      'smtp',
      'submission',
      'submissions',
      'imap',
      'pop3',
      'ssh',
      'ssh',
    ] as const)
      brute(next(hosts4), service);
    for (const service of ['smtp', 'imap', 'ssh'] as const) brute(next(hosts6), service);
    brute(next(hosts4), 'imap', { perConnection: 3 });
    brute(next(hosts4), 'ssh', { perConnection: 3 });
    brute(next(hosts4), 'smtp', { perConnection: 6 });
    const mixed = next(hosts4);
    add('mixed', mixed, fail(mixed, 'smtp', 2), fail(mixed, 'imap', 1), fail(mixed, 'ssh', 1));
    for (const service of ['smtp', 'submission', 'imap', 'pop3', 'ssh'] as const) {
      const address = next(wave % 2 === 0 ? hosts4 : hosts6);
      add('below the threshold', address, fail(address, service, 1 + random.below(2)));
    }
    const reader = next(hosts4);
    add(
      'mistaken user',
      reader,
      fail(reader, 'imap', 1, { user: 'anna' }),
      good(reader, 'imap', 2),
    );
    const sender = next(hosts6);
    add(
      'mistaken user',
      sender,
      fail(sender, 'submission', 2, { user: 'bert' }),
      good(sender, 'submission', 2, { deliver: true }),
    );
    for (const service of ['smtp-relay', 'smtp-connect', 'imap-connect', 'ssh-preauth'] as const) {
      const address = next(hosts4);
      add('probe', address, fail(address, service, 4));
    }
    for (let i = 1; i <= 5; i++) {
      const address = `${net6}:ff${wave.toString(16)}::${i}`;
      add('rotation in one /64', address, fail(address, 'smtp', 1));
    }
    for (let i = 0; i < 4; i++) {
      const address = next(i % 2 === 0 ? hosts4 : hosts6);
      const jobs = [
        good(address, 'imap', 3),
        good(address, 'submission', 2, { deliver: true }),
        good(address, 'pop3', 2),
      ];
      add('ordinary user', address, ...jobs, ...(i === 0 ? [good(address, 'ssh', 1)] : []));
    }
  }
  for (const address of REVERSE_NAMES.keys()) brute(address, 'smtp');
  const victims = [
    '192.0.2.200',
    '192.0.2.201',
    ...smugglers(random, next(hosts4).replace(/\d+$/, ''), brute),
  ];
  return { players: random.shuffled(players), victims };
}

/** Attackers whose user name holds a log line's text about somebody else; returns those others. */
function smugglers(
  random: Random,
  net: string,
  brute: (address: string, service: Service, more: Partial<Job>) => void,
): string[] {
  const victim = (i: number) => `192.0.2.${210 + i}`;
  const tricks: readonly (readonly [Service, string])[] = [
    ['imap', `x rip=${victim(0)}, lip=198.18.0.1`],
    ['ssh', `root from ${victim(1)} port 22 ssh2`],
    ['smtp', `unknown[${victim(2)}]: SASL LOGIN authentication failed: x`],
    ['pop3', `u) rhost=${victim(3)}  user=root`],
    ['ssh', `a rhost=${victim(4)}`],
    ['imap', `x>, method=PLAIN, rip=${victim(5)}, lip=198.18.0.1, session=<`],
    ['smtp', `anna, sasl_username=b, rip=${victim(6)}`],
  ];
  tricks.forEach(([service, user], i) => {
    brute(`${net}${random.below(20) + 30 * i + 2}`, service, { user, mechanism: 'plain' });
  });
  return tricks.map((_, i) => victim(i));
}
