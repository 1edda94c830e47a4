import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { at, ban, directory, opened, SOURCE } from './support.js';

/**
 * Starts a writer and kills it after it has reported `commits`; returns the last number that it
 * reported.
 */
function killAfter(path: string, commits: number): Promise<number> {
  const child = spawn(process.execPath, [new URL('./victim.js', import.meta.url).pathname, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  return new Promise((resolve) => {
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text: string) => {
      output += text;
      if (output.split('\n').length > commits) child.kill('SIGKILL');
    });
    child.on('close', () =>
      resolve(Number(output.slice(0, output.lastIndexOf('\n')).split('\n').at(-1))),
    );
  });
}

describe('kill -9 in the middle of writing', () => {
  test.each([1, 50, 500])(
    'after %i commits: every reported ban is there, and the position belongs to the last',
    async (n) => {
      const path = join(directory(), 'ledger.sqlite3');
      const reported = await killAfter(path, n);
      expect(reported).toBeGreaterThanOrEqual(n);
      const { ledger, setAside, fresh } = opened(path);
      expect([setAside, fresh]).toEqual([undefined, false]);
      const bans = [...ledger.elements(at(0))].length;
      expect(bans).toBeGreaterThanOrEqual(reported);
      expect(ledger.position(SOURCE)?.cursor).toBe(String(bans));
      // None was answered for: all are to be settled and announced, once.
      expect(ledger.unsettled()).toHaveLength(bans);
      ledger.settle(
        ledger.unsettled().map(({ id }) => id),
        'in-force',
        at(1),
      );
      expect(ledger.unsettled()).toEqual([]);
      ledger.close();
    },
  );
});

describe('kill -9 while a ledger that was in memory is written back', () => {
  // From the first pages to after the last.
  test.each([0, 30, 200])(
    'after %i ms: the file is what it was or all of it, and opens',
    async (ms) => {
      const path = join(directory(), 'ledger.sqlite3');
      const before = opened(path);
      before.ledger.commit({ decisions: [ban('192.0.2.1'), ban('192.0.2.2')] });
      before.ledger.close();
      const child = spawn(
        process.execPath,
        [new URL('./save-victim.js', import.meta.url).pathname, path],
        {
          stdio: ['ignore', 'pipe', 'inherit'],
        },
      );
      let output = '';
      const gone = new Promise((resolve) => child.once('close', resolve));
      child.stdout.on('data', (chunk) => {
        output += chunk;
        if (output === 'writing\n') setTimeout(() => child.kill('SIGKILL'), ms);
      });
      await gone;
      const { ledger, setAside } = opened(path);
      expect(setAside).toBeUndefined();
      expect(output.includes('written') ? [20_002] : [2, 20_002]).toContain(
        [...ledger.elements(at(0))].length,
      );
      expect(ledger.check().map(({ id }) => id)).toContain('ledger.sound');
      ledger.close();
    },
  );
});
