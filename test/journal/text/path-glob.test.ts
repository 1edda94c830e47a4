import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { TEXT_FOLDER_NAMES_MAX } from '../../../src/core/limits.js';
import { expandPath, namesIn } from '../../../src/journal/text/paths.js';
import { Scratch } from '../../support/journal-files.js';

let scratch: Scratch;
beforeAll(() => {
  scratch = new Scratch();
  for (let i = 0; i < TEXT_FOLDER_NAMES_MAX; i++)
    writeFileSync(scratch.file(`${10_000_000 + i}.log`), '');
});
afterAll(() => scratch[Symbol.dispose]());

describe('the names of a folder', () => {
  test('are looked at up to the bound, in their order; what comes behind is not there', () => {
    expect(namesIn(scratch.path)).toHaveLength(TEXT_FOLDER_NAMES_MAX);
    expect(expandPath(join(scratch.path, '*9999.log'))).toContain(scratch.file('10009999.log'));
    writeFileSync(scratch.file('99999999.log'), '');
    expect(namesIn(scratch.path)).toHaveLength(TEXT_FOLDER_NAMES_MAX);
    expect(expandPath(join(scratch.path, '*9999.log'))).not.toContain(scratch.file('99999999.log'));
  });
});
