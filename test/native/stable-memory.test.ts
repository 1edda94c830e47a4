import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { StableMemory } from '../../native/libc.js';

/** What of this process is resident and no file's, KiB. */
function anonymousKib(): number {
  return Number(/^RssAnon:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
}

test.each([16, 520, 4_096, 100_000])('%i bytes are zero, whatever stood there before', (size) => {
  for (let i = 0; i < 20; i++) {
    const memory = new StableMemory(size);
    expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
    memory.bytes.fill(0xff);
    memory.free();
  }
});

test('what is never written to takes no memory', () => {
  const before = anonymousKib();
  const memory = new StableMemory(64 * 1024 * 1024);
  expect(memory.bytes).toHaveLength(64 * 1024 * 1024);
  expect(anonymousKib() - before).toBeLessThan(32 * 1024);
  memory.free();
});
