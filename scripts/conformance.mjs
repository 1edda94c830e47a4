#!/usr/bin/env node
// npm run conformance -- [--fail2ban ROOT] DIR : compares verdicts with recorded ones of fail2ban
// (see test/support/conformance.ts). ROOT is a fail2ban configuration folder, or an unpacked
// package with one. npm run conformance -- --expectations : asks fail2ban's own tests and client,
// writes docs/conformance.md.
import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    fail2ban: { type: 'string' },
    quiet: { type: 'boolean', short: 'q' },
    expectations: { type: 'boolean' },
  },
});
const [directory] = positionals;
if (!values.expectations && (directory === undefined || !existsSync(directory))) {
  console.error('usage: npm run conformance -- [--fail2ban ROOT] [--quiet] DIR, or --expectations');
  process.exit(64);
}
const project = join(import.meta.dirname, '..');
const tsc = join(
  dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin/tsc',
);
const built = spawnSync(process.execPath, [tsc, '-p', project], { stdio: 'inherit' });
if (built.status !== 0) process.exit(70);

const { compareCorpus } = await import(join(project, 'dist/test/support/conformance.js'));
const { fail2banPackage } = await import(join(project, 'dist/test/support/fail2ban.js'));

if (values.expectations) {
  const { expectations } = await import(join(project, 'dist/test/support/expectations.js'));
  const { trixie } = await import(join(project, 'dist/test/cli/real-fail2ban.js'));
  const unpacked = fail2banPackage('1.1.0-8');
  if (!('root' in unpacked)) {
    console.error(unpacked.reason);
    process.exit(69);
  }
  const { text, unexplained } = await expectations(unpacked.root, trixie());
  writeFileSync(join(project, 'docs/conformance.md'), text);
  for (const what of unexplained) console.error(`not explained: ${what}`);
  console.log('docs/conformance.md is written');
  process.exit(unexplained.length > 0 ? 1 : 0);
}

let root = values.fail2ban;
if (root === undefined) {
  // Verdicts depend on the filters' own text: the newest package is nearest to records of a
  // development version.
  const found = ['1.1.1-1', '1.1.0-8'].map(fail2banPackage);
  root = found.find((one) => 'root' in one)?.root;
  if (root === undefined) {
    console.error(`${found[0].reason}; give fail2ban's configuration with --fail2ban ROOT`);
    process.exit(69);
  }
}
for (const inner of ['etc/fail2ban', 'config'])
  if (existsSync(join(root, inner, 'filter.d'))) root = join(root, inner);
if (!existsSync(join(root, 'filter.d'))) {
  console.error(`${root} has no filter.d`);
  process.exit(66);
}

const started = performance.now();
const { compared, differences, refused } = compareCorpus(directory, root);
const total = [...compared.values()].reduce((sum, count) => sum + count, 0);
for (const reason of refused) console.log(`refused  ${reason}`);
if (!values.quiet)
  for (const { layout, record, what } of differences)
    console.log(
      `${layout}/${record.key} ${record.seq} (${record.src})\n  ${what}\n  ${record.line ?? record.f2b_line}`,
    );
for (const [layout, count] of compared) {
  const wrong = differences.filter((difference) => difference.layout === layout).length;
  console.log(`${layout}: ${count} records compared, ${count - wrong} agree, ${wrong} differ`);
}
console.log(
  `${total - differences.length} of ${total} agree with fail2ban (${root}), ${refused.length} filters refused, ` +
    `${((performance.now() - started) / 1000).toFixed(1)} s`,
);
process.exit(differences.length > 0 || refused.length > 0 || total === 0 ? 1 : 0);
