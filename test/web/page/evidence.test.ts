import { describe, expect, test } from '@jest/globals';
import { svg } from '../../../src/charts/charts.js';
import type { Explanation } from '../../../src/control/protocol.js';
import { pointsOver, sentenceOf, storyOf, sums } from '../../../src/web/page/evidence.js';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();

const EXPLANATION: Explanation = {
  address: '192.0.2.1',
  allowed: {},
  windows: [],
  kernel: [],
  refusals: [],
  offenders: [],
  bans: [
    {
      id: 1,
      jail: 'sshd',
      target: '192.0.2.1',
      time: at(30),
      until: at(90),
      failures: 3,
      origin: 'journal',
      state: 'in-force',
      evidence: [],
    },
  ],
  evidence: [
    {
      jail: 'sshd',
      entries: [0, 10, 30].map((second) => ({ cursor: `${second}`, time: at(second), count: 1 })),
      earlier: 0,
      rule: { findtimeSeconds: 60, maxretry: 3, needed: 3, isWeighing: false },
    },
  ],
};
const [EVIDENCE] = EXPLANATION.evidence as [Explanation['evidence'][number]];

describe('the sum of a window', () => {
  const timed = (...seconds: readonly number[]) => seconds.map((at) => ({ at, count: 1 }));
  const heights = (...asked: Parameters<typeof sums>) => sums(...asked).map(([, sum]) => sum);

  test('is what lies within findtime up to each entry, both ends included', () => {
    const entries = [0, 4, 10, 15].map((second) => ({ at: second, count: second === 4 ? 2 : 1 }));
    expect(sums(entries, { findtimeMs: 10, earlier: 0 })).toEqual([
      [0, 1],
      [4, 3],
      [10, 4],
      [15, 2],
    ]);
  });

  test('takes entries in whatever order they come', () => {
    expect(heights(timed(14, 0, 10), { findtimeMs: 100, earlier: 0 })).toEqual([1, 2, 3]);
  });

  test('includes what was counted of entries that were not kept', () => {
    expect(heights(timed(10, 14), { findtimeMs: 100, earlier: 8 })).toEqual([9, 10]);
  });

  test('begins anew behind the ban that answered what came before', () => {
    const counting = { findtimeMs: 100, earlier: 1, settledAt: 12 };
    expect(heights(timed(0, 10, 12, 13, 14), counting)).toEqual([2, 3, 4, 1, 2]);
  });
});

describe('the points of an address', () => {
  const entries = [
    { at: 0, points: 4 },
    { at: 100, points: 1 },
  ];

  test('fade by half in each half-life, and each entry adds what it weighs', () => {
    const points = new Map(pointsOver({ entries, sum: undefined, halfLifeMs: 100 }, 0, 480));
    expect([0, 100, 200, 300].map((time) => points.get(time))).toEqual([4, 3, 1.5, 0.75]);
  });

  test('include what the entries do not explain, which fades as well; never less than nothing', () => {
    const over = (sum: number) =>
      new Map(pointsOver({ entries, sum: { at: 100, points: sum }, halfLifeMs: 100 }, -100, 380));
    expect([0, 100, 200].map((time) => over(5).get(time))).toEqual([8, 5, 2.5]);
    expect(over(1).get(100)).toBe(3);
    expect(over(1).get(-100)).toBe(0);
  });

  test('claim nothing of the time before the first entry, where there was something already', () => {
    const sum = { at: 100, points: 5 };
    const [[first = 0] = []] = pointsOver({ entries, sum, halfLifeMs: 100 }, -100, 380);
    expect(first).toBe(0);
  });

  test('stand exactly at the sum of the decision, when it was decided', () => {
    const sum = { at: 150, points: 4 };
    expect(new Map(pointsOver({ entries, sum, halfLifeMs: 100 }, 0, 483)).get(150)).toBeCloseTo(4);
  });

  test('are forgotten where an operator lifted the ban', () => {
    const later = [...entries, { at: 300, points: 2 }];
    const weights = { entries: later, sum: undefined, halfLifeMs: 100, pardonedAt: 250 };
    const over = new Map(pointsOver(weights, 0, 400));
    expect([200, 250].map((time) => (over.get(time) ?? 0) > 1)).toEqual([true, true]);
    expect([300, 400].map((time) => over.get(time))).toEqual([2, 1]);
  });

  test('rise behind a ban together with others, as those of the jail do', () => {
    const weights = { entries, sum: undefined, halfLifeMs: 100, added: { at: 101, points: 5 } };
    const over = new Map(pointsOver(weights, 0, 401));
    expect(over.get(100)).toBe(3);
    expect(over.get(101)).toBeCloseTo(8, 1);
  });
});

