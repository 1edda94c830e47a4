/**
 * Entry file: clears away what a killed run left behind, then builds the root file systems named on
 * the command line (default: all, and the layers above them), telling what it does.
 */
import { removeLeftovers } from './machine.js';
import { SUITES } from './mailhost.js';
import { build, buildLayer, LAYERS, type Suite } from './rootfs.js';

await removeLeftovers();
const suites = process.argv.slice(2);
const say = (line: string) => process.stdout.write(`  ${line}\n`);
for (const suite of suites.length > 0 ? suites : SUITES) await build(suite as Suite, say);
if (suites.length === 0) for (const layer of LAYERS) await buildLayer(layer, say);
