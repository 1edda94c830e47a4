import { describe, expect, test } from '@jest/globals';
import { FORMULA_CHARS_MAX } from '../../../src/core/service-limits.js';
import { multipliersOf } from '../../../src/tools/import/settings.js';

describe('a formula of ban times', () => {
  test.each([
    ['ban.Time * (1<<(ban.Count if ban.Count<3 else 3)) * banFactor', 1, [1, 2, 4, 8]],
    ['ban.Time * (1<<(ban.Count if ban.Count<3 else 3)) * banFactor', 2, [1, 2, 4, 8]],
    ['ban.Time * (ban.Count + 1) ** 2 if ban.Count < 3 else ban.Time * 100', 1, [1, 4, 9, 100]],
    ['ban.Time * min(1 + ban.Count * 2.5, 8)', 1, [1, 3.5, 6, 8]],
    [
      'ban.Time*max(1, int(ban.Count / 2))  if ban.Count <= 6 else 4*ban.Time',
      1,
      [1, 1, 1, 1, 2, 2, 3, 4],
    ],
    ['-(-ban.Time)', 1, [1]],
    ['2 ** min(ban.Count, 2) * ban.Time', 1, [1, 2, 4]],
  ])('%s with factor %s', (formula, factor, list) => {
    expect(multipliersOf(formula, factor)).toEqual(list);
  });

  test('has no end beyond every ban, and at most as many steps as the stock one', () => {
    const list = multipliersOf(
      'ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)',
      3,
    );
    expect(list?.length).toBeLessThanOrEqual(21);
    expect(Math.max(...(list ?? []))).toBeLessThanOrEqual(1e9);
    expect(list?.[1]).toBeCloseTo(Math.exp(3) / 3, 3);
  });

  test.each([
    ['ban.Time + 3600'],
    ['3600'],
    ['0 * ban.Time'],
    ['ban.Time / 0 - ban.Time / 0'],
    ['__import__("os").system("true")'],
    ['ban.Time.__class__'],
    ['ban.Time * constructor(1)'],
    ['ban.Time * (1'],
    ['ban.Time ban.Time'],
    ['ban.Time if 1'],
    [''],
  ])('%s is none that can be written', (formula) => {
    expect(multipliersOf(formula, 1)).toBeUndefined();
  });

  test(`of ${FORMULA_CHARS_MAX} characters is read, a longer one is not`, () => {
    const of = (length: number) => `ban.Time${' '.repeat(length - 10)}*2`;
    expect(multipliersOf(of(FORMULA_CHARS_MAX), 1)).toEqual([2]);
    expect(multipliersOf(of(FORMULA_CHARS_MAX + 1), 1)).toBeUndefined();
    expect(multipliersOf('('.repeat(FORMULA_CHARS_MAX), 1)).toBeUndefined();
  });
});
