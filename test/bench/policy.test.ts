/** A small month whose mail server asks first: attackers are refused unseen, honest people never. */
import { expect, test } from '@jest/globals';
import { play } from '../../bench/lib/campaign/campaign.js';
import { BanjourJudge } from '../../bench/lib/campaign/judges.js';
import { PolicyJudge } from '../../bench/lib/campaign/policy-judge.js';

const WEEK = { seed: 1, days: 7, share: 0.2, verbose: true } as const;

test('whoever asks first looks at fewer guesses, and refuses nobody honest', async () => {
  const judge = new PolicyJudge('');
  const { score: asked } = await play({ ...WEEK, attackers: true }, judge);
  const { score: alone } = await play({ ...WEEK, attackers: true }, new BanjourJudge(''));
  expect(asked.guesses.all).toBe(alone.guesses.all);
  expect(asked.guesses.some).toBeLessThan(alone.guesses.some);
  expect(judge.refusals.get('under-attack')).toBeGreaterThan(0);
  const { score: honest } = await play({ ...WEEK, attackers: false }, new PolicyJudge(''));
  expect([honest.refused.some, honest.logins.all > 0]).toEqual([0, true]);
}, 120_000);
