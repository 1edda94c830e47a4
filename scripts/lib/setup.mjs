/**
 * Everything between a fresh clone and a built project. Each step does nothing when it is already
 * done.
 */
import { build } from './build.mjs';
import { systemPackages } from './debian.mjs';
import { npmPackages } from './modules.mjs';
import { fail } from './run.mjs';

const NODE_MIN = [20, 19];

/**
 * Sets up for a stage: `build` for running, `package` for packaging, `test` for the tests, `e2e`
 * for the end-to-end suite. `takesKept`: SQLite's binding may be one that is kept.
 */
export function setUp(stage, { takesKept = false } = {}) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (process.platform !== 'linux')
    fail(`Banjour needs Linux with systemd; this is ${process.platform}`);
  if (major < NODE_MIN[0] || (major === NODE_MIN[0] && minor < NODE_MIN[1]))
    fail(`Banjour needs Node ${NODE_MIN.join('.')} or later; this is ${process.versions.node}`);
  systemPackages(stage);
  npmPackages(takesKept);
  build();
}
