/** Which programs and libraries lie in a folder, and for which processor each is. */
import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join, relative } from 'node:path';

/** e_machine of elf(5), by Node's names; all of these are little-endian. */
const MACHINES = new Map([
  [62, 'x64'],
  [183, 'arm64'],
]);
const MACHINE_AT = 18;

/** Undefined for a file that is no ELF. */
function machineOf(path) {
  const head = Buffer.alloc(MACHINE_AT + 2);
  const file = openSync(path, 'r');
  const length = readSync(file, head, 0, head.length, 0);
  closeSync(file);
  if (length < head.length || head.readUInt32BE(0) !== 0x7f454c46) return undefined;
  const number = head.readUInt16LE(MACHINE_AT);
  return MACHINES.get(number) ?? `machine ${number}`;
}

/**
 * What is wrong with the programs and libraries below `folder`: one that `paths` do not name, one of
 * another processor than `arch`, one that is missing. Empty when nothing is.
 */
export function wrongPrograms(folder, arch, paths) {
  const found = new Map();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const machine = machineOf(path);
    if (machine !== undefined) found.set(relative(folder, path), machine);
  }
  const wrong = [...found].filter(([path, machine]) => machine !== arch || !paths.includes(path));
  return [
    ...wrong.map(([path, machine]) => `${path} (${machine})`),
    ...paths.filter((path) => !found.has(path)).map((path) => `${path} (missing)`),
  ].sort();
}
