/** What there is to say about finished packages: sizes, checksums, a signature of these. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fail, quietly, ROOT, tail, which } from '../run.mjs';
import { buildRoot, inRoot } from './buildroot.mjs';
import { rpmRoot } from './rpm.mjs';

/** Name or fingerprint of a secret key of gpg's, or empty: then nothing is signed. */
export const KEY = process.env.BANJOUR_SIGNING_KEY ?? '';
const SUMS = 'packages/SHA256SUMS';

const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`.padStart(9);

/** How much a package unpacks to, bytes; undefined for a list. */
function unpackedSize(path) {
  if (path.endsWith('.json')) return undefined;
  const commands = {
    deb: `dpkg-deb --fsys-tarfile ${path} | tar -tv`,
    rpm: `rpm -qlvp --nosignature ${path}`,
    gz: `tar -tvzf ${path}`,
    tgz: `tar -tvzf ${path}`,
  };
  const command = commands[path.slice(path.lastIndexOf('.') + 1)];
  // Third column of a tar, fifth of an rpm, as ls -l has it.
  const column = path.endsWith('.rpm') ? 5 : 3;
  const sum = `${command} | awk '{ sum += $${column} } END { printf "%d", sum }'`;
  const { ok, output } = path.endsWith('.tgz')
    ? quietly('sh', ['-euc', sum])
    : inRoot(path.endsWith('.rpm') ? rpmRoot() : buildRoot(), ROOT, sum);
  return ok && Number(output) > 0 ? Number(output) : fail(`${path}\n${tail(output)}`);
}

/** Size of the file and of what it unpacks to, as a line says it. */
export function sizesOf(path) {
  const unpacked = unpackedSize(path);
  const file = megabytes(statSync(join(ROOT, path)).size);
  return `${file}${unpacked === undefined ? ''.padEnd(20) : `, ${megabytes(unpacked)} unpacked`}`;
}

/** Signs with the key, if there is one. `words` say what gpg does in `folder`. */
export function sign(folder, ...words) {
  if (KEY === '') return;
  if (which('gpg') === undefined)
    fail('BANJOUR_SIGNING_KEY is set, but gpg is missing: apt-get install gpg');
  const signed = quietly('gpg', ['--batch', '--yes', '--local-user', KEY, ...words], {
    cwd: folder,
  });
  if (!signed.ok) fail(`gpg ${words.join(' ')}\n${tail(signed.output)}`);
}

/** Writes SHA256SUMS of all that stands in packages/, signed when there is a key; returns its path. */
export function writeChecksums() {
  const folder = join(ROOT, 'packages');
  for (const name of [SUMS, `${SUMS}.asc`]) rmSync(join(ROOT, name), { force: true });
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
  const lines = names.map((name) => {
    const sum = createHash('sha256').update(readFileSync(join(folder, name)));
    return `${sum.digest('hex')}  ${name}\n`;
  });
  writeFileSync(join(ROOT, SUMS), lines.join(''));
  sign(folder, '--armor', '--detach-sign', '-o', 'SHA256SUMS.asc', 'SHA256SUMS');
  return SUMS;
}
