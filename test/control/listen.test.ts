import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { removeLeftSocket } from '../../src/control/listen.js';

const dir = mkdtempSync(join(tmpdir(), 'banjour-socket-'));
afterAll(() => rmSync(dir, { recursive: true }));

test('a socket that an earlier run left goes', async () => {
  const path = join(dir, 'left.sock');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  removeLeftSocket(path);
  expect(existsSync(path)).toBe(false);
  await new Promise((resolve) => server.close(resolve));
});

test('nothing there is nothing to do', () => {
  removeLeftSocket(join(dir, 'absent.sock'));
});

test('a file, or a link to one, stays, and the error names it', () => {
  const file = join(dir, 'ledger.sqlite3');
  const link = join(dir, 'link.sock');
  writeFileSync(file, 'bans');
  symlinkSync(file, link);
  for (const path of [file, link]) {
    expect(() => removeLeftSocket(path)).toThrow(`${path}: it exists and is no socket`);
    expect(existsSync(path)).toBe(true);
  }
});
