import { expect, test } from '@jest/globals';
import { ROUTES_MAX } from '../../src/core/limits.js';
import type { MatchExpression } from '../../src/core/match.js';
import { Router } from '../../src/filter/bank.js';
import { entry } from '../support/filters.js';

/** A router with one route, and how often it had to look at the match for its answer. */
function counting() {
  let looks = 0;
  const groups = [new Map([['_PID', ['1']]])];
  const match: MatchExpression = {
    get groups() {
      looks++;
      return groups;
    },
  };
  const router = new Router([{ match, to: 'there' }]);
  const looksFor = (pid: number) => {
    const before = looks;
    const to = router.route(entry('', { _PID: String(pid) }));
    expect(to).toEqual(pid === 1 ? ['there'] : []);
    return looks - before;
  };
  return { looksFor };
}

test('remembers the answers for as many combinations as the bound says, and starts over with one more', () => {
  const { looksFor } = counting();
  for (let pid = 1; pid <= ROUTES_MAX; pid++) expect(looksFor(pid)).toBeGreaterThan(0);
  for (let pid = 1; pid <= ROUTES_MAX; pid++) expect(looksFor(pid)).toBe(0);
  expect(looksFor(ROUTES_MAX + 1)).toBeGreaterThan(0);
  expect(looksFor(1)).toBeGreaterThan(0);
});
