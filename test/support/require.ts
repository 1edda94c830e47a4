/**
 * Tests that need something of the host: root, a program, a kernel feature. Where it is missing
 * they are skipped and say why, never silently; with BANJOUR_REQUIRE_ALL=1 (the project's own
 * pipeline) a skip is a failure.
 */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { test } from '@jest/globals';

/** True when the tests run as root. */
export const isRoot = process.getuid?.() === 0;

/** True when the program is on the PATH or in an administrator's folder. */
export function hasCommand(name: string): boolean {
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/sbin',
    '/usr/lib/systemd',
  ];
  return folders.some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * `test` itself when the condition holds. Otherwise a function called the same way that registers
 * the test as skipped, with ` [skipped: reason]` at the end of its title, or as failing where
 * nothing may be skipped.
 */
export function needs(condition: boolean, reason: string): typeof test {
  if (condition) return test;
  const instead = (title: string): void => {
    if (process.env['BANJOUR_REQUIRE_ALL'] === '1')
      test(title, () => {
        throw new Error(
          `cannot run here: ${reason}; with BANJOUR_REQUIRE_ALL=1 nothing may be skipped`,
        );
      });
    else test.skip(`${title} [skipped: ${reason}]`, () => undefined);
  };
  return instead as unknown as typeof test;
}
