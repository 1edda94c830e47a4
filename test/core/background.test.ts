import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { inBackground } from '../../src/core/background.js';

test('what work in the background throws goes where it is sent to', async () => {
  const error = new Error('made up');
  expect(await new Promise((resolve) => inBackground(Promise.reject(error), resolve))).toBe(error);
});

test('or ends the process', () => {
  const module = JSON.stringify(join(process.cwd(), 'dist/src/core/background.js'));
  const script = `import { inBackground } from ${module};
    process.on('uncaughtException', (error) => console.log(error.message));
    inBackground(Promise.resolve(1)); inBackground(Promise.reject(new Error('made up')));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  expect(stdout).toBe('made up\n');
});
