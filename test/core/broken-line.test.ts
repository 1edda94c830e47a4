import { expect, test } from '@jest/globals';
import { goesOn } from '../../src/core/entry.js';

const of = (fields: Record<string, string>) => goesOn((name) => fields[name]);

test.each(['nul', 'line-max', 'pid-change'])('a line that ends by %s goes on', (value) => {
  expect(of({ _LINE_BREAK: value })).toBe(true);
});

test('a whole line, the last one of an output and the last part of a container’s line do not', () => {
  expect([of({}), of({ _LINE_BREAK: 'eof' }), of({ CONTAINER_PARTIAL_MESSAGE: 'false' })]).toEqual([
    false,
    false,
    false,
  ]);
  expect(of({ CONTAINER_PARTIAL_MESSAGE: 'true' })).toBe(true);
});
