/**
 * `npm run package [-- KIND...]`: packages, into packages/. Kinds: `deb`, for Debian 13 with its
 * own Node, and `npm`, the tarball, which are made when none is named; `self-contained`, which
 * brings its Node, as .deb, .rpm and .tar.gz (`--format deb,rpm,tar`, `--arch x64,arm64`); all
 * Debian packages stand in a directory that apt can install from. What is compiled is compiled in
 * root file systems that are built once (root, some minutes). The same sources give the same bytes:
 * `--again` makes all of it twice and compares. Self-contained packages for another architecture
 * are unpacked and tried under qemu-user. $BANJOUR_SIGNING_KEY names a key of gpg's that signs the
 * directory and the checksums.
 */
import { parseArgs } from 'node:util';
import { buildAgain } from './lib/package/again.mjs';
import { buildArchive } from './lib/package/archive.mjs';
import { buildDeb } from './lib/package/deb.mjs';
import { tryForeign } from './lib/package/foreign.mjs';
import { buildRepository, debianPackages, INDEX_FILES } from './lib/package/repository.mjs';
import { buildRpm } from './lib/package/rpm.mjs';
import { buildSbom } from './lib/package/sbom.mjs';
import { sizesOf, writeChecksums } from './lib/package/sums.mjs';
import { buildTarball } from './lib/package/tarball.mjs';
import { SELF_CONTAINED_FOR, SLIM, selfContained } from './lib/package/targets.mjs';
import { fail, say } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const KINDS = ['deb', 'npm', 'self-contained'];
const FORMATS = { deb: buildDeb, rpm: buildRpm, tar: buildArchive };

/** @returns {{ positionals: string[], values: { format?: string, arch?: string, again?: boolean } }} */
function commandLine() {
  try {
    const options = {
      format: { type: 'string' },
      arch: { type: 'string' },
      again: { type: 'boolean' },
    };
    return /** @type {any} */ (
      parseArgs({ options: /** @type {any} */ (options), allowPositionals: true })
    );
  } catch (error) {
    return fail(error.message);
  }
}

/** The words of a list with commas, each of which must be one of `all`. */
function listed(name, text, all) {
  const words = text.split(',');
  const unknown = words.find((word) => !all.includes(word));
  if (unknown !== undefined) fail(`--${name}: "${unknown}" is none of ${all.join(', ')}`);
  return [...new Set(words)];
}

const { positionals, values } = commandLine();
const kinds = positionals.length > 0 ? [...new Set(positionals)] : ['deb', 'npm'];
const unknown = kinds.find((kind) => !KINDS.includes(kind));
if (unknown !== undefined)
  fail(`unknown kind of package "${unknown}"; say ${KINDS.join(', ')}, or nothing for deb and npm`);
const bundled = kinds.includes('self-contained');
if (!bundled && (values.format !== undefined || values.arch !== undefined))
  fail('--format and --arch are for self-contained packages: npm run package -- self-contained');
const formats = listed('format', values.format ?? 'deb,rpm,tar', Object.keys(FORMATS));
const targets = listed('arch', values.arch ?? 'x64', SELF_CONTAINED_FOR);

setUp(kinds.every((kind) => kind === 'npm') ? 'build' : 'package');
const made = [];
if (kinds.includes('deb')) made.push(buildDeb(SLIM));
if (kinds.includes('npm')) made.push(await buildTarball());
if (bundled)
  for (const arch of targets)
    for (const format of formats) {
      const target = selfContained(arch);
      const path = FORMATS[format](target);
      tryForeign(path, target);
      made.push(path);
    }
const sbom = buildSbom();
if (sbom !== undefined) made.push(sbom);
for (const path of made) process.stdout.write(`${sizesOf(path)}  ${path}\n`);
if (made.some((path) => path.endsWith('.deb'))) say(`apt can install from ${buildRepository()}`);
say(`checksums: ${writeChecksums()}`);
if (values.again === true) {
  const words = process.argv.slice(2).filter((word) => word !== '--again');
  // The second build's index holds what it makes, and no package that lay here before.
  const debs = made.filter((path) => path.endsWith('.deb'));
  const isWhole = debs.length > 0 && debs.length === debianPackages().length;
  buildAgain([...made, ...(isWhole ? INDEX_FILES : [])], words);
}
