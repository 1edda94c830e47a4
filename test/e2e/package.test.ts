/**
 * The Debian packages: the one for Debian 13, and the one that brings its Node, on Debian 12
 * without any, or on the releases that $BANJOUR_E2E_SUITES names (bullseye,bookworm,trixie).
 */
import { describeLife } from './lib/life.js';
import { DebPackage } from './lib/packages.js';
import { namedSuites } from './lib/rootfs.js';

describeLife('Debian package', 'trixie', (machine) => new DebPackage(machine, 'slim'));
for (const suite of namedSuites())
  describeLife('self-contained package', suite, (machine) => {
    return new DebPackage(machine, 'self-contained');
  });
