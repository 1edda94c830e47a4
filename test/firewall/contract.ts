/** What every firewall backend must do: the contract of `src/core/firewall.ts`, executed. */
import { describe, expect, test } from '@jest/globals';
import { formatPrefix } from '../../src/core/address.js';
import type { Element, FirewallBackend } from '../../src/core/firewall.js';
import { RESIDENT_CHANGES_MAX } from '../../src/core/limits.js';
import { mustJailName } from '../../src/core/names.js';
import { ban, hosts, inForce, plan, put, remove, rule } from './support.js';

export interface Subject {
  readonly backend: FirewallBackend;
  readonly dispose: () => Promise<void>;
}

const LONG = `a${'b'.repeat(62)}c`;

/**
 * Registers the contract's tests for one backend; `it` is `test` or one that is skipped where the
 * backend cannot run.
 */
export function contract(name: string, make: () => Promise<Subject>, it: typeof test = test): void {
  const with_ = (run: (backend: FirewallBackend) => Promise<void>) => async () => {
    const { backend, dispose } = await make();
    try {
      await run(backend);
    } finally {
      await dispose();
    }
  };

  describe(`the contract of a firewall backend: ${name}`, () => {
    it(
      'open makes the tables and puts every wanted ban in force',
      with_(async (backend) => {
        const report = await backend.open(plan(['sshd', 'mail']), [
          ban('sshd', '192.0.2.1'),
          ban('sshd', '2001:db8::1', null),
          ban('mail', '192.0.2.1', 60),
          ban('mail', '2001:db8:1:2::/64'),
          ban('mail', '198.51.100.0/24', null),
        ]);
        expect(report.refused).toEqual([]);
        expect(report.elapsedMs).toBeGreaterThan(0);
        expect((await backend.read()).present).toBe(true);
        expect(await inForce(backend)).toEqual([
          'mail 192.0.2.1/32 1 min',
          'mail 198.51.100.0/24 for good',
          'mail 2001:db8:1:2::/64 10 min',
          'sshd 192.0.2.1/32 10 min',
          'sshd 2001:db8::1/128 for good',
        ]);
      }),
    );

    it(
      'open on tables that stand corrects ends, adds what is missing and removes what is not wanted',
      with_(async (backend) => {
        await backend.open(plan(['sshd', 'mail']), [
          ban('sshd', '192.0.2.1'),
          ban('sshd', '192.0.2.2'),
          ban('sshd', '192.0.2.3', null),
          ban('mail', '198.51.100.0/24'),
        ]);
        await backend.open(plan(['sshd', 'mail']), [
          ban('sshd', '192.0.2.1'),
          ban('sshd', '192.0.2.2', 1200),
          ban('sshd', '192.0.2.4'),
        ]);
        expect(await inForce(backend)).toEqual([
          'sshd 192.0.2.1/32 10 min',
          'sshd 192.0.2.2/32 20 min',
          'sshd 192.0.2.4/32 10 min',
        ]);
      }),
    );

    it(
      'open asks about what is in force and not wanted, and leaves what it is told to',
      with_(async (backend) => {
        await backend.open(plan(['sshd', 'mail']), [
          ban('sshd', '192.0.2.1'),
          ban('sshd', '192.0.2.2'),
          ban('mail', '2001:db8:1:2::/64', null),
          ban('mail', '198.51.100.0/24'),
        ]);
        const asked: string[] = [];
        const keep = (elements: readonly Element[]) => {
          asked.push(...elements.map(({ jail, target }) => `${jail} ${formatPrefix(target)}`));
          return elements.filter(({ jail }) => jail === 'mail');
        };
        await backend.open(
          plan(['sshd', 'mail']),
          [ban('sshd', '192.0.2.1'), ban('sshd', '192.0.2.3')],
          keep,
        );
        expect(asked.sort()).toEqual([
          'mail 198.51.100.0/24',
          'mail 2001:db8:1:2::/64',
          'sshd 192.0.2.2',
        ]);
        expect(await inForce(backend)).toEqual([
          'mail 198.51.100.0/24 10 min',
          'mail 2001:db8:1:2::/64 for good',
          'sshd 192.0.2.1/32 10 min',
          'sshd 192.0.2.3/32 10 min',
        ]);
      }),
    );

    it(
      'open leaves out bans that are over and reports those that no table can hold',
      with_(async (backend) => {
        const { refused } = await backend.open(plan(['sshd']), [
          ban('sshd', '192.0.2.1', -1),
          ban('gone', '192.0.2.2'),
          ban('sshd', '0.0.0.0/0'),
          ban('sshd', '192.0.2.3'),
        ]);
        expect(refused.map(({ change, reason }) => [change.target.base, reason])).toEqual([
          ['192.0.2.2', 'the configuration has no jail gone'],
          ['0.0.0.0', 'a prefix of length 0 would shut out everybody'],
        ]);
        expect(await inForce(backend)).toEqual(['sshd 192.0.2.3/32 10 min']);
      }),
    );

    it(
      'apply adds, extends, shortens and removes in one batch',
      with_(async (backend) => {
        await backend.open(plan(['sshd']), [
          ban('sshd', '192.0.2.1'),
          ban('sshd', '192.0.2.2'),
          ban('sshd', '192.0.2.3', null),
          ban('sshd', '2001:db8::1'),
        ]);
        const { refused } = await backend.apply([
          put('sshd', '192.0.2.1', 3600),
          put('sshd', '192.0.2.2', null),
          put('sshd', '192.0.2.3', 60),
          remove('sshd', '2001:db8::1'),
          put('sshd', '192.0.2.4', 30),
        ]);
        expect(refused).toEqual([]);
        expect(await inForce(backend)).toEqual([
          'sshd 192.0.2.1/32 60 min',
          'sshd 192.0.2.2/32 for good',
          'sshd 192.0.2.3/32 1 min',
          'sshd 192.0.2.4/32 0.5 min',
        ]);
      }),
    );

    it(
      'apply takes the removal of what is not there for done',
      with_(async (backend) => {
        await backend.open(plan(['sshd']), []);
        const { refused } = await backend.apply([
          remove('sshd', '192.0.2.1'),
          remove('sshd', '2001:db8::/48'),
          remove('unknown', '192.0.2.1'),
        ]);
        expect(refused).toEqual([]);
        expect(await inForce(backend)).toEqual([]);
      }),
    );

    it(
      'apply turns a put whose end has passed into a removal',
      with_(async (backend) => {
        await backend.open(plan(['sshd']), [ban('sshd', '192.0.2.1')]);
        await backend.apply([put('sshd', '192.0.2.1', -5), put('sshd', '192.0.2.2', -5)]);
        expect(await inForce(backend)).toEqual([]);
      }),
    );

    it(
      'apply carries out the last word about an element',
      with_(async (backend) => {
        await backend.open(plan(['sshd']), []);
        await backend.apply([
          put('sshd', '192.0.2.1'),
          remove('sshd', '192.0.2.1'),
          remove('sshd', '192.0.2.2'),
          put('sshd', '192.0.2.2', 60),
          put('sshd', '192.0.2.2', 120),
        ]);
        expect(await inForce(backend)).toEqual(['sshd 192.0.2.2/32 2 min']);
      }),
    );

    it(
      'apply refuses a change for a jail that the plan does not have and carries out the rest',
      with_(async (backend) => {
        await backend.open(plan(['sshd']), []);
        const { refused } = await backend.apply([
          put('mail', '192.0.2.1'),
          put('sshd', '192.0.2.1'),
        ]);
        expect(refused).toHaveLength(1);
        expect(refused[0]?.reason).toBe('the configuration has no jail mail');
        expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 10 min']);
      }),
    );

    it(
      'nested prefixes are bans of their own: lifting one leaves the others',
      with_(async (backend) => {
        await backend.open(plan(['sshd']), []);
        await backend.apply([
          put('sshd', '198.51.0.0/16', 600),
          put('sshd', '198.51.100.0/24', 1200),
          put('sshd', '198.51.100.7', null),
        ]);
        await backend.apply([remove('sshd', '198.51.100.0/24')]);
        expect(await inForce(backend)).toEqual([
          'sshd 198.51.0.0/16 10 min',
          'sshd 198.51.100.7/32 for good',
        ]);
      }),
    );

    for (const count of [RESIDENT_CHANGES_MAX, RESIDENT_CHANGES_MAX + 1, 1000]) {
      it(
        `a batch of ${count} changes goes through whole, also over elements that are there`,
        with_(async (backend) => {
          await backend.open(plan(['sshd']), [ban('sshd', '10.0.0.5', 60)]);
          const { refused } = await backend.apply(hosts(count).map((host) => put('sshd', host)));
          expect(refused).toEqual([]);
          const there = await inForce(backend);
          expect(there).toHaveLength(count);
          expect(there.every((line) => line.endsWith('/32 10 min'))).toBe(true);
        }),
      );
    }

    it(
      'calls that wait are each answered for their own changes',
      with_(async (backend) => {
        await backend.open(plan(['sshd']), []);
        const reports = await Promise.all([
          backend.apply([put('sshd', '192.0.2.1')]),
          backend.apply([put('nobody', '192.0.2.2')]),
          backend.apply([put('sshd', '192.0.2.3'), remove('sshd', '192.0.2.1')]),
          backend.apply([]),
        ]);
        expect(reports.map(({ refused }) => refused.length)).toEqual([0, 1, 0, 0]);
        expect(await inForce(backend)).toEqual(['sshd 192.0.2.3/32 10 min']);
      }),
    );

    it(
      'replan changes rules and jails and keeps the bans of the jails that stay',
      with_(async (backend) => {
        const wanted = [ban('sshd', '192.0.2.1'), ban('mail', '198.51.100.0/24', null)];
        await backend.open(plan(['sshd', 'mail'], { hook: 'both', bridge: true }), wanted);
        const { refused } = await backend.replan(
          plan([rule('sshd', { verdict: 'reject', ports: 'all', protocols: 'all' }), 'web'], {
            hook: 'prerouting',
          }),
          wanted.slice(0, 1),
        );
        expect(refused).toEqual([]);
        await backend.apply([put('web', '192.0.2.9')]);
        expect(await inForce(backend)).toEqual([
          'sshd 192.0.2.1/32 10 min',
          'web 192.0.2.9/32 10 min',
        ]);
        expect([...(await backend.read()).counters.keys()].sort()).toEqual(['sshd', 'web']);
      }),
    );

    it(
      'replan to counters per element, which needs new sets, keeps every ban',
      with_(async (backend) => {
        const wanted = [ban('sshd', '192.0.2.1'), ban('sshd', '2001:db8::/56', null)];
        await backend.open(plan(['sshd']), wanted);
        await backend.replan(plan(['sshd'], { countersPerElement: true }), wanted);
        await backend.apply([put('sshd', '192.0.2.2')]);
        expect(await inForce(backend)).toEqual([
          'sshd 192.0.2.1/32 10 min',
          'sshd 192.0.2.2/32 10 min',
          'sshd 2001:db8::/56 for good',
        ]);
      }),
    );

    it(
      'jails with long and odd names are told apart and read back',
      with_(async (backend) => {
        const names = ['a@b', 'a+b', 'a.b', 'a-b', 'a_b', '7up', LONG];
        await backend.open(plan(names), []);
        await backend.apply(names.map((name) => put(name, '192.0.2.1')));
        const { elements, counters } = await backend.read();
        expect(elements.map(({ jail }) => jail).sort()).toEqual([...names].sort());
        expect([...counters.keys()].sort()).toEqual([...names].sort());
        expect(counters.get(mustJailName('a@b'))).toEqual({ packets: 0, bytes: 0 });
      }),
    );

    it(
      'allowed prefixes may nest and change',
      with_(async (backend) => {
        const allow = ['10.0.0.0/8', '10.1.0.0/16', '10.1.2.3', '2001:db8::/32', '::1'].map(
          (text) => ban('x', text).target,
        );
        expect((await backend.open(plan(['sshd'], { allow }), [])).refused).toEqual([]);
        expect(
          (await backend.replan(plan(['sshd'], { allow: allow.slice(1) }), [])).refused,
        ).toEqual([]);
      }),
    );

    it(
      'describe tells the ruleset in nft syntax without touching anything',
      with_(async (backend) => {
        const text = backend.describe(
          plan([rule('sshd', { verdict: 'reject' })], { bridge: true }),
        );
        expect(text).toContain('table inet banjour {');
        expect(text).toContain('table bridge banjour {');
        expect(text).toContain(
          'tcp dport 25 ip saddr @ban4.sshd counter name "jail.sshd" goto rejects',
        );
        await backend.open(plan(['sshd']), []);
        expect((await backend.read()).elements).toEqual([]);
      }),
    );

    it(
      'flush removes the tables, and open makes them anew',
      with_(async (backend) => {
        await backend.open(plan(['sshd'], { bridge: true }), [ban('sshd', '192.0.2.1')]);
        await backend.flush();
        expect(await backend.read()).toMatchObject({ present: false, elements: [] });
        await backend.open(plan(['sshd']), [ban('sshd', '192.0.2.2')]);
        expect(await inForce(backend)).toEqual(['sshd 192.0.2.2/32 10 min']);
      }),
    );

    it(
      'a call before open or after close is refused with a stable code',
      with_(async (backend) => {
        await expect(backend.apply([put('sshd', '192.0.2.1')])).rejects.toMatchObject({
          code: 'ERR_FIREWALL_CLOSED',
        });
        await backend.open(plan(['sshd']), []);
        await backend.close();
        await expect(backend.apply([put('sshd', '192.0.2.1')])).rejects.toMatchObject({
          code: 'ERR_FIREWALL_CLOSED',
        });
      }),
    );
  });
}
