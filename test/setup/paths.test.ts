/** Where things are on a host. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { examplePath } from '../../src/setup/paths.js';

const scratch = mkdtempSync(join(tmpdir(), 'banjour-paths-'));
afterAll(() => rmSync(scratch, { recursive: true }));

describe('an example', () => {
  test('lies in the folder of the archive and of the npm package, if it came with it', () => {
    mkdirSync(join(scratch, 'examples/dovecot'), { recursive: true });
    const own = join(scratch, 'examples/dovecot/99-banjour.conf');
    writeFileSync(own, '');
    expect(examplePath('dovecot/99-banjour.conf', scratch)).toBe(own);
  });

  test('lies among the documents of the system where a package of the system brought it', () => {
    expect(examplePath('web/README.md', scratch)).toBe(
      '/usr/share/doc/banjour/examples/web/README.md',
    );
  });
});

test('every example that a message names is there', () => {
  const named = readdirSync('src', { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [
      ...readFileSync(join('src', path), 'utf8').matchAll(/examplePath\('([^']+)'\)/g),
    ])
    .map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(1);
  expect(named.filter((name) => !existsSync(join('examples', name)))).toEqual([]);
});
