import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { compileFilter } from '../../src/filter/compile.js';
import { loadFilter } from '../../src/ini/definition.js';
import { CONFIG, FILTERS, optionSets } from './samples.js';

const DOCS = readFileSync(join(CONFIG, '../docs/filters.md'), 'utf8');

describe('docs/filters.md', () => {
  test('names every shipped filter, and every mode of it', () => {
    for (const name of FILTERS) {
      expect(DOCS).toContain(name);
      for (const set of optionSets(name))
        for (const value of Object.values(set))
          if (value !== 'ignore')
            expect({ name, value, named: DOCS.includes(value) }).toEqual({
              name,
              value,
              named: true,
            });
    }
  });

  test('names every part of common.conf', () => {
    const text = readFileSync(join(CONFIG, 'filter.d/common.conf'), 'utf8');
    const parts = [...text.matchAll(/^(__\w+|_daemon|logtype) *=/gm)].map(
      (found) => found[1] as string,
    );
    expect(parts.filter((part) => !DOCS.includes(part))).toEqual([]);
  });

  const examples = [
    ...DOCS.matchAll(/^ {4}# \/etc\/banjour\/(filter\.d\/\S+)\n((?: {4}.*\n|\n)+)/gm),
  ];

  test('has examples of own filters', () => {
    expect(examples.length).toBeGreaterThan(1);
  });

  test.each(examples.map((found) => [found[1] as string, found[2] as string]))(
    'gives an example that loads: %s',
    (name, body) => {
      const adminRoot = mkdtempSync(join(tmpdir(), 'banjour-'));
      try {
        mkdirSync(dirname(join(adminRoot, name)), { recursive: true });
        writeFileSync(join(adminRoot, name), body.replaceAll(/^ {4}/gm, ''));
        const filter = basename(name).replace(/\.\w+$/, '');
        const loaded = loadFilter({ name: filter, dirs: [CONFIG, adminRoot] });
        expect(loaded.diagnostics).toEqual([]);
        expect(loaded.definition && compileFilter(loaded.definition).diagnostics).toEqual([]);
      } finally {
        rmSync(adminRoot, { recursive: true });
      }
    },
  );
});
