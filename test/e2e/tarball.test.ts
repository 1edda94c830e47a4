/** The npm tarball on Debian 12, whose own Node is too old. */
import { describeLife } from './lib/life.js';
import { Tarball } from './lib/packages.js';

describeLife('npm tarball', 'bookworm', (machine) => new Tarball(machine));
