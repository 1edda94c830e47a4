import { existsSync } from 'node:fs';
import { sourceId } from '../../src/core/names.js';
import { createSource } from '../../src/journal/journal.js';
import { type FakeEntry, REMOTE, type Scratch, writeJournal } from '../support/journal-files.js';
import { hasCommand } from '../support/require.js';
import { type SourceKind, sourceContract } from './contract.js';

const id = sourceId('test');
const can = [REMOTE.some(hasCommand), 'systemd-journal-remote is not installed'] as const;

function store(scratch: Scratch, entries: readonly FakeEntry[]): string {
  const file = scratch.file('system.journal');
  if (!existsSync(file)) writeJournal(file, entries);
  return file;
}

const kinds: readonly SourceKind[] = [
  {
    name: 'files through libsystemd',
    can,
    make: (scratch, entries) => createSource({ kind: 'files', paths: [store(scratch, entries)] }, id),
  },
  {
    name: 'a directory through libsystemd',
    can,
    make: (scratch, entries) => {
      store(scratch, entries);
      return createSource({ kind: 'directory', path: scratch.path }, id);
    },
  },
];
for (const kind of kinds) sourceContract(kind);
