import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = process.cwd();

interface Room {
  readonly imports: readonly string[] | 'src' | 'src-but-cli';
  readonly touches: readonly string[] | 'anything';
}

/** The table of ARCHITECTURE.md: folder -> what it may import and touch. */
function rooms(): Map<string, Room> {
  const table = new Map<string, Room>();
  for (const line of readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const folder = /^`((?:src|native)[^`]*)`$/.exec(cells[1] ?? '')?.[1];
    if (folder === undefined || cells.length < 6) continue;
    const names = (cell: string) =>
      [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string);
    const imports = cells[3] as string;
    const touches = cells[4] as string;
    table.set(folder, {
      imports: imports.startsWith('all of `src` but')
        ? 'src-but-cli'
        : imports.startsWith('all of')
          ? 'src'
          : names(imports),
      touches: touches === 'anything' ? 'anything' : names(touches),
    });
  }
  return table;
}

function files(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
    .map((name) => join(folder, name));
}

/** Every module that a file names, in static and dynamic imports. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [
    ...text.matchAll(
      /(?:^|\n)\s*(?:import|export)\b[^'"`;]*?\bfrom\s*'([^']+)'|\bimport\s*\(\s*'([^']+)'\s*\)|(?:^|\n)import\s+'([^']+)'/g,
    ),
  ].map((match) => (match[1] ?? match[2] ?? match[3]) as string);
}

function roomOf(path: string): string {
  const parts = path.split('/');
  if (parts[0] === 'native') return 'native';
  return parts.length > 2 ? `src/${parts[1]}` : path;
}

const table = rooms();
const sources = [...files('src'), ...files('native')];

describe('the import table of ARCHITECTURE.md', () => {
  test('names every folder of src', () => {
    const folders = new Set(sources.map(roomOf));
    expect([...folders].filter((folder) => !table.has(folder))).toEqual([]);
  });

  test('allows every import that stands in src and native', () => {
    const wrong: string[] = [];
    for (const file of sources) {
      const room = table.get(roomOf(file));
      if (room === undefined) continue;
      for (const name of importsOf(file)) {
        if (name.startsWith('.')) {
          const target = roomOf(
            relative(ROOT, resolve(ROOT, dirname(file), name)).replace(/\.js$/, '.ts'),
          );
          const free = target === roomOf(file) || target === 'src/core';
          const allowed =
            free ||
            (room.imports === 'src'
              ? true
              : room.imports === 'src-but-cli'
                ? target !== 'src/cli'
                : room.imports.includes(target));
          if (
            !allowed ||
            (target === 'src/core' && roomOf(file) !== 'src/core' && room.imports.length === 0)
          )
            wrong.push(`${file} imports ${target}`);
        } else {
          const bare = name.startsWith('@')
            ? name.split('/').slice(0, 2).join('/')
            : (name.split('/')[0] as string);
          const allowed =
            room.touches === 'anything' ||
            room.touches.includes(name) ||
            room.touches.includes(bare);
          if (!allowed) wrong.push(`${file} touches ${name}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('has no cycle between folders', () => {
    const edges = new Map<string, Set<string>>();
    for (const file of sources)
      for (const name of importsOf(file)) {
        if (!name.startsWith('.')) continue;
        const from = roomOf(file);
        const to = roomOf(
          relative(ROOT, resolve(ROOT, dirname(file), name)).replace(/\.js$/, '.ts'),
        );
        if (from !== to) edges.set(from, (edges.get(from) ?? new Set()).add(to));
      }
    const cycles: string[] = [];
    const visit = (room: string, path: readonly string[]) => {
      if (path.includes(room)) {
        cycles.push([...path, room].join(' -> '));
        return;
      }
      for (const next of edges.get(room) ?? []) visit(next, [...path, room]);
    };
    for (const room of edges.keys()) visit(room, []);
    expect(cycles).toEqual([]);
  });
});
