/** A reload whose change of the kernel fails: everything becomes again as it was. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Host } from '../control/host.js';

let host: Host;
beforeEach(async () => {
  host = await new Host().start();
});
afterEach(() => host.end());

/** What is in force of one jail, on every level that a reload changes. */
function inForce() {
  const { agent } = host;
  if (agent === undefined) throw new Error('no agent');
  return {
    names: agent.stages.jails.names,
    setup: agent.stages.setup.jails.map(({ policy, rule }) => [
      policy.jail,
      policy.maxretry,
      rule.ports,
    ]),
    readers: agent.stages.intake.all.map(({ id, jails }) => [id, jails.map(({ jail }) => jail)]),
    allowed: agent.stages.allow.snapshot.prefixes().length,
    plan: agent.stages.firewallSync.plan().rules.map(({ jail }) => jail),
  };
}

const CHANGED = `[DEFAULT]
filter = f
source = directory JOURNAL
ignoreip = 198.51.100.0/24
ignoreself = false
maxretry = 1
port = 2525
[postfix-sasl]
enabled = true
[new]
enabled = true
`;

describe('a reload that fails half way', () => {
  test.each(['replan', 'swap'] as const)(
    'at the %s takes all of it back, and protection goes on',
    async (step) => {
      const { agent } = host;
      if (agent === undefined) throw new Error('no agent');
      const before = inForce();
      const target = (step === 'replan'
        ? agent.stages.firewall
        : agent.stages.intake) as unknown as Record<string, unknown>;
      const own = target[step] as (...parts: unknown[]) => Promise<unknown>;
      // The allow set and the plan are changed by a call each.
      let failures = step === 'replan' ? 2 : 1;
      target[step] = (...parts: unknown[]) => {
        if (failures === 0) return own.apply(target, parts);
        failures--;
        return Promise.reject(new Error('nft is away'));
      };
      host.write('jail.local', CHANGED);
      const { code, err } = await host.banjour('reload');
      expect(failures).toBe(0);
      expect(code).not.toBe(0);
      expect(err).toContain('nft is away');
      expect(inForce()).toEqual(before);
      // By the old rules: five failures, and nobody of the new ignoreip is spared.
      host.append(
        Array.from({ length: 5 }, () => ({
          message: 'x: bad 198.51.100.9',
          fields: { _SYSTEMD_UNIT: 'postfix.service' },
        })),
      );
      await host.until(
        'the ban by the old rules',
        async () => (await host.client().bans()).length > 0,
      );
      expect(
        (await host.client().bans()).map(({ jail, target: who }) => [jail, who]),
      ).toContainEqual(['postfix-sasl', '198.51.100.9']);
    },
    60_000,
  );
});
