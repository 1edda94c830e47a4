/**
 * `npm run test:e2e [-- PATTERN...]`: real mail servers in booted containers, real attacks, real
 * bans. Needs root; root file systems are built once (about a minute each) and kept in
 * /var/cache/banjour-e2e ($BANJOUR_E2E_CACHE).
 */
import { conclude, jest } from './lib/jest.mjs';
import { fail, isRoot, say, together } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

if (!isRoot) fail('containers and network namespaces need root: sudo npm run test:e2e');
// A bare machine of this release has compiled the same before, where the pipeline runs.
setUp('e2e', { takesKept: true });
say('root file systems, and beside them packages');
const kinds = ['deb', 'npm', 'self-contained', '--format', 'deb,rpm'];
const [roots, packages] = await together(
  [process.execPath, 'dist/test/e2e/lib/prepare.js'],
  [process.execPath, 'scripts/package.mjs', ...kinds],
);
if (roots !== 0) fail('a root file system could not be built');
if (packages !== 0) fail('the packages could not be built');
say('end-to-end tests');
const result = jest('jest.e2e.config.mjs', process.argv.slice(2));
conclude(result);
process.exitCode = result.ok ? 0 : 1;
