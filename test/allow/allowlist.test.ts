import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { Allowlist, type AllowSources } from '../../src/allow/allowlist.js';
import { Names } from '../../src/allow/dns.js';
import { parseList } from '../../src/allow/lists.js';
import { reasonOf } from '../../src/allow/snapshot.js';
import { formatPrefix } from '../../src/core/address.js';
import {
  ALLOW_DNS_PARALLEL_MAX,
  ALLOW_FILE_BYTES_MAX,
  ALLOW_NAME_ADDRESSES_MAX,
  ALLOW_PREFIXES_MAX,
} from '../../src/core/limits.js';
import { ALLOW_DNS_DEADLINE_MS, ALLOW_LOOK_MS, ALLOW_REFRESH_MS } from '../../src/core/timeouts.js';
import { fakeTimers } from '../support/timeouts.js';
import { until } from '../support/until.js';
import { address, exemptions, JAIL, OTHER, prefix, spec, term } from './support.js';

const directory = mkdtempSync(join(tmpdir(), 'banjour-allow-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const NOTHING: Partial<AllowSources> = {
  resolve: async () => [],
  own: () => [],
  gateways: () => [],
  resolvers: () => [],
  adminHosts: async () => [],
};

const shown = (keeper: Allowlist) => keeper.snapshot.prefixes().map(formatPrefix);

describe('the keeper', () => {
  test('has a snapshot at once, and names and sessions after a refresh', async () => {
    const keeper = new Allowlist(
      spec(['192.0.2.0/24', 'office.example.org'], { lockoutGuard: true, self: true }),
      {
        own: () => exemptions('198.51.100.1'),
        gateways: () => exemptions('198.51.100.254'),
        resolvers: () => exemptions('198.51.100.53'),
        adminHosts: async () => ['203.0.113.5', 'laptop.example.org'],
        resolve: async (name) =>
          name === 'office.example.org' ? ['2001:db8::1'] : ['203.0.113.9'],
      },
    );
    expect(shown(keeper)).toEqual([
      '192.0.2.0/24',
      '198.51.100.1',
      '198.51.100.53',
      '198.51.100.254',
    ]);
    const changes: number[] = [];
    keeper.onChange((snapshot) => changes.push(snapshot.prefixes().length));
    await keeper.refresh();
    // The name of the administrator's host is known from the second round on.
    await keeper.refresh();
    expect(shown(keeper)).toEqual(
      expect.arrayContaining(['203.0.113.5', '203.0.113.9', '2001:db8::1']),
    );
    expect(keeper.snapshot.allows(JAIL, address('203.0.113.5'))?.text).toBe(
      'administrator logged in from 203.0.113.5',
    );
    expect(keeper.snapshot.allows(JAIL, address('2001:db8::1'))?.text).toBe(
      'ignoreip office.example.org (2001:db8::1)',
    );
    expect(changes.length).toBeGreaterThan(0);
  });

  test('takes nothing of the host where the specification says so: a replay is of another place', async () => {
    const keeper = new Allowlist(spec(['192.0.2.1']));
    await keeper.refresh();
    expect(shown(keeper)).toEqual(['192.0.2.1']);
  });

  test('says nothing when nothing has changed', async () => {
    const keeper = new Allowlist(spec(['192.0.2.1']), NOTHING);
    let changes = 0;
    keeper.onChange(() => changes++);
    await keeper.refresh();
    keeper.look();
    expect(changes).toBe(0);
  });

  test('a snapshot never changes; a reload makes a new one', () => {
    const keeper = new Allowlist(spec(['192.0.2.1']), NOTHING);
    const before = keeper.snapshot;
    keeper.setSpec(spec(['192.0.2.2'], { perJail: new Map([[OTHER, [term('192.0.2.3')]]]) }));
    expect(before.allows(JAIL, address('192.0.2.1'))).toBeDefined();
    expect(keeper.snapshot.allows(JAIL, address('192.0.2.1'))).toBeUndefined();
    expect(keeper.snapshot.allows(OTHER, address('192.0.2.3'))).toBeDefined();
  });

  test('looks and asks again as often as the bounds say, and no more when it is stopped', async () => {
    using _ = fakeTimers();
    let looks = 0;
    let asked = 0;
    const keeper = new Allowlist(spec([], { self: true, lockoutGuard: true }), {
      ...NOTHING,
      own: () => {
        looks++;
        return [];
      },
      adminHosts: async () => {
        asked++;
        return [];
      },
    });
    keeper.start();
    await jest.advanceTimersByTimeAsync(0);
    looks = 0;
    await jest.advanceTimersByTimeAsync(ALLOW_LOOK_MS - 1);
    expect(looks).toBe(0);
    await jest.advanceTimersByTimeAsync(1);
    expect(looks).toBe(1);
    await jest.advanceTimersByTimeAsync(ALLOW_REFRESH_MS - ALLOW_LOOK_MS - 1);
    expect(asked).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    expect(asked).toBe(2);
    keeper.stop();
    await jest.advanceTimersByTimeAsync(2 * ALLOW_REFRESH_MS);
    expect(asked).toBe(2);
  });

  test('a session that ended no longer protects', async () => {
    let admins: string[] | undefined = ['203.0.113.5'];
    const keeper = new Allowlist(spec([], { lockoutGuard: true }), {
      ...NOTHING,
      adminHosts: async () => admins,
    });
    await keeper.refresh();
    expect(shown(keeper)).toEqual(['203.0.113.5']);
    admins = undefined;
    await keeper.refresh();
    expect(shown(keeper)).toEqual([]);
    expect(keeper.check()).toEqual([expect.objectContaining({ id: 'allow.logind' })]);
  });

  test('takes as many addresses as its bound and reports the rest; the own ones are never the rest', () => {
    const many = (n: number) =>
      Array.from({ length: n }, (_, i) => term(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`));
    const keeper = new Allowlist({ ...spec(), terms: many(ALLOW_PREFIXES_MAX) }, NOTHING);
    expect(keeper.check().map(({ id }) => id)).toEqual(['allow']);
    const own = () => [
      { prefix: prefix('192.0.2.1'), reason: reasonOf('self', prefix('192.0.2.1')) },
    ];
    const over = new Allowlist(
      { ...spec(), terms: many(ALLOW_PREFIXES_MAX), self: true },
      { ...NOTHING, own },
    );
    expect(over.check().map(({ id }) => id)).toEqual(['allow.bound']);
    expect(over.snapshot.allows(JAIL, address('192.0.2.1'))).toBeDefined();
  });

  test('warns of an exemption for a large part of the internet', () => {
    expect(new Allowlist(spec(['0.0.0.0/0']), NOTHING).check().map(({ id }) => id)).toEqual([
      'allow.wide',
    ]);
  });
});

describe('names', () => {
  test('are asked for as many at a time as the bound says', async () => {
    let open = 0;
    let most = 0;
    const answers: (() => void)[] = [];
    const names = new Names(async () => {
      most = Math.max(most, ++open);
      await new Promise<void>((resolve) => answers.push(resolve));
      open--;
      return ['192.0.2.1'];
    });
    const wanted = Array.from(
      { length: ALLOW_DNS_PARALLEL_MAX + 1 },
      (_, i) => `host${i}.example.org`,
    );
    const refreshed = names.refresh(new Set(wanted));
    expect([open, answers.length]).toEqual([ALLOW_DNS_PARALLEL_MAX, ALLOW_DNS_PARALLEL_MAX]);
    answers[0]?.();
    await until('the last is asked for', () => answers.length > ALLOW_DNS_PARALLEL_MAX);
    for (const answer of answers) answer();
    await refreshed;
    expect(most).toBe(ALLOW_DNS_PARALLEL_MAX);
    expect(wanted.flatMap((name) => names.addresses(name))).toHaveLength(wanted.length);
  });

  test('keep their last good answer while they do not resolve', async () => {
    let answer: () => Promise<string[]> = async () => ['192.0.2.1'];
    const keeper = new Allowlist(spec(['office.example.org']), {
      ...NOTHING,
      resolve: () => answer(),
    });
    await keeper.refresh();
    answer = async () => {
      throw new Error('SERVFAIL');
    };
    await keeper.refresh();
    expect(shown(keeper)).toEqual(['192.0.2.1']);
    expect(keeper.check()[0]?.message).toContain('SERVFAIL');
    expect(keeper.check()[0]?.message).toContain('1 last known addresses stay exempted');
    answer = async () => ['192.0.2.2'];
    await keeper.refresh();
    expect(shown(keeper)).toEqual(['192.0.2.2']);
    expect(keeper.check().map(({ level }) => level)).toEqual(['ok']);
  });

  test('one that never answers holds nobody up', async () => {
    const names = new Names(
      (name) => (name === 'slow' ? new Promise(() => {}) : Promise.resolve(['192.0.2.1'])),
      20,
    );
    await names.refresh(new Set(['slow', 'quick']));
    expect(names.addresses('quick')).toHaveLength(1);
    expect(names.problem('slow')).toBe('no answer within 20 ms');
  });

  test('one has as long to answer as the bound says', async () => {
    using _ = fakeTimers();
    const names = new Names(() => new Promise(() => {}));
    const refreshed = names.refresh(new Set(['slow']));
    await jest.advanceTimersByTimeAsync(ALLOW_DNS_DEADLINE_MS - 1);
    expect(names.problem('slow')).toBeUndefined();
    await jest.advanceTimersByTimeAsync(1);
    await refreshed;
    expect(names.problem('slow')).toBe(`no answer within ${ALLOW_DNS_DEADLINE_MS} ms`);
  });

  test('have no more addresses than the bound', async () => {
    const many = (n: number) => async () => Array.from({ length: n }, (_, i) => `10.0.0.${i}`);
    const exact = new Names(many(ALLOW_NAME_ADDRESSES_MAX));
    await exact.refresh(new Set(['a']));
    expect([exact.addresses('a').length, exact.problem('a')]).toEqual([
      ALLOW_NAME_ADDRESSES_MAX,
      undefined,
    ]);
    const over = new Names(many(ALLOW_NAME_ADDRESSES_MAX + 1));
    await over.refresh(new Set(['a']));
    expect(over.addresses('a')).toHaveLength(ALLOW_NAME_ADDRESSES_MAX);
    expect(over.problem('a')).toContain('only the first');
  });

  test('localhost resolves through the system', async () => {
    const names = new Names();
    await names.refresh(new Set(['localhost']));
    expect(names.addresses('localhost').map(({ text }) => text)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(127\.0\.0\.1|::1)$/)]),
    );
  });
});

describe('file: lists', () => {
  test('have an address or prefix per line, comments and blanks', () => {
    const { prefixes, wrong } = parseList(
      '# mine\n192.0.2.1\n\n 2001:db8::/32 ; theirs\nnonsense\n192.0.2.0/33\n',
    );
    expect(prefixes.map(formatPrefix)).toEqual(['192.0.2.1', '2001:db8::/32']);
    expect(wrong).toEqual([
      { line: 5, text: 'nonsense' },
      { line: 6, text: '192.0.2.0/33' },
    ]);
  });

  test('are read again when they change, and kept while they cannot be read', () => {
    const path = join(directory, 'list');
    writeFileSync(path, '192.0.2.1\n');
    const keeper = new Allowlist(spec([`file:${path}`]), NOTHING);
    expect(shown(keeper)).toEqual(['192.0.2.1']);
    writeFileSync(path, '192.0.2.2\n');
    utimesSync(path, 1, 1);
    keeper.look();
    expect(shown(keeper)).toEqual(['192.0.2.2']);
    rmSync(path);
    keeper.look();
    expect(shown(keeper)).toEqual(['192.0.2.2']);
    expect(keeper.check()[0]).toMatchObject({ id: 'allow.file', level: 'warning' });
  });

  test('wrong lines are reported by number, escaped', () => {
    const path = join(directory, 'wrong');
    writeFileSync(path, '192.0.2.1\n\u001b[31mred\n');
    const [finding] = new Allowlist(spec([`file:${path}`]), NOTHING).check();
    expect(finding?.id).toBe('allow.file-line');
    expect(finding?.message).toContain(`${path}:2:`);
    expect(finding?.message).not.toContain('\u001b');
  });

  test('have a largest size', () => {
    const path = join(directory, 'large');
    const line = '192.0.2.1\n';
    writeFileSync(path, line + '#'.repeat(ALLOW_FILE_BYTES_MAX - line.length));
    expect(shown(new Allowlist(spec([`file:${path}`]), NOTHING))).toEqual(['192.0.2.1']);
    writeFileSync(path, line + '#'.repeat(ALLOW_FILE_BYTES_MAX - line.length + 1));
    const over = new Allowlist(spec([`file:${path}`]), NOTHING);
    expect(shown(over)).toEqual([]);
    expect(over.check()[0]?.message).toContain('larger than');
  });
});
