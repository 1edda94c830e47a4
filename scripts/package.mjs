/**
 * `npm run package [-- deb|npm]`: the Debian package with a directory that apt can install from,
 * and the npm tarball, into packages/. The Debian package is compiled and checked in a root file
 * system of Debian 13 that is built once (root, some minutes). The same sources give the same
 * bytes. $BANJOUR_SIGNING_KEY names a key of gpg's that signs the directory.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildDeb } from './lib/package/deb.mjs';
import { buildRepository } from './lib/package/repository.mjs';
import { buildTarball } from './lib/package/tarball.mjs';
import { fail, ROOT, say } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const kinds = { deb: buildDeb, npm: buildTarball };
const wanted = process.argv.slice(2);
const unknown = wanted.find((kind) => !Object.hasOwn(kinds, kind));
if (unknown !== undefined)
  fail(`unknown kind of package "${unknown}"; say deb, npm, or nothing for both`);
setUp(wanted.length === 1 && wanted[0] === 'npm' ? 'build' : 'package');
for (const kind of wanted.length > 0 ? wanted : Object.keys(kinds)) {
  const path = await kinds[kind]();
  const digest = createHash('sha256')
    .update(readFileSync(join(ROOT, path)))
    .digest('hex');
  process.stdout.write(`${digest}  ${path}\n`);
  if (kind === 'deb') say(`apt can install from ${buildRepository()}`);
}
