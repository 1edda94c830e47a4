/** What other hosts may decide here, and what not, whatever they say. */
import { describe, expect, test } from '@jest/globals';
import { ShareJudge } from '../../src/agent/share-judge.js';
import { AllowSnapshot, reasonOf } from '../../src/allow/snapshot.js';
import { formatPrefix } from '../../src/core/address.js';
import type { BanDecision } from '../../src/core/decision.js';
import { mustJailName } from '../../src/core/names.js';
import { SHARED_JAIL } from '../../src/core/share.js';
import { type EpochMicros, epochMicros, seconds } from '../../src/core/time.js';
import { Jails } from '../../src/jail/jails.js';
import { openLedger } from '../../src/ledger/open.js';
import type { JailSetup } from '../../src/setup/setup.js';
import { prefix } from '../firewall/support.js';

const NOW = epochMicros(Date.parse('2026-11-29T12:00:00Z') * 1000);
const WEEK = 7 * 86_400;
const ISO = (ms: number) => new Date(ms).toISOString();
const AN_HOUR = epochMicros(NOW + 3_600e6);
const LATER = ISO(NOW / 1000 + 3_600_000);
const sshd = mustJailName('sshd');

const base = {
  maxretry: 5,
  findtime: seconds(600),
  bantime: seconds(600),
  ipv6prefix: 64,
  forgetOnSuccess: false,
};
const share = {
  accept: ['banjour', 'crowdsec', 'cscli', 'lists'],
  bantimeMax: seconds(WEEK),
  prefix: [24, 48],
  publish: { jails: 'all', operator: true },
} as const;

/** A ban of another host, of an hour from now on. */
const sharedBan = (target: string): BanDecision => ({
  kind: 'ban',
  jail: SHARED_JAIL,
  target: prefix(target),
  time: NOW,
  until: AN_HOUR,
  failures: 0,
  evidence: [],
  origin: 'shared',
  source: 'banjour',
  previousBans: 0,
});

function judgeOf(
  more: { watch?: true; accept?: readonly []; ipv6?: boolean; nat64?: string } = {},
) {
  const exemptions = [
    ['192.0.2.77', 'ignoreip'],
    ['198.51.100.128/25', 'ignoreip'],
    ['203.0.113.1', 'gateway'],
    ['203.0.113.53', 'resolver'],
    ['203.0.113.9', 'self'],
    ['203.0.113.200', 'session'],
    ['2001:db8:1:2::3', 'ignoreip'],
  ].map(([text, kind]) => ({
    prefix: prefix(text as string),
    reason: reasonOf(kind as 'self', prefix(text as string)),
  }));
  const own = { prefix: prefix('198.18.5.5'), reason: reasonOf('ignoreip', prefix('198.18.5.5')) };
  const nat64 = more.nat64 === undefined ? [] : [prefix(more.nat64)];
  const snapshot = new AllowSnapshot([...exemptions, { ...own, jail: sshd }], nat64);
  const { ledger } = openLedger(':memory:', NOW);
  const login = { ...base, jail: mustJailName('login'), counts: 'evidence' as const };
  const dovecot = { ...base, jail: mustJailName('dovecot'), group: login.jail };
  const jails = new Jails([login, dovecot]);
  const policy = {
    ...base,
    jail: SHARED_JAIL,
    counts: 'nothing' as const,
    nat64,
    share: { ...share, ...(more.accept && { accept: more.accept }) },
    ...(more.watch && { watch: true }),
  };
  const setup = () => ({ jails: [{ policy } as unknown as JailSetup], ipv6: more.ipv6 ?? true });
  const judge = new ShareJudge({ jails, allow: { snapshot }, ledger, setup, ownName: 'mx1' });
  const logIn = (address: string, time: EpochMicros = NOW) =>
    jails.learn(
      [
        {
          kind: 'success',
          jail: dovecot.jail,
          address: { family: address.includes(':') ? 6 : 4, text: address } as never,
          user: 'anna',
          count: 1,
          time,
          cursor: '' as never,
          regex: 0,
        },
      ],
      { allowed: () => undefined, coversAllowed: () => false },
    );
  const ban = (target: string) =>
    ledger.commit({
      decisions: [
        {
          kind: 'ban',
          jail: sshd,
          target: prefix(target),
          time: NOW,
          until: null,
          failures: 5,
          evidence: [],
          origin: 'journal',
          previousBans: 0,
        },
      ],
    });
  const of = (target: string, told: object = {}) => {
    const verdict = judge.judge({ target, origin: 'banjour', until: LATER, ...told }, NOW);
    return 'why' in verdict ? verdict.reason : formatPrefix(verdict.target);
  };
  /** A shared ban, lifted by an unban of something that overlaps it. */
  const lift = (banned: string, named: string, jail?: typeof sshd) => {
    ledger.commit({ decisions: [sharedBan(banned)] });
    const unban = { kind: 'unban', target: prefix(named), time: NOW, reason: 'operator' } as const;
    ledger.commit({ decisions: [{ ...unban, ...(jail && { jail }) }] });
  };
  return { judge, of, logIn, ban, lift, ledger };
}

