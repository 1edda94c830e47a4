import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { serveCompanion } from '../../src/companion/socket.js';
import { OperatorError } from '../../src/core/errors.js';

let folder: string;
let socket: string;
let close: (() => Promise<void>) | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-'));
  socket = join(folder, 'companion.sock');
});
afterEach(async () => {
  await close?.();
  close = undefined;
  rmSync(folder, { recursive: true });
});

const companion = {
  order: async (part: string, name: string, body: unknown) => {
    if (part !== 'web') return undefined;
    if (name === 'late') throw new OperatorError('it does not run', { exitCode: 69 });
    return { name, body };
  },
  view: () => ({ version: '1', parts: [] }),
  figures: async (format: string) =>
    format === 'prometheus' ? ['a 1\n', 'b 2\n'] : ['a 1\n# EOF\n', 'b 2\n# EOF\n'],
};

function ask(path: string, method = 'GET'): Promise<readonly [number | undefined, string]> {
  return new Promise((resolve, reject) => {
    request({ socketPath: socket, path, method }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve([response.statusCode, text]));
    })
      .on('error', reject)
      .end();
  });
}

describe('companion.sock', () => {
  test('answers how it is, and the figures of all parts as one text, in both formats', async () => {
    close = await serveCompanion(socket, companion);
    expect(await ask('/v1/ping')).toEqual([200, '{"pong":true}\n']);
    expect(await ask('/v1/status')).toEqual([200, '{"version":"1","parts":[]}\n']);
    expect(await ask('/v1/metrics')).toEqual([200, 'a 1\nb 2\n# EOF\n']);
    expect(await ask('/v1/metrics?format=prometheus')).toEqual([200, 'a 1\n\nb 2\n']);
  });

  test.each([
    ['/v1/status', 'POST'],
    ['/v2/status', 'GET'],
    ['//v1/status', 'GET'],
    ['/', 'GET'],
  ])('knows nothing else: %s by %s', async (path, method) => {
    close = await serveCompanion(socket, companion);
    expect((await ask(path, method))[0]).toBe(404);
  });

  test('what cannot be said is an error of that question alone', async () => {
    const view = () => ({ version: '1', parts: [{ status: 1n }] }) as never;
    close = await serveCompanion(socket, { ...companion, view });
    expect((await ask('/v1/status'))[0]).toBe(500);
    expect((await ask('/v1/ping'))[0]).toBe(200);
  });

  test('takes the place of what a killed process left, is for its group alone, and is gone when closed', async () => {
    // Bound by a process that is killed: the socket stays.
    const bind = `require('net').createServer().listen(process.argv[1], () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', bind, socket]);
    expect(statSync(socket).isSocket()).toBe(true);
    close = await serveCompanion(socket, companion);
    expect(statSync(socket).mode & 0o7777).toBe(0o660);
    await close();
    close = undefined;
    expect(existsSync(socket)).toBe(false);
  });

  test('a directory that is not there is named with what to do', async () => {
    await expect(serveCompanion(join(folder, 'none', 'x'), companion)).rejects.toThrow(
      /cannot open the socket .*none\/x/,
    );
  });
});
