/**
 * Sleeps in tests: a test that sleeps is slow on a quiet machine and red on a busy one. It awaits a
 * condition (`until`), that nothing happens (`stays`), or that a value has settled (`still`).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';

/** Where a pause is what is tested, or what the other side does. This list only becomes shorter. */
const PAUSES = {
  'test/core/background.test.ts': 'work that takes a while',
  'test/kernel/random.test.ts': 'one of the things that happen is that nothing does for a while',
  'test/notify/support.ts': 'an agent that is slow to answer',
  'test/share/support.ts': 'a hub that is looked at again and again',
  'test/support/until.ts': 'between two looks',
  'test/tools/replay/pipe.test.ts': 'a pipe that pauses',
};

const SLEEP =
  /=> (?:void )?setTimeout\(\s*(?:resolve|\(\) => resolve\()|from 'node:timers\/promises'/;

test('tests do not sleep', () => {
  const found = readdirSync('test', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('e2e'))
    .map((name) => join('test', name))
    .filter((path) => SLEEP.test(readFileSync(path, 'utf8')));
  expect(found.sort()).toEqual(Object.keys(PAUSES));
});
