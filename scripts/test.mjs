/**
 * `npm test [-- PATTERN...]`: sets up, builds, lints (also for files and exports that nobody uses),
 * counts the house, runs every test, and tells what was skipped and why.
 */
import { conclude, jest } from './lib/jest.mjs';
import { fail, isRoot, openly, say, together, warn } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

// Nothing may be skipped in the pipeline: a real fail2ban of Debian 13 runs in a root file system
// of the end-to-end suite.
const isComplete = process.env.BANJOUR_REQUIRE_ALL === '1' && isRoot;
setUp(isComplete ? 'e2e' : 'test');
if (isComplete && openly(process.execPath, ['dist/test/e2e/lib/prepare.js', 'trixie']) !== 0)
  fail('a root file system could not be built');
say('linting');
// Left to itself it colours every letter of a pipe.
const colours = process.stdout.isTTY ? [] : ['--colors=off'];
const statuses = await together(
  ['node_modules/.bin/biome', 'ci', ...colours, '.'],
  ['node_modules/.bin/knip', '--no-progress'],
  ...['scripts', 'src/web/page'].map((folder) => ['node_modules/.bin/tsc', '-p', folder]),
);
const linted = statuses.every((status) => status === 0);
openly(process.execPath, ['scripts/house.mjs']);
say('testing');
const result = jest('jest.config.mjs', process.argv.slice(2));
if (!linted) warn('the linters found something; see above');
conclude(result);
process.exitCode = linted && result.ok ? 0 : 1;