describe('the picture of a ban', () => {
  test('shows entries rising to the limit, the window, the decision and the ban', () => {
    const story = storyOf(EXPLANATION, EVIDENCE)?.(800);
    expect(story?.marks.map(({ kind, weight }) => [kind, weight])).toEqual([
      ['entry', 1],
      ['entry', 2],
      ['entry', 3],
      ['decision', 1],
    ]);
    expect(story?.level).toMatchObject({ limit: 3 });
    expect(story?.spans.map(({ kind }) => kind)).toEqual(['window', 'ban']);
    if (story === undefined) throw new Error('no picture');
    expect(svg(story)).toMatch(/stroke-dasharray.*kept out for 1 min/);
  });

  test('of a jail that weighs claims no sum: what an entry weighed is not told', () => {
    const rule = { findtimeSeconds: 60, maxretry: 100, needed: 100, isWeighing: true };
    const story = storyOf(EXPLANATION, { ...EVIDENCE, rule })?.(800);
    expect(story?.level).toBeUndefined();
    expect(story?.spans.map(({ kind }) => kind)).toEqual(['ban']);
  });

  test('of a jail that weighs shows each weight, their fading sum and the limit', () => {
    const rule = { findtimeSeconds: 20, maxretry: 5, needed: 5, isWeighing: true };
    const weights = [1, 2, 2];
    const entries = EVIDENCE.entries.map((entry, i) => ({ ...entry, points: weights[i] ?? 0 }));
    // A quarter of a point was there before the first entry.
    const sum = { time: at(30), points: 2 + 2 / 2 + 1 / 2 ** 1.5 + 0.25 };
    const kernel = [{ jail: 'sshd', target: '192.0.2.1', until: at(90) }];
    const told = { ...EXPLANATION, kernel };
    const story = storyOf(told, { ...EVIDENCE, entries, rule, sum }, 7)?.(800);
    expect(story?.marks.map(({ kind, weight }) => [kind, weight])).toEqual([
      ['entry', 1],
      ['entry', 2],
      ['entry', 2],
      ['decision', 1],
    ]);
    const levels = new Map(story?.level?.points);
    expect(levels.get(Date.parse(at(30)))).toBeCloseTo(sum.points);
    expect(levels.get(Date.parse(at(10)))).toBeCloseTo(2 + 1 / 2 ** 0.5 + 0.5);
    expect(story?.level).toMatchObject({ limit: 5, label: 'bans at 5 points' });
    expect(story?.spans.map(({ kind, label }) => [kind, label])).toEqual([
      ['window', 'weighed together: half of each weight is gone after 20 s'],
      ['ban', expect.stringMatching(/^kept out for 1 min/)],
      ['kernel', 'in the kernel, which stopped 7 packets by this jail'],
    ]);
    if (story === undefined) throw new Error('no picture');
    expect(svg(story)).toContain('points: 2');
  });

  test('of a jail that weighs claims no sum when one weight is not known any more', () => {
    const rule = { findtimeSeconds: 60, maxretry: 5, needed: 5, isWeighing: true };
    const [first, ...others] = EVIDENCE.entries.map((entry) => ({ ...entry, points: 2 }));
    const { points: _, ...unknown } = first as NonNullable<typeof first>;
    const entries = [unknown, ...others];
    expect(storyOf(EXPLANATION, { ...EVIDENCE, entries, rule })?.(800).level).toBeUndefined();
  });

  test('begins with its window, or with its entries where they are close together', () => {
    const startOf = (findtimeSeconds: number) => {
      const rule = { findtimeSeconds, maxretry: 3, needed: 3, isWeighing: false };
      return storyOf(EXPLANATION, { ...EVIDENCE, rule })?.(800)?.from ?? Number.NaN;
    };
    expect(startOf(60)).toBe(Date.parse(at(30)) - 60_000);
    expect(startOf(3600)).toBe(Date.parse(at(0)) - 7_500);
  });

  test('is none where the journal has no entry any more', () => {
    const entries = [{ cursor: 'gone' }];
    expect(storyOf(EXPLANATION, { ...EVIDENCE, entries })).toBeUndefined();
  });

  test('has an end also where the ban has none', () => {
    const bans = EXPLANATION.bans.map((ban) => ({ ...ban, until: null }));
    const story = storyOf({ ...EXPLANATION, bans }, EVIDENCE)?.(800);
    expect(story?.spans.at(-1)?.label).toBe('for good');
    expect(Number.isFinite(story?.spans.at(-1)?.until)).toBe(true);
  });
});

describe('the sentence', () => {
  test('says where, until when and why', () => {
    const { banned, words } = sentenceOf(EXPLANATION);
    expect(banned).toBe(true);
    expect(words).toMatch(
      /^192\.0\.2\.1 is banned in sshd until .*, because it failed 3 times within 1 min\.$/,
    );
  });

  test('says of a ban by evidence which rule decided, with the points of a slow one', () => {
    const rule = { findtimeSeconds: 604_800, maxretry: 5, needed: 5, isWeighing: true };
    const say = (more: Partial<Explanation['bans'][number]>) =>
      sentenceOf({
        ...EXPLANATION,
        bans: EXPLANATION.bans.map((ban) => ({ ...ban, ...more })),
        evidence: [{ ...EVIDENCE, rule }],
      }).words;
    expect(say({ rule: 'slow', points: 6.04 })).toMatch(
      /because it failed again and again over days: 6 of 5 points\.$/,
    );
    expect(say({ rule: 'slow' })).toMatch(/because it failed again and again over days\.$/);
    expect(say({ rule: 'honeypot', points: 2 })).toMatch(/because it tried a honeypot name\.$/);
  });

  test.each<[string, Partial<Explanation>, RegExp]>([
    [
      'ended',
      { bans: [{ ...EXPLANATION.bans[0], state: 'ended' } as never] },
      /not banned any more/,
    ],
    ['unknown', { bans: [] }, /nothing is known of it/],
    ['allowed', { bans: [], allowed: { sshd: 'it is your own' } }, /never banned: it is your own/],
    [
      'failing',
      {
        bans: [],
        windows: [
          {
            jail: 'sshd',
            target: '192.0.2.1',
            failures: 2,
            maxretry: 3,
            needed: 3,
            evidence: [],
            counts: [],
          },
        ],
      },
      /not banned; 2 failures count now/,
    ],
  ])('of an address that is %s', (_, more, words) => {
    expect(sentenceOf({ ...EXPLANATION, ...more })).toMatchObject({
      banned: false,
      words: expect.stringMatching(words),
    });
  });
});
