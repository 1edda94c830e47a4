import { describe, expect, test } from '@jest/globals';
import { RateLimiter } from '../../src/control/clients.js';
import { ENDPOINTS, type Endpoint, findEndpoint, requestOf } from '../../src/control/endpoints.js';
import type { Fields } from '../../src/control/fields.js';
import {
  EVENT_COUNT_MAX,
  LIVE_VALUE_CHARS_MAX,
  OPERATOR_CHARS_MAX,
  USER_CHARS_MAX,
} from '../../src/core/limits.js';
import { CONTROL_IMPORT_BANS_MAX, CONTROL_TARGETS_MAX } from '../../src/core/service-limits.js';

/** A check of the requests of one call. */
const checks =
  <F extends Fields>(endpoint: Endpoint<F>) =>
  (values: unknown) =>
    requestOf(endpoint, values);
const banRequest = checks(ENDPOINTS.ban);
const unbanRequest = checks(ENDPOINTS.unban);
const attemptRequest = checks(ENDPOINTS.attempt);
const setRequest = checks(ENDPOINTS.set);
const importRequest = checks(ENDPOINTS.import);
const reloadRequest = checks(ENDPOINTS.reload);

describe('the pace of a socket', () => {
  test("takes a second's worth at once, then one after the other", () => {
    let now = 10_000;
    const pace = new RateLimiter(10, () => now);
    expect(Array.from({ length: 10 }, () => pace.delay())).toEqual(Array(10).fill(0));
    expect([pace.delay(), pace.delay(), pace.delay()]).toEqual([100, 200, 300]);
    now += 300;
    expect(pace.delay()).toBe(100);
    now += 5_000;
    expect(pace.delay()).toBe(0);
  });
});

describe('requests', () => {
  const list = (count: number) =>
    Array.from({ length: count }, (_, n) => `10.0.${n >> 8}.${n & 255}`);
  const ban = { jail: 'sshd', target: '192.0.2.1', time: '2026-11-21T00:00:00Z', until: null };

  test('take as many addresses as the bound says, and not one more', () => {
    expect(banRequest({ jail: 'sshd', targets: list(CONTROL_TARGETS_MAX) }).targets).toHaveLength(
      CONTROL_TARGETS_MAX,
    );
    expect(() => banRequest({ jail: 'sshd', targets: list(CONTROL_TARGETS_MAX + 1) })).toThrow(
      'at most',
    );
    expect(() => unbanRequest({ targets: list(CONTROL_TARGETS_MAX + 1) })).toThrow('at most');
  });

  test('take a name of who asks, as long as the bound says and not one more', () => {
    const by = 'x'.repeat(OPERATOR_CHARS_MAX);
    expect(unbanRequest({ targets: 'all', by })).toEqual({ targets: 'all', by });
    expect(reloadRequest({ unban: true, by })).toEqual({ unban: true, by });
    expect(banRequest({ jail: 'sshd', targets: ['192.0.2.1'], by }).by).toBe(by);
    for (const wrong of [`${by}x`, '', 7]) {
      expect(() => unbanRequest({ targets: 'all', by: wrong })).toThrow(/^by must /);
      expect(() => reloadRequest({ by: wrong })).toThrow(/^by must /);
      expect(() => banRequest({ jail: 'sshd', targets: ['192.0.2.1'], by: wrong })).toThrow(
        /^by must /,
      );
    }
  });

  test('take as many failures of one address as an entry may report, and not one more', () => {
    const attempt = (count: unknown) =>
      attemptRequest({ jail: 'sshd', target: '192.0.2.1', count });
    expect(attempt(EVENT_COUNT_MAX).count).toBe(EVENT_COUNT_MAX);
    for (const wrong of [EVENT_COUNT_MAX + 1, 0, -1, 1.5, '3', null])
      expect(() => attempt(wrong)).toThrow('count');
  });

  test('take a value of the greatest length, and not one character more', () => {
    const set = (length: number) =>
      setRequest({ jail: 'sshd', key: 'port', value: 'x'.repeat(length) });
    expect(set(LIVE_VALUE_CHARS_MAX).value).toHaveLength(LIVE_VALUE_CHARS_MAX);
    expect(() => set(LIVE_VALUE_CHARS_MAX + 1)).toThrow('at most');
    expect(() => setRequest({ key: 'loglevel', value: 'x', action: 'drop' })).toThrow('action');
  });

  test('take so many bans of an import, and not one more; each is checked', () => {
    const half = Array(CONTROL_IMPORT_BANS_MAX / 2).fill(ban);
    expect(importRequest({ active: half, history: half }).history).toHaveLength(half.length);
    expect(() => importRequest({ active: [...half, ban], history: half })).toThrow('at most');
    expect(
      importRequest({ active: [{ ...ban, user: 'u'.repeat(1000) }] }).active[0]?.user,
    ).toHaveLength(USER_CHARS_MAX);
    for (const wrong of [
      { time: 'yesterday' },
      { time: '-271821-04-20T00:00:00Z' },
      { until: 5 },
      { until: undefined },
      { failures: -1 },
      { previousBans: 1.5 },
      { target: '' },
      { user: 5 },
    ])
      expect(() => importRequest({ active: [{ ...ban, ...wrong }] })).toThrow(/must be/);
    expect(() => importRequest({ active: 'all' })).toThrow('list');
  });

  test('take flags as true or false only', () => {
    expect(reloadRequest({ dryRun: true, unban: false, jail: 'sshd' })).toEqual({
      dryRun: true,
      unban: false,
      jail: 'sshd',
    });
    for (const wrong of [{ dryRun: 'yes' }, { unban: 1 }, { jail: 5 }, { jail: '' }])
      expect(() => reloadRequest(wrong)).toThrow(/must be/);
    expect(() => banRequest({ jail: 'sshd', targets: ['192.0.2.1'], force: 1 })).toThrow('force');
  });
});

describe('the table of calls', () => {
  test('has every path once', () => {
    const paths = Object.values(ENDPOINTS).map(({ method, path }) => `${method} ${path}`);
    expect(new Set(paths).size).toBe(paths.length);
  });

  test('has a field for everything that stands in a path', () => {
    for (const { fields, path } of Object.values(ENDPOINTS) as Endpoint[])
      for (const [, name = ''] of path.matchAll(/:(\w+)/g))
        expect(fields[name]?.isOptional).toBe(false);
  });

  test('finds what stands in a path, and nothing outside of the version', () => {
    expect(findEndpoint('GET', '/v1/jails/post%2Ffix')).toMatchObject({
      name: 'jail',
      parameters: { jail: 'post/fix' },
    });
    expect(findEndpoint('GET', '/v1/jails/sshd/options')).toMatchObject({
      name: 'jailOptions',
      parameters: { jail: 'sshd' },
    });
    for (const path of ['/v1', '/v1/', '/status', '/v0/status', '/v1/status/', '/v1/jails/a/b'])
      expect(findEndpoint('GET', path)).toBeUndefined();
    expect(findEndpoint('POST', '/v1/status')).toBeUndefined();
    expect(() => findEndpoint('GET', '/v1/jails/%')).toThrow('encoded');
  });
});
