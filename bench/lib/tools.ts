/**
 * The benchmarks' own C programs: the physical limit, and clocks that cost nothing beside what they
 * measure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Everything that benchmarks make and keep. */
export const OUTPUT = join(process.cwd(), 'build/bench');

/**
 * Compiles `bench/c/NAME.c` when it changed; returns the program's path. Throws what the compiler
 * says.
 */
export function tool(name: string, ...libraries: readonly string[]): string {
  const source = join(process.cwd(), 'bench/c', `${name}.c`);
  const target = join(OUTPUT, name);
  if (existsSync(target) && statSync(target).mtimeMs > statSync(source).mtimeMs) return target;
  mkdirSync(OUTPUT, { recursive: true });
  const fresh = `${target}.${process.pid}`;
  const flags = ['-O2', '-std=gnu11', '-Wall', '-Wextra', '-Werror'];
  const { status, stderr, error } = spawnSync('cc', [...flags, '-o', fresh, source, ...libraries], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cc ${source}: ${error?.message ?? stderr}`);
  renameSync(fresh, target);
  return target;
}
