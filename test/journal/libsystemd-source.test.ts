import { existsSync } from 'node:fs';
import { sourceId } from '../../src/core/names.js';
import { createSource } from '../../src/journal/journal.js';
import { canWrite, type FakeEntry, type Scratch, writeJournal } from '../support/journal-files.js';
import { type SourceKind, sourceContract } from './contract.js';

const id = sourceId('test');

function store(scratch: Scratch, entries: readonly FakeEntry[]): string {
  const file = scratch.file('system.journal');
  if (!existsSync(file)) writeJournal(file, entries);
  return file;
}

const kinds: readonly SourceKind[] = [
  {
    name: 'files through libsystemd',
    can: canWrite,
    make: (scratch, entries) => createSource({ kind: 'files', paths: [store(scratch, entries)] }, id),
  },
  {
    name: 'a directory through libsystemd',
    can: canWrite,
    make: (scratch, entries) => {
      store(scratch, entries);
      return createSource({ kind: 'directory', path: scratch.path }, id);
    },
  },
];
for (const kind of kinds) sourceContract(kind);
