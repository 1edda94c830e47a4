import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  type Address,
  formatPrefix,
  hostPrefix,
  type Prefix,
  parseAddress,
  parsePrefix,
} from '../../src/core/address.js';
import { cursor, type JailName, mustJailName } from '../../src/core/names.js';
import type { JailPolicy } from '../../src/core/specs.js';
import { type EpochMicros, epochMicros, plus, type Seconds } from '../../src/core/time.js';
import { Agent } from './agent.js';
import { Reference } from './reference.js';

const ADDRESSES = [
  '192.0.2.1',
  '192.0.2.2',
  '2001:db8::1',
  '2001:db8::2',
  '2001:db8:0:1::1',
  '2001:db8:0:1::2',
  '198.51.100.9',
];
const ALLOWED = new Set(['198.51.100.9', '2001:db8:0:1::2']);
const JAILS = ['sasl', 'sshd'].map(mustJailName);
const RECIDIVE = mustJailName('recidive');
const BATCH_MAX = 8;
/** Thousands of restarts would otherwise wait for as many disk flushes. */
const MEMORY_DISK = '/dev/shm';

const seconds = (value: number) => value as Seconds;

type Op =
  | {
      readonly op: 'fail';
      readonly jail: number;
      readonly who: number;
      readonly count: number;
      readonly times: number;
    }
  | { readonly op: 'success'; readonly jail: number; readonly who: number }
  | { readonly op: 'wait'; readonly seconds: number }
  | { readonly op: 'back'; readonly seconds: number }
  | {
      readonly op: 'read';
      readonly most: number;
      readonly dies: 'before-commit' | 'before-settle' | 'not';
      readonly refuse: boolean;
    }
  | { readonly op: 'expire' }
  | {
      readonly op: 'ban';
      readonly jail: number;
      readonly who: number;
      readonly length: number | null;
    }
  | { readonly op: 'unban'; readonly jail: number | undefined; readonly target: string }
  | { readonly op: 'restart' }
  | { readonly op: 'reload'; readonly policy: number };

