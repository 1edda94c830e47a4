/**
 * Entry file: `main.js SEED MINUTES HOSTS`. Prints each step and then the report; exit status 1
 * when a promise was broken.
 */
import { chaos, type Torn } from './run.js';

const [seed = 1, minutes = 60, hosts = 3_000] = process.argv.slice(2).map(Number);
const say = (line: string) =>
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${line}\n`);
const report = await chaos({ seed, lastsMs: minutes * 60_000, hosts, senders: 8, say });

const rows = Object.entries(report.survived).sort(([a], [b]) => a.localeCompare(b));
const [longest] = report.openings.filter(({ alone }) => alone);
const [paired] = report.openings.filter(({ alone }) => !alone);
const told = (one: Torn | undefined) =>
  one === undefined
    ? 'none'
    : `${one.ms} ms at ${one.bans} bans, load ${one.load.toFixed(1)} for each processor (${one.faults})`;
say('report');
process.stdout.write(`
seed ${report.seed}, ${report.seconds} s, ${report.steps} steps, ${report.failures} failures, ${report.decisions} bans

| fault | survived |
| --- | ---: |
${rows.map(([kind, count]) => `| ${kind} | ${count} |`).join('\n')}

recounts that differed (decisions lost or invented): ${report.mismatches.length}
packets of banned hosts while nothing had torn the table down: ${report.leaks.length} leaks
longest opening by a fault that tore it down: ${told(longest)}
the same with a second fault at once, which may keep the agent from its work: ${told(paired)}
openings in ms (load), those with a second fault marked +: ${report.openings.map(({ ms, alone, load }) => `${ms}${alone ? '' : '+'} (${load.toFixed(1)})`).join(' ')}
slowest to be whole again: ${report.slowest.ms} ms (${report.slowest.faults})
longest silence of a host that is not banned: ${report.bystanderSilenceMs} ms
`);
for (const { step, faults, what } of [...report.mismatches, ...report.leaks])
  process.stdout.write(`\nstep ${step}, ${faults}: ${what}\n`);
process.exitCode = report.mismatches.length + report.leaks.length === 0 ? 0 : 1;
