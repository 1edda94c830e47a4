/** What packages may hold of programs and libraries: what is named, for the processor they are for. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const { wrongPrograms } = (await import(resolve('scripts/lib/package/elf.mjs'))) as {
  wrongPrograms(folder: string, arch: string, paths: readonly string[]): string[];
};
const [X64, ARM64, S390] = [62, 183, 22];
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-elf-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(name: string, content: Buffer | string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

/** As much of an ELF as says for which processor it is. */
function elf(machine: number): Buffer {
  const head = Buffer.alloc(20);
  head.write('\x7fELF', 'latin1');
  head.writeUInt16LE(machine, 18);
  return head;
}

test('those that are named and of the right processor are good; texts are none', () => {
  file('bin/node', elf(ARM64));
  file('dist/main.js', '#!/usr/bin/node\n');
  file('short', '\x7fELF');
  expect(wrongPrograms(folder, 'arm64', ['bin/node'])).toEqual([]);
});

test('one of another processor, one that nobody named, and one that is missing are told', () => {
  file('bin/node', elf(X64));
  file('node_modules/x/prebuilds/x.node', elf(ARM64));
  file('old.so', elf(S390));
  expect(wrongPrograms(folder, 'arm64', ['bin/node', 'build/batch.so'])).toEqual([
    'bin/node (x64)',
    'build/batch.so (missing)',
    'node_modules/x/prebuilds/x.node (arm64)',
    'old.so (machine 22)',
  ]);
});
