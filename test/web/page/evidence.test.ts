import { describe, expect, test } from '@jest/globals';
import { svg } from '../../../src/charts/charts.js';
import type { Explanation } from '../../../src/control/protocol.js';
import { sentenceOf, storyOf, sums } from '../../../src/web/page/evidence.js';

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 12, 0, second)).toISOString();

const EXPLANATION: Explanation = {
  address: '192.0.2.1',
  allowed: {},
  windows: [],
  kernel: [],
  refusals: [],
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
      rule: { findtimeSeconds: 60, maxretry: 3, isWeighing: false },
    },
  ],
};
const [EVIDENCE] = EXPLANATION.evidence as [Explanation['evidence'][number]];

describe('the sum of a window', () => {
  test('is what lies within findtime up to each entry, the entry at its edge not', () => {
    const entries = [0, 4, 10, 14].map((second) => ({ at: second, count: second === 4 ? 2 : 1 }));
    expect(sums(entries, 10)).toEqual([
      [0, 1],
      [4, 3],
      [10, 3],
      [14, 2],
    ]);
  });

  test('takes entries in whatever order they come', () => {
    const entries = [14, 0, 10].map((second) => ({ at: second, count: 1 }));
    expect(sums(entries, 100).map(([, sum]) => sum)).toEqual([1, 2, 3]);
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
    const rule = { findtimeSeconds: 60, maxretry: 100, isWeighing: true };
    const story = storyOf(EXPLANATION, { ...EVIDENCE, rule })?.(800);
    expect(story?.level).toBeUndefined();
    expect(story?.spans.map(({ kind }) => kind)).toEqual(['ban']);
  });

  test('begins with its window, or with its entries where they are close together', () => {
    const startOf = (findtimeSeconds: number) => {
      const rule = { findtimeSeconds, maxretry: 3, isWeighing: false };
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
        windows: [{ jail: 'sshd', target: '192.0.2.1', failures: 2, maxretry: 3, evidence: [] }],
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
