/**
 * `npm run package [-- deb|npm]`: the Debian package and the npm tarball, into packages/. The Debian package is
 * compiled and checked in a root file system of Debian 13 that is built once (root, some minutes). The same sources give
 * the same bytes.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDeb } from './lib/package/deb.mjs';
import { buildTarball } from './lib/package/tarball.mjs';
import { fail, ROOT } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const kinds = { deb: buildDeb, npm: buildTarball };
const wanted = process.argv.slice(2);
const unknown = wanted.find((kind) => !Object.hasOwn(kinds, kind));
if (unknown !== undefined) fail(`unknown kind of package "${unknown}"; say deb, npm, or nothing for both`);
setUp(wanted.length === 1 && wanted[0] === 'npm' ? 'build' : 'package');
for (const kind of wanted.length > 0 ? wanted : Object.keys(kinds)) {
  const path = await kinds[kind]();
  const digest = createHash('sha256')
    .update(readFileSync(join(ROOT, path)))
    .digest('hex');
  process.stdout.write(`${digest}  ${path}\n`);
}
