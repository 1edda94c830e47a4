import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

const ROOT = process.cwd();

interface Room {
  readonly mayImport: (room: string) => boolean;
  readonly mayTouch: (name: string) => boolean;
}

/** The table of ARCHITECTURE.md: folder -> what it may import and touch. */
function rooms(): Map<string, Room> {
  const table = new Map<string, Room>();
  for (const line of readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8').split('\n')) {
    const cells = line.split('|').map((cell) => cell.trim());
    const folder = /^`((?:src|native|bench|scripts)[^`]*)`$/.exec(cells[1] ?? '')?.[1];
    if (folder === undefined || cells.length < 6) continue;
    const imports = cells[3] as string;
    const touches = cells[4] as string;
    const names = (cell: string) =>
      new Set([...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] as string));
    const named = names(imports);
    const ours = (room: string) => room === 'native' || room.startsWith('src');
    table.set(folder, {
      mayImport: imports.startsWith('all but')
        ? (room) => ours(room) && !named.has(room)
        : imports.startsWith('all')
          ? (room) => ours(room) || named.has(room)
          : (room) => named.has(room),
      mayTouch: touches === 'anything' ? () => true : (name) => names(touches).has(name),
    });
  }
  return table;
}

function files(folder: string, ending: RegExp): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name) && !name.endsWith('.d.ts'))
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

function targetOf(file: string, name: string): string {
  const source = relative(ROOT, resolve(ROOT, dirname(file), name)).replace(/\.js$/, '.ts');
  return existsSync(join(ROOT, source)) ? source : `${source}x`;
}

function roomOf(path: string): string {
  const parts = path.split('/');
  if (parts[0] !== 'src') return parts[0] as string;
  // What runs in browsers is a room of its own within its server's.
  if (path.startsWith('src/web/page/')) return 'src/web/page';
  return parts.length > 2 ? `src/${parts[1]}` : path;
}

const table = rooms();
const sources = [...files('src', /\.tsx?$/), ...files('native', /\.ts$/)];
const others = [...files('bench', /\.ts$/), ...files('scripts', /\.mjs$/)];

describe('the import table of ARCHITECTURE.md', () => {
  test('names every folder', () => {
    const folders = new Set([...sources, ...others].map(roomOf));
    expect([...folders].filter((folder) => !table.has(folder))).toEqual([]);
  });

  test('allows every import that stands in src, native, bench and scripts', () => {
    const wrong: string[] = [];
    for (const file of [...sources, ...others]) {
      const from = roomOf(file);
      const room = table.get(from) as Room;
      for (const name of importsOf(file)) {
        if (name.startsWith('.')) {
          const to = roomOf(targetOf(file, name));
          if (to !== from && !room.mayImport(to)) wrong.push(`${file} imports ${to}`);
        } else {
          const bare = name.startsWith('@')
            ? name.split('/').slice(0, 2).join('/')
            : (name.split('/')[0] as string);
          if (!room.mayTouch(name) && !room.mayTouch(bare)) wrong.push(`${file} touches ${name}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  test('has no circle of folders', () => {
    const edges = new Map<string, Set<string>>();
    for (const file of sources)
      for (const name of importsOf(file)) {
        if (!name.startsWith('.')) continue;
        const [from, to] = [roomOf(file), roomOf(targetOf(file, name))];
        if (from !== to) edges.set(from, (edges.get(from) ?? new Set()).add(to));
      }
    const circles: string[] = [];
    const visit = (room: string, path: readonly string[]) => {
      if (path.includes(room)) {
        circles.push([...path, room].join(' -> '));
        return;
      }
      for (const next of edges.get(room) ?? []) visit(next, [...path, room]);
    };
    for (const room of edges.keys()) visit(room, []);
    expect(circles).toEqual([]);
  });
});

describe('the walks of ARCHITECTURE.md', () => {
  const text = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const walks = text
    .slice(text.indexOf('## Four walks'), text.indexOf('## Clocks'))
    .split('\n### ')
    .slice(1)
    .map((walk) => {
      const [title = '', ...lines] = walk.split('\n');
      const steps = lines.flatMap((line) => {
        const [, file, name] = /^\d+\. `([^`]+)` `([^`]+)`: /.exec(line) ?? [];
        return file === undefined || name === undefined ? [] : [{ file, name }];
      });
      return { title, steps };
    });

  /**
   * Who imports whom, both ways; `core` joins everything and so is no way, but for the contract.
   */
  const near = new Map<string, Set<string>>();
  for (const from of sources)
    for (const name of importsOf(from)) {
      const to = name.startsWith('.') ? targetOf(from, name) : 'src/core/';
      if (to.startsWith('src/core/') && to !== 'src/core/firewall.ts') continue;
      near.set(from, (near.get(from) ?? new Set()).add(to));
      near.set(to, (near.get(to) ?? new Set()).add(from));
    }

  /** Whether a reader comes from one file to the other over at most two files between them. */
  const reaches = (from: string, to: string) => {
    let here = new Set([from]);
    for (let step = 0; step < 3; step++)
      here = new Set([...here].flatMap((file) => [...(near.get(file) ?? [])]));
    return here.has(to) || near.get(from)?.has(to) === true;
  };

  test('there are four', () => expect(walks).toHaveLength(4));

  test.each(walks)('$title: every name stands in its file', ({ steps }) => {
    expect(steps.length).toBeGreaterThan(5);
    for (const { file, name } of steps)
      expect({
        file,
        name,
        stands: new RegExp(`^export .*\\b${name}\\b|^async function ${name}\\b`, 'm').test(
          readFileSync(join(ROOT, file), 'utf8'),
        ),
      }).toEqual({ file, name, stands: true });
  });

  test.each(walks)('$title: each step can reach the next', ({ steps }) => {
    const walked = steps.map(({ file }) => file);
    const apart = walked.slice(1).filter((file, index) => !reaches(walked[index] as string, file));
    expect(apart).toEqual([]);
  });

  test('a failed login passes at most 15 files', () => {
    expect(walks[0]?.steps.length).toBeLessThanOrEqual(15);
  });
});
