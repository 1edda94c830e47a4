import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

test.each(['plain', 'with threads'])(
  'a process %s leaves with its exit code when all is written',
  async (kind) => {
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('./leave.child.js', import.meta.url)),
      kind,
    ]);
    let bytes = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
    });
    expect(await once(child, 'close')).toEqual([3, null]);
    expect(bytes).toBe(5_000_000);
  },
);
