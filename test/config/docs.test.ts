import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import {
  BAN_ACTION_KEYS,
  JAIL_KEYS,
  MAIL_ACTION_KEYS,
  SETTING_KEYS,
} from '../../src/config/schema.js';
import { FILTER_KEYS } from '../../src/ini/definition.js';

const text = readFileSync(join(process.cwd(), 'docs/config.md'), 'utf8');

/** The rows of all tables: key, default, meaning. */
const rows = new Map(
  text
    .split('\n')
    .map((line) => /^\| `([\w.-]+)` \| (.*?) \| (.*) \|$/.exec(line))
    .filter((row) => row !== null)
    .map((row) => [row[1] as string, { preset: row[2] as string, meaning: row[3] as string }]),
);

describe('docs/config.md', () => {
  test.each([...JAIL_KEYS, ...SETTING_KEYS])(
    'has the key $key with its default',
    ({ key, preset, noMeaning }) => {
      const row = rows.get(key);
      expect(row?.meaning.length).toBeGreaterThan(0);
      if (preset !== undefined) expect(row?.preset).toBe(`\`${preset}\``);
      if (noMeaning !== undefined) expect(row?.meaning).toContain('has no meaning here');
    },
  );

  test('has no key that the program does not know', () => {
    const known = new Set([...JAIL_KEYS, ...SETTING_KEYS].map((spec) => spec.key));
    expect([...rows.keys()].filter((key) => !known.has(key))).toEqual([]);
  });

  test('names what filters and action files may say', () => {
    for (const key of [...FILTER_KEYS, ...BAN_ACTION_KEYS, ...MAIL_ACTION_KEYS])
      expect(text).toContain(`\`${key}`);
  });
});
