/**
 * The web page as browsers load it: one script and one style sheet beside index.html, and the
 * licences of what was put into the script.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { licenceOf, manifestOf } from './package/product.mjs';
import { ROOT } from './run.mjs';

const SOURCE = 'src/web/page';
const TARGET = 'dist/page';
/** The oldest that know `:has` in styles, and expressions that look behind. */
const BROWSERS = ['chrome109', 'firefox121', 'safari16.4'];

/** Folders of the modules that stand in the script: `node_modules/preact`. */
export function pageModules() {
  return JSON.parse(readFileSync(join(ROOT, TARGET, 'modules.json'), 'utf8'));
}

function moduleOf(path) {
  return /^(?:.*\/)?(node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
}

function namedLicence(module) {
  const { name, version } = manifestOf(module);
  return `${name} ${version}\n\n${licenceOf(module).trim()}\n`;
}

/** Makes it; errors of the sources end it with esbuild's words. */
export async function buildPage() {
  const { build } = await import('esbuild');
  mkdirSync(join(ROOT, TARGET), { recursive: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [`${SOURCE}/app.tsx`, `${SOURCE}/app.css`],
    outdir: TARGET,
    bundle: true,
    minify: true,
    metafile: true,
    format: 'iife',
    target: BROWSERS,
    tsconfig: `${SOURCE}/tsconfig.json`,
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'warning',
  });
  const modules = [...new Set(Object.keys(metafile.inputs).map(moduleOf))].filter(
    (module) => module !== undefined,
  );
  modules.sort();
  writeFileSync(join(ROOT, TARGET, 'LICENCES.txt'), modules.map(namedLicence).join('\n'));
  writeFileSync(join(ROOT, TARGET, 'modules.json'), `${JSON.stringify(modules)}\n`);
  for (const name of ['index.html', 'icon.svg'])
    copyFileSync(join(ROOT, SOURCE, name), join(ROOT, TARGET, name));
}
