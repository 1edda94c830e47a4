import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { planFiles, refuseEdited, writeFiles } from '../../../src/tools/import/files.js';
import { isRoot } from '../../support/require.js';

const PRIVATE = isRoot ? 0o640 : 0o600;

describe('files of an import', () => {
  let folder: string;
  let from: string;
  let target: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'import-files-'));
    from = join(folder, 'from');
    target = join(folder, 'target');
    mkdirSync(from);
    mkdirSync(target);
    writeFileSync(join(from, 'jail.local'), 'theirs');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const plan = (texts: Readonly<Record<string, string>>) => {
    const files = Object.entries(texts).map(([name, text]) => {
      const origin = join(from, name);
      return [name, { text, origin, sources: [origin] }] as const;
    });
    return planFiles(new Map(files), from, target);
  };
  const states = (texts: Readonly<Record<string, string>>) =>
    plan(texts).map(({ name, state }) => `${name} ${state}`);
  const modeOf = (name: string) => statSync(join(target, name)).mode & 0o777;

  test('are new, the same, changed, edited, foreign, gone', () => {
    expect(states({ 'jail.local': 'a\n' })).toEqual(['jail.local new']);
    writeFiles(plan({ 'jail.local': 'a\n', 'jail.d/x.conf': 'x\n' }));
    expect(states({ 'jail.local': 'a\n' })).toEqual(['jail.local same', 'jail.d/x.conf gone']);
    expect(states({ 'jail.local': 'b\n', 'jail.d/x.conf': 'x\n' })).toEqual([
      'jail.local changed',
      'jail.d/x.conf same',
    ]);
    for (const name of ['jail.local', 'jail.d/x.conf'])
      writeFileSync(join(target, name), `${readFileSync(join(target, name), 'utf8')}mine\n`);
    expect(states({ 'jail.local': 'a\n' })).toEqual([
      'jail.local edited',
      'jail.d/x.conf gone-edited',
    ]);
    writeFileSync(join(target, 'jail.local'), 'of another');
    expect(states({ 'jail.local': 'a\n' })[0]).toBe('jail.local foreign');
    expect(() => refuseEdited(plan({ 'jail.local': 'a\n' }), false)).toThrow(
      `exists already: ${target}/jail.local; changed since it was imported: ${target}/jail.d/x.conf`,
    );
    writeFiles(plan({ 'jail.local': 'a\n' }));
    expect(readFileSync(join(target, 'jail.local.before-import'), 'utf8')).toBe('of another');
    expect(readFileSync(join(target, 'jail.d/x.conf.before-import'), 'utf8')).toContain('mine\n');
    expect(existsSync(join(target, 'jail.d/x.conf'))).toBe(false);
  });

  test('of another import of another folder are not gone with this one', () => {
    writeFiles(plan({ 'jail.d/x.conf': 'x\n' }));
    expect(planFiles(new Map(), join(folder, 'fro'), target)).toEqual([]);
  });

  test('that are not for everybody there are not here, whatever was left or has changed', () => {
    writeFileSync(join(target, 'jail.local.new'), 'open', { mode: 0o644 });
    chmodSync(join(from, 'jail.local'), 0o600);
    const told = writeFiles(plan({ 'jail.local': 'token\n' }));
    expect(modeOf('jail.local')).toBe(PRIVATE);
    // Where the tests run there is no group of the agent's, or there is one.
    expect([[], [join(target, 'jail.local')]]).toContainEqual(told);
    chmodSync(join(target, 'jail.local'), 0o644);
    writeFiles(plan({ 'jail.local': 'token\n' }));
    expect(modeOf('jail.local')).toBe(PRIVATE);
  });

  test('of which one cannot be written leave nothing half done', () => {
    writeFiles(plan({ 'jail.local': 'a\n' }));
    writeFileSync(join(target, 'jail.d'), 'no folder');
    expect(() => writeFiles(plan({ 'jail.local': 'b\n', 'jail.d/x.conf': 'x\n' }))).toThrow(
      'cannot be written',
    );
    expect(readFileSync(join(target, 'jail.local'), 'utf8')).toContain('\na\n');
    expect(readdirSync(target).sort()).toEqual(['jail.d', 'jail.local']);
  });
});