describe('what another host decided', () => {
  test.each([
    ['0.0.0.0/0', 'prefix'],
    ['::/0', 'prefix'],
    ['10.0.0.0/8', 'prefix'],
    ['9.0.0.0/8', 'prefix'],
    ['128.0.0.0/1', 'prefix'],
    ['198.51.100.0/23', 'prefix'],
    ['2000::/3', 'prefix'],
    ['2001:db8::/47', 'prefix'],
    ['2001:db8:5::/49', 'prefix'],
    ['0.0.0.0', 'nowhere'],
    ['224.0.0.1', 'nowhere'],
    ['255.255.255.255', 'nowhere'],
    ['::', 'nowhere'],
    ['ff02::1', 'nowhere'],
    ['127.0.0.1', 'local'],
    ['127.0.0.0/24', 'local'],
    ['10.1.2.3', 'local'],
    ['172.20.0.1', 'local'],
    ['192.168.0.0/24', 'local'],
    ['169.254.1.1', 'local'],
    ['100.64.0.9', 'local'],
    ['::1', 'local'],
    ['fe80::1', 'local'],
    ['fe80::1%eth0', 'local'],
    ['fd00:1::/64', 'local'],
    // Translators: each address behind them is a host of its own.
    ['64:ff9b::/96', 'prefix'],
    ['64:ff9b:1::/48', 'prefix'],
    ['64:ff9b::/48', 'prefix'],
    ['2001::/48', 'prefix'],
    ['2001:0:1::/64', 'prefix'],
    ['2001:db8:64::/96', 'prefix'],
    ['64:ff9b::192.0.2.77', 'allowed'],
    ['::ffff:192.0.2.77', 'allowed'],
    ['2001:db8:64::192.0.2.77', 'allowed'],
    // Exempted, and what holds somebody who is.
    ['192.0.2.77', 'allowed'],
    ['192.0.2.0/24', 'allowed'],
    ['198.51.100.200', 'allowed'],
    ['198.51.100.0/24', 'allowed'],
    ['203.0.113.1', 'allowed'],
    ['203.0.113.53', 'allowed'],
    ['203.0.113.9', 'allowed'],
    ['203.0.113.200', 'allowed'],
    ['203.0.113.0/25', 'allowed'],
    ['2001:db8:1:2::/64', 'allowed'],
    ['2001:db8:1::/48', 'allowed'],
    // Exempted in one jail alone: the jail shared may close that one's ports too.
    ['198.18.5.5', 'allowed'],
    // No addresses.
    ['', 'target'],
    ['192.0.2.1 }; flush ruleset; add table inet x {', 'target'],
    ['192.0.2.1-192.0.2.9', 'target'],
    ['@allow4', 'target'],
    ['192.0.2.1/33', 'target'],
    ['192.0.2.1/-1', 'target'],
    ['192.0.2.01', 'target'],
    ['mail.example.org', 'target'],
    ['192.0.2.1\n', 'target'],
    ['192.0.2.1\0', 'target'],
  ])('%j is not taken: %s', (target, reason) => {
    expect(judgeOf({ nat64: '2001:db8:64::/96' }).of(target)).toBe(reason);
  });

  test.each([
    ['198.51.100.7', '198.51.100.7'],
    ['::ffff:198.51.100.7', '198.51.100.7'],
    ['198.51.100.7/25', '198.51.100.0/25'],
    ['192.0.3.9/24', '192.0.3.0/24'],
    ['2001:db8:9::1', '2001:db8:9::1'],
    ['2001:DB8:9:0:0::/64', '2001:db8:9::/64'],
    ['2001:db8:9::/48', '2001:db8:9::/48'],
    ['64:ff9b::198.51.100.7', '64:ff9b::c633:6407'],
  ])('%s is taken as %s', (target, taken) => {
    expect(judgeOf().of(target)).toBe(taken);
  });

  test.each([
    ['NaN', 'until'],
    ['', 'until'],
    ['soon', 'until'],
    ['4102444800000', 'until'],
    ['2026-13-45T99:00:00Z', 'until'],
    ['+100000-01-01T00:00:00Z', 'until'],
    ['-000001-01-01T00:00:00Z', 'until'],
    [ISO(NOW / 1000), 'over'],
    [ISO(0), 'over'],
  ])('that ends at %j is not taken: %s', (until, reason) => {
    expect(judgeOf().of('198.51.100.7', { until })).toBe(reason);
  });

  test('lasts no longer than accept-bantime-max, were it a century', () => {
    const { judge } = judgeOf();
    const told = { target: '198.51.100.7', origin: 'banjour' };
    const end = (until: string) => {
      const verdict = judge.judge({ ...told, until }, NOW);
      return 'until' in verdict ? (verdict.until - NOW) / 1e6 : verdict.why;
    };
    expect(end('9999-12-31T23:59:59Z')).toBe(WEEK);
    expect(end(ISO(NOW / 1000 + WEEK * 1000))).toBe(WEEK);
    expect(end(ISO(NOW / 1000 + 1000))).toBe(1);
  });

  test('counts only where its origin is accepted', () => {
    expect(judgeOf().of('198.51.100.7', { origin: 'capi' })).toBe('origin');
    expect(judgeOf({ accept: [] }).of('198.51.100.7')).toBe('origin');
    expect(judgeOf({ watch: true }).of('198.51.100.7')).toBe('watch');
    expect(judgeOf({ ipv6: false }).of('2001:db8:9::1')).toBe('allowed');
  });

  test('is nothing new when it is this host’s own ban', () => {
    const { of, ban } = judgeOf();
    ban('198.51.100.7');
    expect(of('198.51.100.7', { host: 'mx1' })).toBe('own');
    expect(of('198.51.100.7', { host: 'mx2' })).toBe('198.51.100.7');
    expect(of('198.51.100.8', { host: 'mx1' })).toBe('198.51.100.8');
  });

  test.each([
    [
      '198.51.107.7',
      ['198.51.107.7', '198.51.107.0/24', '198.51.107.0/25', '198.51.107.4/30'],
      ['198.51.107.8', '198.51.101.0/24'],
    ],
    [
      '2001:db8:9:a::1',
      [
        '2001:db8:9:a::1',
        '2001:db8:9:a::5',
        '2001:db8:9:a::/64',
        '2001:db8:9::/56',
        '2001:db8:9::/48',
        '2001:db8:9::/52',
      ],
      ['2001:db8:a::1', '2001:db8:9:1000::/64'],
    ],
  ])('who logged in from %s lately is not shut out', (address, spared, taken) => {
    const { of, logIn } = judgeOf();
    for (const target of [...spared, ...taken]) expect(of(target)).not.toBe('credit');
    logIn(address);
    for (const target of spared) expect([target, of(target)]).toEqual([target, 'credit']);
    for (const target of taken) expect([target, of(target)]).toEqual([target, target]);
  });

  test('credit ends: a login of two months ago vouches for nobody', () => {
    const { of, logIn } = judgeOf();
    logIn('198.51.100.7', epochMicros(NOW - 60 * 86_400e6));
    expect(of('198.51.100.7')).toBe('198.51.100.7');
  });

  test.each([
    // An address stays open, in whatever prefix it comes back.
    [
      '198.51.107.7',
      '198.51.107.7',
      ['198.51.107.7', '198.51.107.6/31', '198.51.107.0/24'],
      ['198.51.107.8', '198.51.107.8/29'],
    ],
    // A wider ban was lifted for the sake of one address: for the others it may come back.
    [
      '198.51.107.0/24',
      '198.51.107.7',
      ['198.51.107.0/24', '198.51.107.0/25', '198.51.107.7'],
      ['198.51.107.8', '198.51.107.128/25'],
    ],
    // All that stood in a prefix was lifted: what did is open, the rest was never closed.
    [
      '198.51.107.7',
      '198.51.107.0/24',
      ['198.51.107.7', '198.51.107.6/31', '198.51.107.0/24'],
      ['198.51.107.8'],
    ],
    // A whole prefix is open: no part of it is closed by a narrower one.
    [
      '198.51.107.0/24',
      '198.51.107.0/24',
      ['198.51.107.0/24', '198.51.107.0/25', '198.51.107.8'],
      ['198.51.108.8'],
    ],
    [
      '2001:db8:9:a::/64',
      '2001:db8:9:a::1',
      ['2001:db8:9:a::1', '2001:db8:9:a::/64', '2001:db8:9::/48'],
      ['2001:db8:9:b::/64', '2001:db8:9:a::2'],
    ],
  ])('a ban of %s that an operator lifted by %s stays lifted', (banned, named, open, closed) => {
    const { judge, of, lift } = judgeOf();
    for (const target of open) expect(of(target)).not.toBe('lifted');
    lift(banned, named);
    for (const origin of ['banjour', 'lists']) {
      for (const target of open)
        expect([target, of(target, { origin })]).toEqual([target, 'lifted']);
      for (const target of closed)
        expect([target, of(target, { origin })]).toEqual([target, target]);
    }
    const after = epochMicros(AN_HOUR + 1);
    const until = ISO(after / 1000 + 60_000);
    for (const target of open)
      expect(judge.judge({ target, origin: 'banjour', until }, after)).not.toHaveProperty('why');
  });

  test('an unban in another jail lifts nothing of others, and a ban since then is another mind', () => {
    const { of, lift, ledger } = judgeOf();
    lift('198.51.107.7', '198.51.107.7', sshd);
    expect(of('198.51.107.6/31')).toBe('198.51.107.6/31');
    lift('198.51.109.7', '198.51.109.7');
    expect(of('198.51.109.6/31')).toBe('lifted');
    ledger.commit({ decisions: [{ ...sharedBan('198.51.109.7'), origin: 'operator' }] });
    expect(of('198.51.109.6/31')).toBe('198.51.109.6/31');
  });

  test('a ban since then of one that was lifted hides none of those beside it', () => {
    const { of, lift, ledger } = judgeOf();
    lift('198.51.107.7', '198.51.107.7');
    lift('198.51.107.9', '198.51.107.9');
    expect(of('198.51.107.0/24')).toBe('lifted');
    ledger.commit({ decisions: [{ ...sharedBan('198.51.107.7'), origin: 'operator' }] });
    expect(of('198.51.107.6/31')).toBe('198.51.107.6/31');
    for (const target of ['198.51.107.0/24', '198.51.107.8/31'])
      expect([target, of(target)]).toEqual([target, 'lifted']);
    ledger.commit({ decisions: [{ ...sharedBan('198.51.107.9'), origin: 'operator' }] });
    expect(of('198.51.107.0/24')).toBe('198.51.107.0/24');
  });

  test('nor of two bans that were lifted from one address', () => {
    const { of, lift, ledger } = judgeOf();
    ledger.commit({ decisions: [sharedBan('198.51.107.0/24')] });
    lift('198.51.107.0/25', '198.51.107.7');
    expect(of('198.51.107.6/31')).toBe('lifted');
    for (const target of ['198.51.107.0/24', '198.51.107.0/25']) {
      expect([target, of('198.51.107.6/31')]).toEqual([target, 'lifted']);
      ledger.commit({ decisions: [{ ...sharedBan(target), origin: 'operator' }] });
    }
    expect(of('198.51.107.6/31')).toBe('198.51.107.6/31');
  });

  test('what operators opened is told to the lists for as long as anything may stand', () => {
    const { judge, lift } = judgeOf();
    lift('198.51.107.7', '198.51.107.7');
    lift('198.51.109.7', '198.51.109.7', sshd);
    const until = epochMicros(NOW + WEEK * 1e6);
    const opened = (at: EpochMicros) =>
      judge.opened(at).map((one) => [formatPrefix(one.target), one.until]);
    expect(opened(NOW)).toEqual([['198.51.107.7', until]]);
    expect(opened(until).length).toBe(1);
    expect(opened(epochMicros(until + 1))).toEqual([]);
  });

  test('an unban of many lifts each of them', () => {
    const { of, lift } = judgeOf();
    for (let n = 0; n < 40; n++) lift(`198.51.107.${n}`, `198.51.107.${n}`);
    for (let n = 0; n < 40; n++) expect(of(`198.51.107.${n}`)).toBe('lifted');
    expect(of('198.51.107.40')).toBe('198.51.107.40');
  });
});
