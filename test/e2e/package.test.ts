/**
 * The Debian packages: the whole life of the one for Debian 13, and of the one that brings its Node,
 * on Debian 12 without any, or on the releases that $BANJOUR_E2E_SUITES names
 * (bullseye,bookworm,trixie). On the others the latter is installed, attacked, booted and purged.
 */
import { describeLife, describeShortLife } from './lib/life.js';
import { Machine } from './lib/machine.js';
import { SUITES } from './lib/mailhost.js';
import { DebPackage } from './lib/packages.js';
import { namedSuites } from './lib/rootfs.js';

const selfContained = (machine: Machine) => new DebPackage(machine, 'self-contained');
const whole = namedSuites();

describeLife('Debian package', 'trixie', (machine) => new DebPackage(machine, 'slim'));
for (const suite of whole) describeLife('self-contained package', suite, selfContained);
for (const suite of SUITES.filter((name) => !whole.includes(name)))
  describeShortLife(`self-contained package on ${suite}`, () => Machine.boot(suite), selfContained);
