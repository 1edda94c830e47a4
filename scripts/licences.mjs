/**
 * `npm run licences`: what the packages bring of others, and under which licence: the modules that
 * run, those that stand in the web page's script, Node, SQLite. Ends with an error at a licence that asks more than to be named.
 */
import { manifestOf, runtimeModules } from './lib/package/product.mjs';
import { PINNED } from './lib/package/registry.mjs';
import { sqliteVersion } from './lib/package/sbom.mjs';
import { pageModules } from './lib/page.mjs';
import { warn } from './lib/run.mjs';

/** SPDX names of licences that let anybody pass the work on under its own terms. */
const PERMISSIVE = [
  ...['MIT', 'MIT-0', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'Apache-2.0', 'blessing'],
];

/** Name, version, licence of everything. */
function works() {
  const modules = [...runtimeModules(), ...pageModules()].map((path) => {
    const { name, version, license } = manifestOf(path);
    return [name, version, license ?? 'none stated'];
  });
  const others = [
    ['Node.js (self-contained packages)', PINNED.packaged, 'MIT'],
    ['SQLite (in better-sqlite3)', sqliteVersion(), 'blessing'],
  ];
  return [...modules, ...others];
}

const rows = works();
const width = Math.max(...rows.map(([name]) => name.length));
for (const [name, version, licence] of rows)
  process.stdout.write(`${name.padEnd(width)}  ${version.padEnd(8)}  ${licence}\n`);
const asking = rows.filter(
  ([, , licence]) =>
    !licence.split(/ OR /).some((one) => PERMISSIVE.includes(one.replace(/[()]/g, ''))),
);
for (const [name, , licence] of asking) warn(`${name}: ${licence} is not known to be permissive`);
if (asking.length > 0) process.exitCode = 1;
