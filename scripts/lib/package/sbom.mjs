/**
 * The list of what Banjour is made of (CycloneDX), by `npm sbom` from the lock file, and with it
 * what no lock file names: the Node of the self-contained packages, SQLite, and what
 * stands in the web page's script. The same sources
 * give the same bytes.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pageModules } from '../page.mjs';
import { quietly, ROOT, tail, warn } from '../run.mjs';
import { manifestOf, PACKAGE, sourceDate } from './product.mjs';
import { locked, PINNED } from './registry.mjs';

const NAME = `packages/banjour-${PACKAGE.version}.cdx.json`;

/** Version of the SQLite that better-sqlite3 is compiled with, e.g. 3.53.2 of "3530200". */
export function sqliteVersion() {
  const script = readFileSync(join(ROOT, 'node_modules/better-sqlite3/deps/download.sh'), 'utf8');
  const [, major, minor, patch] = /VERSION="(\d)(\d\d)(\d\d)\d\d"/.exec(script) ?? [];
  return [major, Number(minor), Number(patch)].join('.');
}

function nodeRuntime(arch, integrity) {
  const purl = `pkg:npm/node-linux-${arch}@${PINNED.packaged}`;
  const content = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
  return {
    'bom-ref': purl,
    type: 'platform',
    name: 'Node.js',
    version: PINNED.packaged,
    scope: 'optional',
    description: `The runtime of the self-contained packages (${arch}), stripped of its symbols`,
    purl,
    cpe: `cpe:2.3:a:nodejs:node.js:${PINNED.packaged}:*:*:*:lts:*:*:*`,
    hashes: [{ alg: 'SHA-512', content }],
    licenses: [{ license: { id: 'MIT' } }],
  };
}

function sqlite() {
  const version = sqliteVersion();
  return {
    'bom-ref': `sqlite@${version}`,
    type: 'library',
    name: 'SQLite',
    version,
    description: 'Compiled into better-sqlite3',
    purl: `pkg:generic/sqlite@${version}`,
    cpe: `cpe:2.3:a:sqlite:sqlite:${version}:*:*:*:*:*:*:*`,
    licenses: [{ license: { id: 'blessing' } }],
  };
}

/** A module that is not installed: it stands in the script of the web page. */
function bundled(path) {
  const { name, version, license } = manifestOf(path);
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const { integrity = '' } = locked(name);
  const content = Buffer.from(integrity.replace(/^sha512-/, ''), 'base64').toString('hex');
  return {
    'bom-ref': purl,
    type: 'library',
    name,
    version,
    description: 'Part of the script of the web page (dist/page/app.js)',
    purl,
    hashes: [{ alg: 'SHA-512', content }],
    licenses: [{ license: { id: license } }],
  };
}

/** Writes it into packages/; returns its path, or undefined with an npm that cannot make one. */
export function buildSbom() {
  const words = ['--omit', 'dev', '--sbom-format', 'cyclonedx', '--package-lock-only'];
  const { ok, output } = quietly('npm', ['sbom', ...words, '--sbom-type', 'application']);
  if (!ok) {
    warn(`no SBOM: npm sbom needs npm 10.2 or later\n${tail(output, 5)}`);
    return undefined;
  }
  const list = JSON.parse(output);
  list.metadata.timestamp = new Date(sourceDate() * 1000).toISOString();
  list.metadata.component.name = PACKAGE.name;
  const runtimes = Object.entries(PINNED.versions[PINNED.packaged]);
  list.components.push(...runtimes.map(([arch, digest]) => nodeRuntime(arch, digest)), sqlite());
  list.components.push(...pageModules().map(bundled));
  // A name that follows from what the list says, in the layout of a UUID.
  delete list.serialNumber;
  const digest = createHash('sha256').update(JSON.stringify(list)).digest('hex');
  const uuid = `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-8${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
  list.serialNumber = `urn:uuid:${uuid}`;
  mkdirSync(join(ROOT, 'packages'), { recursive: true });
  writeFileSync(join(ROOT, NAME), `${JSON.stringify(list, undefined, 2)}\n`);
  return NAME;
}
