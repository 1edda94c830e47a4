/** The order in which a fresh clone runs its test files. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from '@jest/globals';

interface Ordered {
  readonly path: string;
  readonly context: object;
}
interface Order {
  sort(tests: readonly Ordered[]): readonly Ordered[];
  /** Jest's: of each context, what came of each file, and its milliseconds. */
  readonly _cache: Map<object, Record<string, readonly [number, number]>>;
}
const { default: SlowestFirst, SLOW } = (await import(
  resolve('scripts/lib/slowest-first.mjs')
)) as { readonly default: new (options: object) => Order; readonly SLOW: readonly string[] };

const fileOf = (name: string) => `/dist/test/${name}.test.js`;
/** The names in the order that files of these sizes come in; `known` have run, in ms. */
function ordered(sizes: Readonly<Record<string, number>>, known: Record<string, number> = {}) {
  const context = {
    config: { cache: false },
    hasteFS: { getSize: (path: string) => sizes[path.slice(11, -8)] },
  };
  const order = new SlowestFirst({});
  const times = Object.entries(known).map(([name, ms]) => [fileOf(name), [1, ms]] as const);
  order._cache.set(context, Object.fromEntries(times));
  const tests = Object.keys(sizes).map((name) => ({ path: fileOf(name), context }));
  return order.sort(tests).map(({ path }) => path.slice(11, -8));
}

test('each file that is named as slow is there, and named once', () => {
  const missing = SLOW.filter((name) => !existsSync(`test/${name}.test.ts`));
  expect(missing).toEqual([]);
  expect(new Set(SLOW).size).toBe(SLOW.length);
});

test('what is known to be slow comes first where no times are known, then the large files', () => {
  const [slow = '', slower = ''] = [SLOW[1], SLOW[0]];
  const sizes = { small: 1, [slow]: 2, large: 9, [slower]: 1 };
  expect(ordered(sizes)).toEqual([slower, slow, 'large', 'small']);
  expect(ordered(sizes, { small: 700, [slow]: 20, large: 500, [slower]: 30 })).toEqual([
    'small',
    'large',
    slower,
    slow,
  ]);
});
