import { describe, expect, test } from '@jest/globals';
import { FloorTeller } from '../../../src/agent/intake/floors.js';
import type { BanDecision, FilterEvent } from '../../../src/core/decision.js';
import { Jails } from '../../../src/jail/jails.js';
import { openLedger } from '../../../src/ledger/open.js';
import { at, context, failure, policy, prefix } from '../../jail/support.js';

/** More than are told at a time. */
const OTHERS = 1_500;
const JAIL = policy().jail;

function ban(host: string, from: number, until: number): BanDecision {
  return {
    ...{ kind: 'ban', jail: JAIL, target: prefix(host), time: at(from), until: at(until) },
    ...{ failures: 3, evidence: [], origin: 'journal', previousBans: 0 },
  };
}

/** A ledger of a long attack, in which 192.0.2.1 was banned last, up to 20 s. */
function restarted() {
  const { ledger } = openLedger(':memory:', at(0));
  const others = Array.from({ length: OTHERS }, (_, i) =>
    ban(`10.0.${i >> 8}.${i & 255}`, 1, 9_000),
  );
  ledger.commit({ decisions: [...others, ban('192.0.2.1', 10, 20)] });
  ledger.expire(at(21));
  const jails = new Jails([policy()]);
  const edge = (events: readonly FilterEvent[]) =>
    jails.edge.judge(events, ({ time }) => time, context({})).decisions;
  return { ledger, jails, edge, teller: new FloorTeller({ jails, ledger }) };
}

const settled = [11, 12, 13].map((second) => failure('192.0.2.1', at(second)));
const later = [21, 22, 23].map((second) => failure('192.0.2.1', at(second)));

describe('what is settled', () => {
  test('is known of who is at the edge before it is told of all, and of nobody twice', async () => {
    const { ledger, edge, teller } = restarted();
    let asked = 0;
    const { floorsOf } = ledger.history;
    ledger.history.floorsOf = (target) => {
      asked++;
      return floorsOf.call(ledger.history, target);
    };
    const told = teller.tell(at(0), new Set([JAIL]));
    teller.tellOf([...settled, ...later]);
    expect(asked).toBe(1);
    expect(edge(settled)).toEqual([]);
    // What came after the end of the ban counts.
    expect(edge(later)).toHaveLength(1);
    await told;
    teller.tellOf([failure('192.0.2.7', at(30))]);
    expect(asked).toBe(1);
  });

  test('is told of all in the end, and other work of the thread is done meanwhile', async () => {
    const { ledger, jails, edge, teller } = restarted();
    let turns = 0;
    const other = setInterval(() => turns++, 0);
    const told = teller.tell(at(0), new Set([JAIL]));
    ledger.commit({ decisions: [ban('192.0.2.9', 30, 9_000)] });
    await told;
    clearInterval(other);
    expect(turns).toBeGreaterThan(0);
    expect(edge(settled)).toEqual([]);
    const before = [2, 3, 4].map((second) => failure('192.0.2.9', at(second)));
    for (const event of before) jails.observe(event, context({}));
    expect(jails.explain(prefix('192.0.2.9'), at(31))).toEqual([]);
  });

  test('by an unban of an operator is told at once', async () => {
    const { ledger, edge, teller } = restarted();
    const target = prefix('192.0.2.0/24');
    ledger.commit({
      decisions: [{ kind: 'unban', target, time: at(25), reason: 'operator' }],
    });
    const told = teller.tell(at(0), new Set([JAIL]));
    expect(edge(later)).toEqual([]);
    await told;
  });
});
