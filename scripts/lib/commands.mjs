/**
 * What is started often, or must be up soon, as one file each, and all other commands as few files:
 * the compiler's file is replaced by one that holds what it loads, since finding and opening a
 * module takes as long as running it. Everything works without this step, and takes longer. The
 * compiler alone does not make these files anew: after a change, build with `npm run build`.
 * Packages stay outside, but for some that are JavaScript alone: winston is 120 files.
 *
 * Errors are told by their classes, of which each of the single files has its own: what is imported
 * later and stays outside shows things, or is a thread, and throws none of ours.
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from './run.mjs';

/** The file, and which of its later imports and of its packages it holds as well. */
const PROGRAMS = [
  { file: 'src/cli/ask', inside: /\/commands\/(?!run\.)/ },
  {
    file: 'src/cli/serve',
    inside:
      /\/commands\/run\.|\/intake\/thread\.|\/memory\.|\/service\.|\/check\.|\/compile\.|\/text-dates\.|\/libc\./,
    packages: ['winston', 'winston-transport', 'prom-client'],
  },
  { file: 'src/agent/intake/worker', inside: /^$/ },
];

/** The program with all commands, cut where it loads something later only. */
const WHOLE = {
  file: 'src/cli/entry',
  packages: ['winston', 'winston-transport', 'prom-client', 'yargs', 'string-width'],
};

/** Leaves other later imports as they are, seen from the file. */
function outside(file, inside) {
  return {
    name: 'outside',
    setup(build) {
      build.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) => {
        if (kind !== 'dynamic-import' || inside.test(path)) return undefined;
        return { path: fromFile(file, join(resolveDir, path)), external: true };
      });
    },
  };
}

/** Leaves packages where they are but for these, with all that they load. */
function packagesOutside(wanted) {
  const name = (path) => /^(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path;
  return {
    name: 'packages-outside',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, importer }) => {
        const isInside = importer.includes('/node_modules/') || wanted.includes(name(path));
        return isInside || path.startsWith('node:') ? undefined : { path, external: true };
      });
    },
  };
}

/** What packages of the older kind of modules ask Node for. */
const REQUIRE =
  "import { createRequire as makeRequire } from 'node:module';\nconst require = makeRequire(import.meta.url);";

/** Modules find others beside them where the compiler put them. */
function places(file) {
  return {
    name: 'places',
    setup(build) {
      build.onLoad({ filter: /\/(?:src|native)\/.*\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta.url')) return undefined;
        const own = JSON.stringify(fromFile(file, path.replace(/\.ts$/, '.js')));
        const url = `new URL(${own}, import.meta.url).href`;
        return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
      });
    },
  };
}

function fromFile(file, path) {
  const found = relative(dirname(join(ROOT, file)), path);
  return found.startsWith('.') ? found : `./${found}`;
}

/**
 * What all of them have in common.
 *
 * @returns {import('esbuild').BuildOptions}
 */
function options(file, packages) {
  return {
    absWorkingDir: ROOT,
    entryPoints: [`${file}.ts`],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    legalComments: 'none',
    // V8 keeps a text of single bytes in half the memory.
    charset: 'ascii',
    sourcemap: true,
    logLevel: 'warning',
    // Else a helper of winston loads the names of 150 colours, to show what nobody asks for.
    define: { 'process.env.NODE_ENV': '"production"' },
    ...(packages.length > 0 && { banner: { js: REQUIRE } }),
  };
}

/** Makes them; errors of the sources end it with esbuild's words. */
export async function buildCommands() {
  const { build } = await import('esbuild');
  for (const { file, inside, packages = [] } of PROGRAMS)
    await build({
      ...options(file, packages),
      outfile: `dist/${file}.js`,
      plugins: [outside(file, inside), packagesOutside(packages), places(file)],
    });
  const { file, packages } = WHOLE;
  const folder = join(ROOT, 'dist', dirname(file));
  for (const name of readdirSync(folder)) if (PART.test(name)) rmSync(join(folder, name));
  await build({
    ...options(file, packages),
    outdir: folder,
    splitting: true,
    // Beside the file, since modules find others by where they stand.
    chunkNames: 'part-[hash]',
    plugins: [packagesOutside(packages), places(file)],
  });
}

const PART = /^part-\w+\.js(?:\.map)?$/;
