/**
 * A finished package for another architecture, unpacked over a root file system and tried under
 * qemu-user: its program starts by its own Node, an agent reads, bans and stops (without a kernel,
 * since qemu has no netlink of netfilter), and the recorded attack is replayed.
 */
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { NO_QEMU, onMachine, replay, start } from '../machine.mjs';
import { fail, ROOT, say, since, tail, warn } from '../run.mjs';
import { buildRoot, inRoot } from './buildroot.mjs';
import { emptied } from './product.mjs';
import { rpmRoot } from './rpm.mjs';

const FOLDER = '.cache/package/foreign';
/** Bans of the recorded attack by the shipped jails. */
const BANS = '78 bans';

/** For each format: how it is unpacked, where its program lies then, and where the recording. */
const FORMATS = {
  deb: {
    root: buildRoot,
    unpack: (path) => `dpkg-deb -x ${path} ${FOLDER}`,
    home: 'usr/lib/banjour',
    examples: '/usr/share/doc/banjour/examples',
  },
  rpm: {
    root: rpmRoot,
    unpack: (path) => `rpm2archive -n - < ${path} | tar -x -C ${FOLDER}`,
    home: 'usr/lib/banjour',
    examples: '/usr/share/doc/banjour/examples',
  },
  gz: {
    root: buildRoot,
    unpack: (path) =>
      `mkdir -p ${FOLDER}/opt/banjour ${FOLDER}/usr/local/bin; tar -xzf ${path} -C ${FOLDER}/opt/banjour --strip-components=1`,
    home: 'opt/banjour',
    examples: '/opt/banjour/examples',
  },
};

/** Does nothing for a package that this machine's own processor runs. */
export function tryForeign(path, target) {
  if (target.arch === process.arch) return;
  const format = FORMATS[path.slice(path.lastIndexOf('.') + 1)];
  const folder = emptied(join(ROOT, FOLDER));
  const unpacked = inRoot(format.root(), ROOT, format.unpack(path));
  if (!unpacked.ok) fail(`unpacking ${path}\n${tail(unpacked.output)}`);
  if (format.home === 'opt/banjour')
    symlinkSync('/opt/banjour/bin/banjour', join(folder, 'usr/local/bin/banjour'));
  const session = `${format.examples}/journal/lab-session.export.gz`;
  const steps = {
    version: 'banjour --version',
    start: start('banjour', session, true),
    replay: replay('banjour', session),
  };
  for (const [name, script] of Object.entries(steps)) {
    const begun = performance.now();
    const { ok, output } = onMachine({ arch: target.arch, above: [folder] }, script);
    if (output.includes(NO_QEMU)) return warn(`${path} was not started: ${NO_QEMU}`);
    if (!ok || (name === 'replay' && output !== BANS))
      fail(`${path}, ${name} under qemu-user\n${tail(output)}`);
    say(`${target.arch}, ${name}: ${output.trim()}, ${since(begun)}`);
  }
}
