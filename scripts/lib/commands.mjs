/**
 * The commands that only ask the agent as one file: dist/src/cli/ask.js as the compiler made it is
 * replaced by one that holds what it loads. Everything works without this step, and each command
 * takes longer. What is loaded later only at times stays a file of its own: it may show things, and
 * throws no errors of ours, of whose kinds the one file has its own.
 */
import { join, relative } from 'node:path';
import { ROOT } from './run.mjs';

const SOURCE = 'src/cli';
const TARGET = 'dist/src/cli';
/** What is loaded at once and stands inside: the commands, but for the agent itself. */
const INSIDE = /\/commands\/(?!run\.)/;

/** Leaves what is imported later as it is, seen from the target. */
const outside = {
  name: 'outside',
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
      if (kind !== 'dynamic-import' || INSIDE.test(path)) return undefined;
      const file = relative(join(ROOT, SOURCE), join(resolveDir, path));
      return { path: file.startsWith('.') ? file : `./${file}`, external: true };
    });
  },
};

/** Makes it; errors of the sources end it with esbuild's words. */
export async function buildCommands() {
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: ROOT,
    entryPoints: [`${SOURCE}/ask.ts`],
    outdir: TARGET,
    bundle: true,
    platform: 'node',
    packages: 'external',
    format: 'esm',
    target: 'node20',
    legalComments: 'none',
    charset: 'utf8',
    sourcemap: true,
    logLevel: 'warning',
    plugins: [outside],
  });
}
