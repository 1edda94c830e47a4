/** What the agent tells systemd while it starts. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { extendStart } from '../../src/agent/service.js';
import {
  START_EXTENSION_MICROS,
  START_EXTENSION_MS,
  START_MS_MAX,
} from '../../src/core/timeouts.js';

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

test('a start that takes long asks for more time before what it was given is over', () => {
  const said: string[] = [];
  const end = extendStart((state) => said.push(state));
  jest.advanceTimersByTime(START_EXTENSION_MS * 3);
  expect(said).toEqual(Array(3).fill(`EXTEND_TIMEOUT_USEC=${START_EXTENSION_MICROS}`));
  // The shipped unit gives 90 s, a busy process may be late by half a minute.
  expect(START_EXTENSION_MS + 30_000).toBeLessThan(START_EXTENSION_MICROS / 1_000);
  end();
  jest.advanceTimersByTime(START_MS_MAX);
  expect(said).toHaveLength(3);
});

test('what systemd does not take is no failure', () => {
  const end = extendStart(() => {
    throw new Error('made up');
  });
  expect(() => jest.advanceTimersByTime(START_EXTENSION_MS)).not.toThrow();
  end();
});

test('a start that hangs asks for no more after the longest time', () => {
  const said: string[] = [];
  extendStart((state) => said.push(state));
  jest.advanceTimersByTime(START_MS_MAX);
  const asked = said.length;
  expect(asked).toBe(START_MS_MAX / START_EXTENSION_MS);
  jest.advanceTimersByTime(START_MS_MAX);
  expect(said).toHaveLength(asked);
});
