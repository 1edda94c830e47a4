/**
 * `node scripts/setup.mjs [build|test|e2e]`: from a fresh clone to a built project, without running
 * anything.
 */
import { fail, say } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const stage = process.argv[2] ?? 'build';
if (!['build', 'test', 'e2e'].includes(stage))
  fail(`unknown stage "${stage}"; say build, test or e2e`);
setUp(stage);
say('ready');
