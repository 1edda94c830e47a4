/** Who attacked together, and what is said of a user: by the ledger, whatever stands around it. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { offendersOf, userView } from '../../src/agent/explain.js';
import type { Stages } from '../../src/agent/stages.js';
import type { BanDecision, BanRecord, WeighedAttempt } from '../../src/core/decision.js';
import { cursor, mustJailName } from '../../src/core/names.js';
import { EXPLAIN_ALARMS_MAX, EXPLAIN_JOINT_BANS_MAX } from '../../src/core/service-limits.js';
import { isoTime, plus, wallClock } from '../../src/core/time.js';
import type { LoginView, WindowView } from '../../src/jail/judgement.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { ban, attempt as made, opened, prefix, SOURCE } from '../ledger/support.js';

const LOGIN = mustJailName('login');
const IMAP = mustJailName('dovecot');
const NOW = wallClock.now();
const DAY = 86_400;
const ago = (seconds: number) => plus(NOW, -seconds);

let ledger: Ledger;
let facts: Partial<LoginView>;
let windows: Partial<WindowView>[];
beforeEach(() => {
  ledger = opened(':memory:', ago(40 * DAY)).ledger;
  facts = {};
  windows = [];
});

const policy = (more: object) => ({
  policy: { maxretry: 5, findtime: 7 * DAY, ipv6prefix: 64, ...more },
});
const stages = () =>
  ({
    setup: {
      jails: [
        policy({ jail: LOGIN, counts: 'evidence' }),
        policy({ jail: IMAP, group: LOGIN }),
        policy({ jail: mustJailName('web') }),
      ],
    },
    ledger,
    jails: { login: () => facts, explain: () => windows },
    allowed: undefined,
  }) as unknown as Stages;
const ask = async (questions: Parameters<Ledger['database']['offenders']>[0]) =>
  ledger.database.offenders(questions);

const failed = (who: string, seconds: number, more: Partial<WeighedAttempt> = {}) =>
  made(who, 0, { jail: IMAP, time: ago(seconds), ...more });
const commit = (...attempts: readonly WeighedAttempt[]) =>
  ledger.commit({
    decisions: [],
    attempts,
    source: SOURCE,
    position: { cursor: cursor('p'), time: NOW },
  });
const decide = (target: string, seconds: number, more: Partial<BanDecision>) =>
  ledger.commit({
    decisions: [ban(target, { jail: LOGIN, time: ago(seconds), until: null, ...more })],
  });
const bansOf = (target: string): BanRecord[] => ledger.history.find({ target: prefix(target) });
const told = (target: string) => offendersOf(stages(), prefix(target), bansOf(target), ask);

describe('who attacked together', () => {
  test('of a network ban: its addresses, how many it took, and which are counted anew', async () => {
    const six = [1, 2, 3, 4, 5, 6].map((n) => failed(`77.7.7.${n}`, 600 - n, { user: `u${n}` }));
    // Too early, after it, elsewhere, and of a jail that the rule does not look at.
    commit(
      failed('77.7.7.90', 8 * DAY),
      ...six,
      failed('77.7.7.91', 10),
      failed('77.7.8.1', 600),
      failed('77.7.7.92', 600, { jail: mustJailName('web') }),
    );
    decide('77.7.7.0/24', 500, { rule: 'subnet' });
    windows = [{ jail: LOGIN, evidence: ['old', 'new'] }];
    const [atBan, now, ...more] = await told('77.7.7.0/24');
    expect(more).toEqual([]);
    expect(atBan).toMatchObject({
      ...{ jail: 'login', rule: 'subnet', network: '77.7.7.0/24', spanSeconds: 7 * DAY },
      ...{ decided: isoTime(ago(500)), needed: 6, found: 6 },
    });
    expect(atBan?.offenders.map(({ target, users }) => [target, users])).toEqual(
      [6, 5, 4, 3, 2, 1].map((n) => [`77.7.7.${n}`, [`u${n}`]]),
    );
    expect(atBan?.offenders[0]).toMatchObject({ attempts: 1, banned: 'login', cursor: 'new' });
    expect(now).toMatchObject({ found: 1, needed: 6, offenders: [{ target: '77.7.7.91' }] });
    expect(now).not.toHaveProperty('decided');
    // Of an address in it the story of the ban is told, and none of the network now.
    expect(await told('77.7.7.1')).toEqual([atBan]);
  });

  test('of a ban that was lifted: who counted for it, and nothing of them now', async () => {
    commit(failed('77.7.7.1', 600), failed('77.7.7.2', 550));
    decide('77.7.7.0/24', 500, { rule: 'subnet' });
    ledger.commit({
      decisions: [
        {
          ...{ kind: 'unban', target: prefix('77.7.7.0/24'), time: ago(400), reason: 'operator' },
        },
      ],
    });
    const [only, ...more] = await told('77.7.7.0/24');
    expect(more).toEqual([]);
    expect(only?.found).toBe(2);
    expect(only?.offenders[0]).not.toHaveProperty('banned');
  });

  test('of a network that is not banned: how many there are, of how many', async () => {
    commit(failed('77.7.7.1', 60), failed('77.7.9.1', 50), failed('2001:db8:1:2::3', 40));
    expect(await told('77.7.7.0/24')).toMatchObject([{ found: 1, needed: 6 }]);
    const [wide] = await told('77.7.0.0/16');
    expect(wide?.found).toBe(2);
    // No number of them bans so much.
    expect(wide).not.toHaveProperty('needed');
    expect(await told('2001:db8:1::/48')).toMatchObject([
      { found: 1, needed: 6, offenders: [{ target: '2001:db8:1:2::/64' }] },
    ]);
    expect(await told('77.7.6.0/24')).toEqual([]);
  });

  test('of a ban for a user: whose, and the addresses, without those of the user', async () => {
    commit(
      made('203.0.113.9', 0, { kind: 'success', jail: IMAP, user: 'Anna', time: ago(5 * DAY) }),
      failed('203.0.113.77', 700, { user: 'anna' }),
      ...Array.from({ length: 9 }, (_, n) => failed(`45.${n}.1.7`, 700 - n, { user: 'anna ' })),
      failed('45.99.1.7', 600, { user: 'bert' }),
    );
    decide('45.8.1.7', 500, { rule: 'user', user: 'anna' });
    expect(await told('45.8.1.7')).toMatchObject([
      { rule: 'user', user: 'anna', needed: 8, found: 9, spanSeconds: DAY },
    ]);
    // A rule that looks at one address alone has no others.
    decide('45.99.1.7', 500, { rule: 'honeypot', user: 'bert' });
    expect(await told('45.99.1.7')).toEqual([]);
  });

  test('is looked for of so many bans, the newest', async () => {
    commit(failed('45.1.1.7', 9_000, { user: 'anna' }));
    for (let n = 0; n <= EXPLAIN_JOINT_BANS_MAX; n++) {
      decide('45.1.1.7', 8_000 - n, { rule: 'dead-name', user: 'anna' });
      const shown = await told('45.1.1.7');
      expect(shown).toHaveLength(Math.min(n + 1, EXPLAIN_JOINT_BANS_MAX));
      expect(shown[0]?.decided).toBe(isoTime(ago(8_000 - n)));
    }
  });

  test('is left out where the ledger cannot be asked: all else is told', async () => {
    decide('77.7.7.0/24', 500, { rule: 'subnet' });
    const silent = async () => {
      throw new Error('no answer');
    };
    const target = prefix('77.7.7.0/24');
    expect(await offendersOf(stages(), target, bansOf('77.7.7.0/24'), silent)).toEqual([]);
  });
});

describe('a user', () => {
  const story = (user: string) => userView(stages(), user, [], ask);
  const alarm = (kind: 'takeover' | 'under-attack', seconds: number, user = 'anna') => ({
    ...{ kind, jail: LOGIN, user, address: '45.1.1.7', count: 8, time: ago(seconds) },
  });

  test('is read once for each jail that weighs', async () => {
    let asked = 0;
    await userView(stages(), 'anna', [], (questions) => {
      asked += questions.length;
      return ask(questions);
    });
    expect(asked).toBe(1);
  });

  test('is told with the attack, its addresses, the alarms and the logins', async () => {
    commit(
      made('203.0.113.9', 0, { kind: 'success', jail: IMAP, user: 'anna', time: ago(5 * DAY) }),
      made('203.0.113.8', 0, { kind: 'success', jail: IMAP, user: 'anna', time: ago(6 * DAY) }),
      ...[1, 2].map((n) => failed(`45.${n}.1.7`, 60 * n, { user: 'ANNA' })),
    );
    // An attack goes on while an alarm is given each day; the one of last week was another.
    const times = [9 * DAY, 3 * DAY, 2 * DAY, DAY];
    ledger.commit({
      decisions: [],
      alarms: [
        ...times.map((time) => alarm('under-attack', time)),
        alarm('takeover', 100),
        alarm('takeover', 90, 'bert'),
      ],
    });
    facts = { isUnderAttack: true, isDeadName: false, isHoneypot: false };
    ledger.commit({
      decisions: [],
      alarms: [alarm('takeover', 80, 'anna@other.example'), alarm('takeover', 70, 'annabel')],
    });
    const view = await story('Anna');
    expect(view.user).toBe('Anna');
    expect(view.alarms.map(({ kind }) => kind)).toEqual([
      'takeover',
      'takeover',
      ...times.map(() => 'under-attack'),
    ]);
    expect(view.jails).toMatchObject([
      {
        ...{ jail: 'login', isUnderAttack: true, attackedSince: isoTime(ago(3 * DAY)) },
        offenders: { rule: 'user', user: 'Anna', needed: 8, found: 2, spanSeconds: DAY },
        networks: 1,
        credit: [{ network: '203.0.113.0/24', address: '203.0.113.9', service: 'dovecot' }],
      },
    ]);
  });

  test('that nobody logs in as is told as a name, for which more time counts', async () => {
    commit(failed('45.1.1.7', 10 * DAY, { user: 'info' }));
    const { jails, alarms } = await story('info');
    expect(jails).toMatchObject([
      { isUnderAttack: false, networks: 0, offenders: { rule: 'dead-name', needed: 5, found: 1 } },
    ]);
    expect(alarms).toEqual([]);
  });

  test('has so many alarms, the newest', async () => {
    const give = (n: number) => ledger.commit({ decisions: [], alarms: [alarm('takeover', n)] });
    for (let n = EXPLAIN_ALARMS_MAX; n > 0; n--) give(n * 10);
    expect((await story('anna')).alarms).toHaveLength(EXPLAIN_ALARMS_MAX);
    give(1);
    const { alarms } = await story('anna');
    expect(alarms).toHaveLength(EXPLAIN_ALARMS_MAX);
    expect(alarms[0]?.time).toBe(isoTime(ago(1)));
  });
});
