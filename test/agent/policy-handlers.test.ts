/** How the agent takes what mail servers report. */
import { afterEach, expect, jest, test } from '@jest/globals';
import { PolicyHandlers } from '../../src/agent/policy-handlers.js';
import type { Stages } from '../../src/agent/stages.js';
import { POLICY_REPORTS_MAX } from '../../src/core/service-limits.js';
import { POLICY_REPORTS_PART_MS } from '../../src/core/timeouts.js';

afterEach(() => {
  jest.restoreAllMocks();
});

const jail = {
  policy: { jail: 'dovecot', group: 'login' },
  intake: { filter: { name: 'dovecot' } },
};
/** Handlers whose reports take so many milliseconds each; how many they have taken. */
const handlersOf = (milliseconds: number) => {
  let now = 0;
  let taken = 0;
  jest.spyOn(performance, 'now').mockImplementation(() => now);
  const report = () => {
    now += milliseconds;
    taken++;
  };
  const stages = { setup: { jails: [jail] }, pipeline: { report } };
  return { handlers: new PolicyHandlers(stages as unknown as Stages), taken: () => taken };
};
const many = Array.from({ length: POLICY_REPORTS_MAX }, (_, n) => ({
  ...{ address: '192.0.2.1', user: `u${n}`, protocol: 'imap', session: `s${n}` },
}));

test('who asks while many reports are taken does not wait for all of them', async () => {
  const { handlers, taken } = handlersOf(1);
  const all = handlers.reports({ reports: many });
  expect(taken()).toBe(POLICY_REPORTS_PART_MS);
  await new Promise((resolve) => setImmediate(resolve));
  expect(taken()).toBeLessThanOrEqual(2 * POLICY_REPORTS_PART_MS);
  expect(await all).toEqual({ taken: POLICY_REPORTS_MAX });
  expect(taken()).toBe(POLICY_REPORTS_MAX);
});

test('a failure that only its line counts is noted as a password that was looked at', () => {
  const attempted = jest.fn();
  const smtp = { ...jail, intake: { filter: { name: 'postfix-sasl' } } };
  const report = jest.fn();
  const stages = { setup: { jails: [smtp] }, pipeline: { report }, jails: { attempted } };
  const handlers = new PolicyHandlers(stages as unknown as Stages);
  const failure = { address: '192.0.2.1', user: 'anna', protocol: 'smtp', pwhash: '0a1' };
  void handlers.reports({ reports: [failure] });
  expect(report).not.toHaveBeenCalled();
  expect(attempted.mock.calls[0]?.[0]).toMatchObject({ user: 'anna', digest: expect.any(String) });
  void handlers.reports({ reports: [{ ...failure, refused: 'new-name' }] });
  expect(attempted).toHaveBeenCalledTimes(1);
  expect(report).toHaveBeenCalledTimes(1);
});

test('a service of a shared address that is closed alone bans nobody at the others', () => {
  const facts = { target: undefined, jail: 'login' };
  const banned = (...bans: readonly { jail: string; rule?: string }[]) => {
    const sshd = { policy: { jail: 'sshd', group: 'login' }, rule: { ports: [] } };
    const login = { policy: { jail: 'login' }, rule: { ports: 'all' } };
    const stages = {
      setup: { jails: [jail, sshd, login] },
      pipeline: { expectReports: () => undefined },
      jails: { login: () => facts },
      ledger: { covering: () => bans },
    };
    const handlers = new PolicyHandlers(stages as unknown as Stages);
    return handlers.login({ address: '192.0.2.1', user: 'anna', protocol: 'imap' }).banned;
  };
  expect(banned({ jail: 'sshd', rule: 'slow' })).toBeUndefined();
  expect(banned({ jail: 'sshd', rule: 'slow' }, { jail: 'sshd' })).toBe('sshd');
  expect(banned({ jail: 'login', rule: 'slow' })).toBe('login');
});

test('a few are taken at once', () => {
  const { handlers, taken } = handlersOf(1);
  void handlers.reports({ reports: many.slice(0, POLICY_REPORTS_PART_MS) });
  expect(taken()).toBe(POLICY_REPORTS_PART_MS);
});