const jail = fc.integer({ min: 0, max: JAILS.length - 1 });
const who = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(0, 2) },
  { weight: 2, arbitrary: fc.integer({ min: 0, max: ADDRESSES.length - 1 }) },
);
const operation: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      op: fc.constant('fail' as const),
      jail,
      who,
      count: fc.constantFrom(1, 1, 1, 2, 5),
      times: fc.constantFrom(1, 1, 2, 3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('success' as const), jail, who }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('wait' as const),
      seconds: fc.oneof(
        fc.integer({ min: 0, max: 40 }),
        fc.constantFrom(59, 60, 61, 120, 700, 604_800),
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('back' as const),
      seconds: fc.integer({ min: 1, max: 50 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant('read' as const),
      most: fc.integer({ min: 1, max: BATCH_MAX }),
      dies: fc.oneof(
        { weight: 5, arbitrary: fc.constant('not' as const) },
        {
          weight: 1,
          arbitrary: fc.constantFrom('before-commit' as const, 'before-settle' as const),
        },
      ),
      refuse: fc.constantFrom(false, false, false, true),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('expire' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('ban' as const),
      jail,
      who,
      length: fc.constantFrom(30, 400, null),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('unban' as const),
      jail: fc.option(jail, { nil: undefined }),
      target: fc.constantFrom(...ADDRESSES, '192.0.2.0/24', '2001:db8::/64', '2001:db8::/32'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('restart' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant('reload' as const),
      policy: fc.integer({ min: 0, max: 2 }),
    }),
  },
);

const policies = fc.record({
  maxretry: fc.integer({ min: 1, max: 5 }),
  bantime: fc.constantFrom(30, 90, 600, null),
  forgetOnSuccess: fc.boolean(),
  ipv6prefix: fc.constantFrom(64, 128, 56),
  overalljails: fc.boolean(),
  formula: fc.constantFrom('none', 'exponential', 'multipliers'),
});

type Choice = typeof policies extends fc.Arbitrary<infer T> ? T : never;

function policiesOf(choice: Choice): JailPolicy[] {
  const increment = {
    formula:
      choice.formula === 'exponential'
        ? ({ kind: 'exponential' } as const)
        : ({ kind: 'multipliers', list: [1, 2, 5] } as const),
    factor: 1,
    maxtime: seconds(3_600),
    rndtime: seconds(0),
    overalljails: choice.overalljails,
  };
  const shared = {
    findtime: seconds(60),
    bantime: choice.bantime === null ? null : seconds(choice.bantime),
    ipv6prefix: choice.ipv6prefix,
    forgetOnSuccess: choice.forgetOnSuccess,
    ...(choice.formula !== 'none' && { increment }),
  };
  return [
    { ...shared, jail: JAILS[0] as JailName, maxretry: choice.maxretry },
    {
      ...shared,
      jail: JAILS[1] as JailName,
      maxretry: 3,
      findtime: seconds(100),
      bantime: seconds(45),
    },
    {
      jail: RECIDIVE,
      counts: 'bans',
      maxretry: 2,
      findtime: seconds(300),
      bantime: seconds(1_000),
      ipv6prefix: choice.ipv6prefix,
      forgetOnSuccess: false,
    },
  ];
}

interface Compared {
  readonly jail: string;
  readonly target: Prefix;
  readonly time: number;
  readonly until: number | null;
  readonly previousBans: number;
  readonly failures: number;
}

class Run {
  readonly agent: Agent;
  readonly reference: Reference;
  readonly variants: readonly JailPolicy[][];
  now = epochMicros(1_790_000_000_000_000);
  #entries = 0;
  #wentBack = false;

  constructor(path: string, variants: readonly JailPolicy[][]) {
    this.variants = variants;
    const first = variants[0] as JailPolicy[];
    this.agent = new Agent(path, first, ALLOWED, this.now);
    this.reference = new Reference(first, ALLOWED);
  }

  step(op: Op): void {
    // Nothing happens twice in the same microsecond.
    this.now = (this.now + 1) as EpochMicros;
    switch (op.op) {
      case 'fail':
        for (let i = 0; i < op.times; i++) this.#log('failure', op.jail, op.who, op.count);
        break;
      case 'success':
        this.#log('success', op.jail, op.who, 1);
        break;
      case 'wait':
        this.now = plus(this.now, op.seconds);
        break;
      case 'back':
        this.#wentBack = true;
        // A clock that is put back before something that was settled is a test of its own
        // (jails.test.ts).
        this.now = Math.max(
          plus(this.now, -op.seconds),
          this.reference.lastSettled() + 1,
        ) as EpochMicros;
        break;
      case 'read':
        this.#read(op);
        break;
      case 'expire':
        this.agent.expire(this.now);
        this.reference.expire(this.now);
        break;
      case 'ban':
        this.#ban(op.jail, op.who, op.length);
        break;
      case 'unban': {
        const jail = op.jail === undefined ? undefined : JAILS[op.jail];
        const target = parsePrefix(op.target) as Prefix;
        this.agent.operatorUnban(target, jail, this.now);
        this.reference.operatorUnban(jail, formatPrefix(target), this.now);
        break;
      }
      case 'restart':
        this.agent.restart(this.now);
        this.reference.expire(this.now);
        break;
      case 'reload': {
        const variant = this.variants[op.policy] as JailPolicy[];
        // By which prefix it counts, and what a success did in the past, would have to be
        // recounted: kept as they are.
        const kept = variant.map((policy, i) => {
          const { ipv6prefix, forgetOnSuccess, maxretry } = this.agent.policies[i] as JailPolicy;
          const same = { ...policy, ipv6prefix, forgetOnSuccess };
          return this.reference.logins.length === 0
            ? same
            : { ...same, maxretry: Math.min(maxretry, policy.maxretry) };
        });
        this.agent.reload(kept);
        this.reference.policies = kept;
      }
    }
    expect(this.agent.inForce(this.now)).toEqual(this.reference.inForce(this.now));
    for (const policy of this.agent.policies)
      expect([policy.jail, this.agent.jails.stats(policy.jail, this.now)?.currentlyFailed]).toEqual(
        [policy.jail, this.reference.currentlyFailed(policy, this.now)],
      );
  }

  #log(kind: 'failure' | 'success', jailIndex: number, whoIndex: number, count: number): void {
    this.now = (this.now + 1) as EpochMicros;
    const address = parseAddress(ADDRESSES[whoIndex] as string) as Address;
    const jail = JAILS[jailIndex] as JailName;
    this.agent.journal.push({
      kind,
      jail,
      address,
      count,
      time: this.now,
      cursor: cursor(`c${this.#entries++}`),
      regex: 0,
    });
  }

  #read(op: Extract<Op, { op: 'read' }>): void {
    const from = this.agent.journal.length - this.agent.unread;
    const events = this.agent.journal.slice(from, from + op.most);
    const { decisions, refused } = this.agent.batch(op.most, this.now, {
      dies: op.dies,
      refuses: () => op.refuse,
    });
    if (events.length === 0) return;
    if (op.dies !== 'before-commit') {
      const expected = events.flatMap((event) => this.reference.read(event, this.now));
      expect(decisions.map((ban) => this.#brief(ban))).toEqual(
        expected.map((ban) => this.#brief({ ...ban, target: parsePrefix(ban.target) as Prefix })),
      );
      expect(refused.length).toBe(op.refuse && op.dies === 'not' ? expected.length : 0);
      if (refused.length > 0) for (const ban of expected) this.reference.refuse(ban, this.now);
    }
    if (op.dies !== 'not') this.reference.expire(this.now);
  }

  /**
   * What is compared. After the clock was put back, a window may hold failures that were dropped
   * when they were not needed by any clock that goes forward: it is full all the same, but how full
   * is told up to twice maxretry only.
   */
  #brief({ jail, target, time, until, previousBans, failures }: Compared) {
    const maxretry = this.agent.policies.find((policy) => policy.jail === jail)?.maxretry ?? 0;
    const told = this.#wentBack ? Math.min(failures, 2 * maxretry) : failures;
    return { jail, target: formatPrefix(target), time, until, previousBans, failures: told };
  }

  #ban(jailIndex: number, whoIndex: number, length: number | null): void {
    const address = parseAddress(ADDRESSES[whoIndex] as string) as Address;
    const jail = JAILS[jailIndex] as JailName;
    const until = length === null ? null : plus(this.now, length);
    const target = hostPrefix(address);
    const ban = {
      kind: 'ban' as const,
      jail,
      target,
      time: this.now,
      until,
      failures: 0,
      evidence: [],
      origin: 'operator' as const,
      previousBans: 0,
    };
    this.agent.operatorBan(ban);
    this.reference.operatorBan(jail, formatPrefix(target), this.now, until);
  }
}

const directory = mkdtempSync(
  join(existsSync(MEMORY_DISK) ? MEMORY_DISK : tmpdir(), 'banjour-model-'),
);
afterAll(() => rmSync(directory, { recursive: true, force: true }));
let runs = 0;

describe('jails and ledger, against a reference that recounts everything at every step', () => {
  test('decide the same, whatever happens in between: crashes, restarts, reloads, unbans, clock steps', () => {
    fc.assert(
      fc.property(
        fc.tuple(policies, policies, policies),
        fc.array(operation, { minLength: 5, maxLength: 80 }),
        (choices, ops) => {
          const run = new Run(join(directory, `${runs++}.sqlite3`), choices.map(policiesOf));
          try {
            for (const op of ops) run.step(op);
            run.step({ op: 'read', most: 1_000, dies: 'not', refuse: false });
          } finally {
            run.agent.ledger.close();
          }
        },
      ),
      {
        numRuns: Number(process.env['BANJOUR_MODEL_RUNS'] ?? 250),
        ...(process.env['BANJOUR_MODEL_SEED'] && {
          seed: Number(process.env['BANJOUR_MODEL_SEED']),
        }),
      },
    );
  });
});
