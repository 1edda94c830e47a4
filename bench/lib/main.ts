/**
 * Runs the benchmarks that are named, or all; prints them, keeps them in `build/bench`. Started by
 * scripts/bench.mjs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { svg } from '../../src/charts/charts.js';
import { load, machine } from './machine.js';
import { type BenchOptions, type Result, textOf } from './result.js';
import { OUTPUT } from './tools.js';

/** In the order in which they are run and shown. */
export const NAMES = [
  'reading',
  'pipeline',
  'filter',
  'latency',
  'burst',
  'firewall',
  'restart',
  'resume',
  'repair',
  'idle',
  'growth',
  'status',
  'worst',
  'detection',
  'policy',
  'policy-latency',
  'web',
  'share',
  'rivals',
] as const;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'boolean' }, runs: { type: 'string' }, scale: { type: 'string' } },
  });
  const unknown = positionals.filter((name) => !(NAMES as readonly string[]).includes(name));
  const runs = Number(values.runs ?? 3);
  const scale = Number(values.scale ?? 1);
  if (unknown.length > 0 || !Number.isInteger(runs) || runs < 1 || !(scale > 0)) {
    console.error(
      `usage: npm run bench -- [${NAMES.join('|')}]... [--runs N] [--scale FRACTION] [--json]\n  --scale 0.01 tries everything at a hundredth of its size`,
    );
    return 64;
  }
  const options: BenchOptions = {
    runs,
    scale,
    say: (line) => process.stderr.write(`... ${line}\n`),
  };
  const here = machine();
  const results: Result[] = [];
  for (const name of positionals.length > 0 ? positionals : NAMES) {
    options.say(`${name} (load ${load()})`);
    const { bench } = (await import(`../${name}.js`)) as {
      bench: (options: BenchOptions) => Promise<Result>;
    };
    const result = await bench(options);
    results.push(result);
    keep(result, here);
    if (!values.json) process.stdout.write(`\n${textOf(result)}`);
  }
  const facts = { machine: here, loadAfter: load(), runs, scale };
  if (values.json) process.stdout.write(`${JSON.stringify({ ...facts, results }, undefined, 1)}\n`);
  else {
    const words = Object.entries(here).map(([name, value]) => `${name} ${value}`);
    process.stdout.write(
      `\n${words.join(', ')}; load after ${facts.loadAfter}; ${runs} runs each, medians\n`,
    );
    process.stdout.write(`charts and JSON: ${OUTPUT}\n`);
  }
  return 0;
}

function keep(result: Result, here: Readonly<Record<string, string>>): void {
  mkdirSync(OUTPUT, { recursive: true });
  writeFileSync(join(OUTPUT, `${result.name}.svg`), svg(result.chart));
  writeFileSync(
    join(OUTPUT, `${result.name}.json`),
    `${JSON.stringify({ machine: here, ...result }, undefined, 1)}\n`,
  );
}

process.exitCode = await main();
