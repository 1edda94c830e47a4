/**
 * Holds the tables of a network namespace (its path is the argument) until it is killed; says
 * whether it does.
 */
import { claimTables } from '../../src/firewall/owner.js';

const owner = claimTables({ netns: process.argv[2] ?? '' });
process.stdout.write(owner === undefined ? 'nothing\n' : 'held\n');
setInterval(() => owner, 1_000_000);
