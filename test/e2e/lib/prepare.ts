/**
 * Entry file: clears away what a killed run left behind, then builds the root file systems named on the command line
 * (default: all), telling what it does.
 */
import { removeLeftovers } from './machine.js';
import { build, type Suite } from './rootfs.js';

await removeLeftovers();
const suites = process.argv.slice(2);
for (const suite of suites.length > 0 ? suites : ['trixie', 'bookworm'])
  await build(suite as Suite, (line) => process.stdout.write(`  ${line}\n`));
