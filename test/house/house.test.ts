/** The rules of size and shape that `npm run house` counts. */
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

test('npm run house finds nothing that is too large, too small, double or in a circle', () => {
  const { stdout } = spawnSync(process.execPath, ['scripts/house.mjs', '--list', '--check'], {
    encoding: 'utf8',
  });
  const wrong = stdout.split('\n').filter((line) => /^ {2,3}[1-9]\d* |^ {7}/.test(line));
  expect(wrong).toEqual([]);
});
