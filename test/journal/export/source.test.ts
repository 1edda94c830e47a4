import { writeFileSync } from 'node:fs';
import { sourceId } from '../../../src/core/names.js';
import { createSource } from '../../../src/journal/source.js';
import { exportStream } from '../../support/journal-files.js';
import { sourceContract } from '../contract.js';

const id = sourceId('test');

sourceContract({
  name: 'an export file',
  can: [true, ''],
  make: (scratch, entries) => {
    const path = scratch.file('journal.export');
    writeFileSync(path, exportStream(entries));
    return createSource({ kind: 'export', path }, id);
  },
});
