/**
 * Tests that need something of the machine: reported as skipped with the reason when it is missing, and as failed
 * with `BANJOUR_REQUIRE_ALL=1`, so that a build that should have everything cannot pass without it.
 */
import { spawnSync } from 'node:child_process';
import { test } from '@jest/globals';

/** `test` when the condition holds; else something called alike that skips (or fails) with the reason. */
export function needs(condition: boolean, reason: string): typeof test {
  if (condition) return test;
  const missing = (title: string) => {
    if (process.env['BANJOUR_REQUIRE_ALL'] === '1')
      test(title, () => {
        throw new Error(`cannot run: ${reason}`);
      });
    else test.skip(`${title} [skipped: ${reason}]`, () => undefined);
  };
  return missing as unknown as typeof test;
}

export const isRoot = process.getuid?.() === 0;

/** True when the command is in the PATH. */
export function hasCommand(name: string): boolean {
  return spawnSync('sh', ['-c', 'command -v "$1"', 'sh', name]).status === 0;
}
