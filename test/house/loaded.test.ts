/**
 * What a program loads before it does anything: each module of others takes memory as long as an
 * agent runs, and time at each command that a script calls.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, test } from '@jest/globals';

/** Modules of others that these files and all that they import load at once. */
function loadedBy(entries: readonly string[]): string[] {
  const [seen, waiting, modules] = [new Set<string>(), [...entries], new Set<string>()];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    for (const name of staticImports(file)) {
      if (name.startsWith('.')) waiting.push(posix.join(posix.dirname(file), name));
      else if (!name.startsWith('node:')) modules.add(name);
    }
  }
  return [...modules].sort();
}

/** Of the built file: imports of types are gone there. */
function staticImports(file: string): string[] {
  const path = join('dist', file);
  if (!existsSync(path)) throw new Error(`${path} is not there: build first`);
  const pattern = /^(?:import|export)\b(?:[^'"`;]*?\bfrom)?\s*['"]([^'"]+)['"]/gm;
  return [...readFileSync(path, 'utf8').matchAll(pattern)].map(([, name = '']) => name);
}

const COMMAND = ['src/main.js', 'src/cli/cli.js', 'src/cli/quick.js'];

describe('modules of others are loaded only where they are needed', () => {
  test.each(['status', 'stats', 'ban', 'unban', 'ping', 'attempt'])('by `%s`: none', (name) => {
    expect(loadedBy([...COMMAND, `src/cli/commands/${name}.js`])).toEqual([]);
  });

  test('by what shows help, or reads an option: what reads command lines, and tables', () => {
    const modules = loadedBy([...COMMAND, 'src/cli/table.js', 'src/cli/command-line.js']);
    expect(modules).toEqual(['string-width', 'yargs', 'yargs/helpers']);
  });

  test.each(['src/cli/ask.js', 'src/cli/serve.js', 'src/agent/intake/worker.js'])(
    'by %s: no further file of ours',
    (file) => {
      expect(staticImports(file).filter((name) => name.startsWith('.'))).toEqual([]);
    },
  );

  test('by the agent: the database, the bridge to C, the log and parts of one more', () => {
    const agent = [...COMMAND, 'src/cli/commands/run.js', 'src/agent/service.js'];
    expect(loadedBy(agent)).toEqual([
      'better-sqlite3',
      'koffi',
      'prom-client/lib/counter.js',
      'prom-client/lib/gauge.js',
      'prom-client/lib/histogram.js',
      'prom-client/lib/registry.js',
      'winston',
      'winston-transport',
    ]);
    // The others are in the file: opening theirs takes longer than what they do.
    expect(loadedBy(['src/cli/serve.js'])).toEqual(['better-sqlite3', 'koffi']);
  });

  test('by the thread that reads: the bridge to C', () => {
    expect(loadedBy(['src/agent/intake/worker.js'])).toEqual(['koffi']);
  });
});
