/**
 * The proof that the same sources give the same bytes: all packages are made once more from a copy,
 * in another folder, later, on one processor, with another umask, time zone and language, and with
 * parts that are compiled anew; then each file is compared.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, openly, quietly, ROOT, say, since, tail } from '../run.mjs';

/** What is made of the rest, and what no package holds. */
const LEFT_OUT = ['.git', '.cache', 'build', 'coverage', 'dist', 'packages'];

/** The first processor that this process may use is all that the second build gets. */
const RUN = `umask 077
cpu=$(taskset -pc $$ | sed 's/.*: *\\([0-9]*\\).*/\\1/')
exec taskset -c "$cpu" "$@"`;

const sumOf = (path) => createHash('sha256').update(readFileSync(path)).digest('hex');

/**
 * Makes `made` (paths in the project) again by the same words of the command line. Ends the script
 * when a file differs; what was made is left then for whoever compares.
 */
export function buildAgain(made, words) {
  say('the same once more, from a copy of the sources, with parts compiled anew');
  const start = performance.now();
  const folder = mkdtempSync('/var/tmp/banjour-again-');
  const copy = join(folder, 'elsewhere');
  mkdirSync(copy);
  const names = readdirSync(ROOT).filter((name) => !LEFT_OUT.includes(name));
  const copied = quietly('cp', ['-r', ...names, copy]);
  if (!copied.ok) fail(`no copy of the sources\n${tail(copied.output)}`);
  const env = {
    ...process.env,
    BANJOUR_COMPILED: join(folder, 'compiled'),
    BANJOUR_SIGNING_KEY: '',
    LC_ALL: 'tr_TR.UTF-8',
    TZ: 'Pacific/Kiritimati',
  };
  const command = [process.execPath, 'scripts/package.mjs', ...words];
  const status = openly('sh', ['-euc', RUN, 'sh', ...command], { cwd: copy, env });
  if (status !== 0) fail(`the second build ended with ${status}; it is in ${copy}`);
  const different = made.filter((path) => {
    const other = join(copy, path);
    return !existsSync(other) || sumOf(other) !== sumOf(join(ROOT, path));
  });
  if (different.length > 0) {
    const pairs = different.map((path) => `  diffoscope ${path} ${join(copy, path)}`);
    fail(`the same sources gave other bytes:\n${pairs.join('\n')}`);
  }
  rmSync(folder, { recursive: true });
  say(`made twice, ${made.length} files the same byte for byte, in ${since(start)}`);
}
