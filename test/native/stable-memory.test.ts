import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { StableMemory } from '../../native/libc.js';

test.each([16, 520, 4_096, 100_000])('%i bytes are zero, whatever stood there before', (size) => {
  for (let i = 0; i < 20; i++) {
    const memory = new StableMemory(size);
    expect(memory.bytes.every((byte) => byte === 0)).toBe(true);
    memory.bytes.fill(0xff);
    memory.free();
  }
});

test('what is never written to takes no memory', () => {
  // In a process of its own: the heap of this one may have room that was given back, which calloc
  // fills with zeros.
  const script = `
    import { readFileSync } from 'node:fs';
    import { StableMemory } from ${JSON.stringify(new URL('../../native/libc.js', import.meta.url).href)};
    const anonymousKib = () => Number(/^RssAnon:\\s*(\\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))[1]);
    const before = anonymousKib();
    const memory = new StableMemory(64 * 1024 * 1024);
    console.log(JSON.stringify({ length: memory.bytes.length, took: anonymousKib() - before }));
    memory.free();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { length, took } = JSON.parse(stdout);
  expect(length).toBe(64 * 1024 * 1024);
  expect(took).toBeLessThan(32 * 1024);
});
