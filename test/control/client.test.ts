import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { CONTROL_ANSWER_BYTES_MAX } from '../../src/core/service-limits.js';

test.each([
  [CONTROL_ANSWER_BYTES_MAX, 'not JSON'],
  [CONTROL_ANSWER_BYTES_MAX + 1, `larger than ${CONTROL_ANSWER_BYTES_MAX} bytes`],
])('an answer of %i bytes: %s', async (bytes, problem) => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-client-'));
  const chunk = Buffer.alloc(1024 * 1024);
  const server = createServer((_, response) => {
    let left = bytes;
    const more = () => {
      while (left > 0) {
        const part = chunk.subarray(0, Math.min(left, chunk.length));
        left -= part.length;
        if (!response.write(part)) return void response.once('drain', more);
      }
      response.end();
    };
    more();
  });
  const socket = join(folder, 'socket');
  await new Promise<void>((resolve) => server.listen(socket, () => resolve()));
  try {
    await expect(new ControlClient(socket).bans()).rejects.toThrow(problem);
  } finally {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  }
});
