/** Built modules hold their globals under jest, and see every replacement of a clock. */
import { resolve } from 'node:path';
import { expect, jest, test } from '@jest/globals';

const { holdGlobals } = (await import(resolve('scripts/lib/own-globals.mjs'))) as {
  readonly holdGlobals: (code: string) => string;
};

test('a module keeps the globals that it began with, in this very run', () => {
  const slots = globalThis as unknown as Record<string, unknown>;
  const before = slots['Math'];
  slots['Math'] = 'another';
  const seen: unknown = Math;
  slots['Math'] = before;
  expect(seen).toBe(before);
});

test('a clock that a test replaces is the one that modules see', () => {
  jest.useFakeTimers({ now: 5 });
  const now = Date.now();
  jest.useRealTimers();
  expect(now).toBe(5);
});

test('what is used stands in front, in the first line', () => {
  expect(holdGlobals('f();\nMath.max(new Set().size);')).toBe(
    'const { Math, Set } = globalThis; f();\nMath.max(new Set().size);',
  );
});

test.each([
  ['nothing is used', 'f(Mathematics, Date.now(), setTimeout);'],
  ['a program begins with its interpreter', '#!/usr/bin/env node\nMath.max();'],
  ['it has a class of that name', 'export class Map {}\nnew Map();'],
  ['it has a function of that name', 'export async function isNaN() {}'],
  ['it has a constant of that name', 'f();\nconst Buffer = 5;'],
  ['it imports one', "import { Buffer } from 'node:buffer';\nBuffer;"],
  ['it imports one among others', "import a, {\n  b,\n  c as Map,\n} from './x.js';\nMap;"],
  ['it imports all of one', "import * as Reflect from './x.js';"],
])('a module stays as it is where %s', (_, code) => {
  expect(holdGlobals(code)).toBe(code);
});
