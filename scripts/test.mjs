/** `npm test [-- PATTERN...]`: sets up, builds, lints, runs every test, and tells what was skipped and why. */
import { conclude, jest } from './lib/jest.mjs';
import { openly, say, warn } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

setUp('test');
say('linting');
// Left to itself it colours every letter of a pipe.
const colours = process.stdout.isTTY ? [] : ['--colors=off'];
const linted = openly('node_modules/.bin/biome', ['ci', ...colours, '.']) === 0;
say('testing');
const result = jest('jest.config.mjs', process.argv.slice(2));
if (!linted) warn('the linter found something; see above');
conclude(result);
process.exitCode = linted && result.ok ? 0 : 1;
