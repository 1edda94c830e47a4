/**
 * `npm run test:e2e [-- PATTERN...]`: real mail servers in booted containers, real attacks, real
 * bans. Needs root; root file systems are built once (about a minute each) and kept in
 * /var/cache/banjour-e2e ($BANJOUR_E2E_CACHE). Packages are made beside the tests, and those that
 * install one wait for it. Where nothing may be left out, the rows of `npm run versions` follow.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { conclude, jest } from './lib/jest.mjs';
import { fail, isRoot, ROOT, say, started, together, warn } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

if (!isRoot) fail('containers and network namespaces need root: sudo npm run test:e2e');
// A bare machine of this release has compiled the same before, where the pipeline runs.
setUp('e2e', { takesKept: true });
say('root file systems, and beside them packages');
// Written last, so that it says that all of them are there.
rmSync(join(ROOT, 'packages/SHA256SUMS'), { force: true });
const kinds = ['deb', 'npm', 'self-contained', '--format', 'deb,rpm'];
// The servers that are tested go first: they have delays to keep.
const gently = ['nice', '-n', '10', process.execPath];
const packages = started([...gently, 'scripts/package.mjs', ...kinds]);
process.env.BANJOUR_PACKAGER = String(packages.pid);
const isComplete = process.env.BANJOUR_REQUIRE_ALL === '1';
const smoke = () => started([...gently, 'scripts/versions.mjs', '--smoke']).ended;
const versions = packages.ended.then((status) => (status === 0 && isComplete ? smoke() : status));
const [roots] = await together([process.execPath, 'dist/test/e2e/lib/prepare.js']);
if (roots !== 0) fail('a root file system could not be built');
say('end-to-end tests');
const result = await jest('jest.e2e.config.mjs', process.argv.slice(2));
if ((await packages.ended) !== 0) fail('the packages could not be built; see above');
// Beside the tests a deadline may have passed: once more, with nothing beside it.
const rows = (await versions) === 0 ? 0 : await smoke();
if (rows !== 0) warn('a row of the versions of Node failed; see above');
conclude(result);
process.exitCode = result.ok && rows === 0 ? 0 : 1;
