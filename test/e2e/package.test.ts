/** The Debian package on Debian 13. */
import { describeLife } from './lib/life.js';
import { DebPackage } from './lib/packages.js';

describeLife('Debian package', 'trixie', (machine) => new DebPackage(machine));
