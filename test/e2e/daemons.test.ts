/**
 * Filters against the daemons that they are made for: failing and right logins over every protocol,
 * by names that imitate a daemon's line with a bystander's address, and what is counted and banned
 * held against the clients' own record.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Agent } from './lib/agent.js';
import type { LoginService } from './lib/clients/job.js';
import { DAEMON_PORTS } from './lib/daemons.js';
import { Machine } from './lib/machine.js';
import { LAYERS_SUITE } from './lib/rootfs.js';
import { until } from './lib/shell.js';
import { cutOff, judged, Station, tally } from './lib/station.js';

/** Package, filter that is tried on it, and how far its version is told in the documentation. */
const DAEMONS = [
  { name: 'exim', filter: 'exim', package: 'exim4-daemon-light', title: 'Exim' },
  { name: 'courier', filter: 'courier-auth', package: 'courier-imap', title: 'Courier' },
  { name: 'cyrus', filter: 'cyrus-imap', package: 'cyrus-imapd', title: 'Cyrus' },
  { name: 'nginx', filter: 'nginx-http-auth', package: 'nginx', title: 'nginx' },
] as const;

const BYSTANDER = '198.51.100.7';
/** Names that a client might choose. */
const NAMES = [
  ...[
    'nobody',
    'an na',
    `a"b'c`,
    `x [${BYSTANDER}] (y) <z>`,
    'm\u00fc\u0436\u{1f600}',
    'a\u0001b\u001bc',
    '%s%n',
    'a\\b',
    'l'.repeat(255),
  ],
  `x) [${BYSTANDER}]: 535 Incorrect authentication data (set_id=y`,
  `x, ip=[${BYSTANDER}], port=[1]`,
  `x [${BYSTANDER}] plaintext (y) [SASL(-13): authentication failure: checkpass failed]`,
  `x", client: ${BYSTANDER}, server: y`,
];
/**
 * A name with which Courier's logger breaks the line so that the client writes the whole second
 * entry.
 */
const HEAD = 'LOGIN FAILED, user=';
const TAIL = `, ip=[${BYSTANDER}], port=[1]`;
const BREAKING =
  'A'.repeat(505 - HEAD.length) + HEAD + 'x'.repeat(511 - HEAD.length - TAIL.length) + TAIL;

const JAILS = DAEMONS.map(({ name, filter }) => {
  const ports = Object.values(DAEMON_PORTS[name]).join(',');
  return `[${filter}]\nenabled = true\nbackend = systemd\nport = ${ports}\n`;
}).join('\n');

