/** A week of a made-up mail host, for reports. Every text of a stranger is the one given. */
import { type Address, formatPrefix, hostPrefix, parseAddress } from '../../../src/core/address.js';
import type { WeighedAttempt } from '../../../src/core/decision.js';
import type { HourlyKind } from '../../../src/core/figures.js';
import { cursor, mustJailName, sourceId } from '../../../src/core/names.js';
import { SHARED_JAIL } from '../../../src/core/share.js';
import { type EpochMicros, epochMicros, plus } from '../../../src/core/time.js';
import { HourlyTally } from '../../../src/ledger/hourly.js';
import { openLedger } from '../../../src/ledger/open.js';

const SASL = mustJailName('postfix-sasl');
const DOVECOT = mustJailName('dovecot');
const LOGIN = mustJailName('login');
const DAY = 86_400;

/** Monday, 2026-11-16 00:00 UTC, and a week later. */
export const WEEK_SINCE = epochMicros(Date.UTC(2026, 10, 16) * 1000);
export const WEEK_UNTIL = plus(WEEK_SINCE, 7 * DAY);

/** Writes the ledger; `hostile` is appended to each text that a stranger chooses. */
export function writeWeek(path: string, hostile = ''): void {
  const { ledger } = openLedger(path, WEEK_SINCE);
  const at = (second: number) => plus(WEEK_SINCE, second);
  const tally = new HourlyTally();
  const count = (kind: HourlyKind, jail: string, number: number, second: number) =>
    tally.add(kind, jail, number, at(second), WEEK_UNTIL);
  const attempts: WeighedAttempt[] = [];
  const tries = (who: string, user: string, second: number, more: Partial<WeighedAttempt> = {}) => {
    const attempt: WeighedAttempt = {
      kind: 'failure',
      jail: SASL,
      address: parseAddress(who) as Address,
      user: `${user}${hostile}`,
      count: 1,
      time: at(second),
      cursor: cursor('c'),
      regex: 0,
      ...more,
    };
    attempts.push(attempt);
    count(attempt.kind === 'success' ? 'login' : 'attempt', attempt.jail, attempt.count, second);
  };
  const bans: { id: number; end: EpochMicros }[] = [];
  const bans1 = (who: string, user: string, second: number, more = {}) => {
    const until = at(second + 3600);
    const [ban] = ledger.commit({
      decisions: [
        {
          kind: 'ban',
          jail: SASL,
          target: hostPrefix(parseAddress(who) as Address),
          time: at(second),
          until,
          failures: 5,
          evidence: [],
          user: `${user}${hostile}`,
          origin: 'journal',
          previousBans: 0,
          ...more,
        },
      ],
    }).bans;
    if (ban !== undefined) bans.push({ id: ban.id, end: until });
    return ban as NonNullable<typeof ban>;
  };
  for (let hour = 0; hour < 7 * 24; hour++) {
    count('awake', '', 12, hour * 3600);
    // At night more than by day, and a storm on Thursday.
    const [day, clock] = [Math.floor(hour / 24), hour % 24];
    const guesses = 3 + (clock < 6 ? 6 : 0) + (day === 3 && clock > 12 && clock < 17 ? 40 : 0);
    for (let i = 0; i < guesses; i++) {
      const host = (hour * 7 + i * 13) % 250;
      const user = ['info', 'admin', 'anna', 'scan', 'office'][(hour + i) % 5] as string;
      tries(`198.51.${100 + (i % 3)}.${host}`, `${user}@example.org`, hour * 3600 + i * 20, {
        jail: i % 4 === 0 ? DOVECOT : SASL,
      });
      if (i % 5 === 0)
        bans1(`198.51.${100 + (i % 3)}.${host}`, `${user}@example.org`, hour * 3600 + i * 20 + 9);
    }
    count('packets', SASL, guesses * 31, hour * 3600);
  }
  tries('192.0.2.77', 'anna@example.org', 3600, { kind: 'success', jail: DOVECOT });
  bans1('192.0.2.77', 'anna@example.org', 2 * DAY);
  bans1('2001:db8:5::9', 'ben@example.org', 3 * DAY, { jail: LOGIN });
  tries('2001:db8:5::9', 'ben@example.org', 3 * DAY + 7000, { kind: 'success', jail: DOVECOT });
  const wrong = bans1('192.0.2.80', 'office@example.org', 4 * DAY, { until: null });
  const shared = { jail: SHARED_JAIL, origin: 'shared', user: undefined };
  for (let i = 0; i < 7; i++)
    bans1(`203.0.113.${i}`, '', i * 3600, {
      ...{ ...shared, source: i < 5 ? 'banjour' : 'crowdsec', scenario: `banjour/sshd${hostile}` },
      ...(i === 6 ? {} : { host: `mx${i % 2}${hostile}` }),
    });
  const refused = bans1('192.0.2.81', 'office@example.org', 4 * DAY + 5);
  ledger.settle([refused.id], { refused: `No space left${hostile}` }, at(4 * DAY + 6));
  ledger.settle(
    bans.filter(({ id }) => id !== refused.id).map(({ id }) => id),
    'in-force',
    WEEK_SINCE,
  );
  ledger.commit({
    decisions: [
      {
        kind: 'unban',
        jail: SHARED_JAIL,
        target: hostPrefix(parseAddress('203.0.113.1') as Address),
        time: at(3600 + 600),
        reason: 'reload',
        by: 'mx1',
      },
      {
        kind: 'unban',
        target: wrong.target,
        time: at(4 * DAY + 900),
        reason: 'operator',
        by: `root${hostile}`,
      },
    ],
    alarms: [
      {
        kind: 'under-attack',
        jail: LOGIN,
        user: `info@example.org${hostile}`,
        address: formatPrefix(wrong.target),
        count: 8,
        time: at(3 * DAY),
      },
      {
        kind: 'takeover',
        jail: LOGIN,
        user: `ben@example.org${hostile}`,
        address: '2001:db8:5::9',
        count: 6,
        time: at(5 * DAY),
      },
    ],
  });
  count('lag', '', 95, DAY);
  count('drift', '', 2, DAY);
  count('healed', '', 2, DAY);
  count('deaf', 'dovecot', 1, 2 * DAY);
  ledger.commit({
    decisions: [],
    attempts,
    hourly: tally.take(),
    source: sourceId('local'),
    position: { cursor: cursor('p'), time: WEEK_UNTIL },
  });
  while (ledger.expire(WEEK_UNTIL).length > 0);
  ledger.close();
}
