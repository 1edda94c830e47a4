/**
 * `npm run bench [-- NAME...] [--runs N] [--scale FRACTION] [--json]`: builds, installs what is
 * missing, and runs the benchmarks: every figure beside fail2ban (Debian's package) and beside the
 * physical limit (plain C) in the same run. Tables here, charts and JSON in build/bench. What needs
 * root, nft or containers says so when it is missing.
 */
import { openly } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

// With --json standard output is for the JSON alone.
const words = process.argv.slice(2);
if (words.includes('--json')) {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = (text) => process.stderr.write(text);
  setUp('test');
  process.stdout.write = write;
} else setUp('test');
process.exitCode = openly(process.execPath, ['dist/bench/lib/main.js', ...words]);