describe('a host with Exim, Courier, Cyrus and nginx', () => {
  let machine: Machine;
  let station: Station;
  let agent: Agent;

  beforeAll(async () => {
    machine = await Machine.bootLayer(
      'daemons',
      Object.values(DAEMON_PORTS).flatMap((ports) => Object.values(ports)),
    );
    station = new Station(machine);
    agent = await Agent.install(machine);
    await writeFile(
      join(machine.root, 'etc/banjour/jail.local'),
      `[DEFAULT]\nbantime = 10m\nmaxretry = 3\n\n[login]\nenabled = false\n\n${JAILS}`,
    );
    await agent.start();
  });
  afterAll(async () => {
    await station?.close();
    await machine?.destroy();
  });

  const doors = DAEMONS.flatMap(({ name, filter }, d) =>
    Object.entries(DAEMON_PORTS[name]).map(([service, port], s) => ({
      ...{ name, filter, port, service: service as LoginService },
      /** Addresses of this door's clients, the last byte apart. */
      net: `203.0.${10 * d + s}`,
    })),
  );

  /** How often the filter finds each address in the journal. */
  async function found(filter: string): Promise<Map<string, number>> {
    const { stdout } = await agent.command('test', 'journal', filter, '-o', 'ip');
    const counts = new Map<string, number>();
    for (const address of stdout.split('\n').filter((line) => line !== ''))
      counts.set(address, (counts.get(address) ?? 0) + 1);
    return counts;
  }

  async function bannedAddresses(): Promise<string[]> {
    return [...(await agent.sets()).values()].flat();
  }

  test('each failed login counts once, for its client alone, whatever the name', async () => {
    const expected = new Map<string, Map<string, number>>(
      DAEMONS.map(({ filter }) => [filter, new Map()]),
    );
    await Promise.all(
      doors.map(async ({ filter, service, port, net }) => {
        await Promise.all(
          NAMES.map(async (user, i) => {
            const from = `${net}.${i + 1}`;
            const mechanism = service === 'smtp' && i % 2 === 1 ? 'plain' : 'login';
            const attempts = await station.play({
              service,
              port,
              from,
              user,
              password: 'wrong',
              attempts: 1,
              mechanism,
            });
            const failed = tally(attempts, 'failed');
            if (failed > 0) expected.get(filter)?.set(from, failed);
          }),
        );
      }),
    );
    for (const { filter } of DAEMONS) {
      const wanted = expected.get(filter) ?? new Map();
      // Nearly every name is answered with a no; what a daemon does not take for a name is no
      // attempt.
      expect(wanted.size).toBeGreaterThan(NAMES.length - 4);
      await until(
        `the journal has all of ${filter}`,
        async () => (await found(filter)).size >= wanted.size,
      );
      expect([filter, await found(filter)]).toEqual([filter, wanted]);
    }
  });

  test('an attacker is cut off at the third guess, and who gets it right four times is not', async () => {
    // Cyrus makes a user's mailbox at the first login, and two at once would disagree.
    await station.login('imap', '203.0.98.1', { port: DAEMON_PORTS.cyrus.imap });
    const results = await Promise.all(
      doors.map(async ({ name, service, port, net }) => {
        const more = { port, intervalMs: 1_000, readMs: 20_000 };
        const attempts = station.attack(service, `${net}.200`, 6, more);
        const logins = [];
        for (let i = 0; i < 4; i++) {
          const { result, detail } = await station.login(service, `${net}.201`, more);
          logins.push(result === 'error' && name !== 'nginx' ? detail : result);
        }
        return [name, service, judged(await attempts), cutOff(await attempts), ...logins];
      }),
    );
    // nginx hands SMTP and POP3 on to an IMAP server here, which is no answer to a client.
    const right = (name: string, service: string) =>
      name === 'nginx' && service !== 'imap' ? 'error' : 'ok';
    expect(results).toEqual(
      doors.map(({ name, service }) => [
        name,
        service,
        3,
        true,
        ...Array(4).fill(right(name, service)),
      ]),
    );
    const banned = await bannedAddresses();
    expect(doors.filter(({ net }) => banned.includes(`${net}.201`))).toEqual([]);
  });

  test("a name that breaks Courier's line bans nobody else", async () => {
    const { port } =
      doors.find(({ name, service }) => name === 'courier' && service === 'imap') ?? {};
    await Promise.all(
      [1, 2, 3, 4].map((n) =>
        station.play({
          ...{
            service: 'imap',
            from: `203.0.99.${n}`,
            user: BREAKING,
            password: 'wrong',
            attempts: 1,
          },
          ...(port === undefined ? {} : { port }),
        }),
      ),
    );
    const written = [
      'journalctl',
      '-q',
      '-o',
      'cat',
      '-u',
      'courier-imap',
      '--grep',
      `^${HEAD}x+, ip=.${BYSTANDER}`,
    ];
    await until(
      'the broken lines stand in the journal',
      async () => (await machine.try(written)).stdout !== '',
    );
    // What stands behind them in the journal is judged, so they were.
    expect(
      judged(await station.attack('imap', '203.0.99.9', 6, { intervalMs: 1_000, readMs: 20_000 })),
    ).toBe(3);
    expect(await bannedAddresses()).not.toContain(BYSTANDER);
  });

  test('the documentation names the versions that are tried here', async () => {
    const docs = readFileSync('docs/filters.md', 'utf8');
    for (const { package: name, title } of DAEMONS) {
      const version = await machine.exec(['dpkg-query', '-W', '-f', '$' + '{Version}', name]);
      const told = /^(?:\d+:)?(?:\d+\.\d+\.\d+\+)?(\d+\.\d+)/.exec(version)?.[1];
      expect(docs).toContain(`| ${title} ${told} | ${LAYERS_SUITE} |`);
    }
  });
});
