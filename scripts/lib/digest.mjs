/** Digests of files, so that a step runs again exactly when its inputs changed. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT } from './run.mjs';

/** All files below the given files and folders, sorted; those that do not exist are left out. */
export function filesBelow(paths) {
  const files = [];
  for (const path of paths) {
    const full = join(ROOT, path);
    if (!existsSync(full)) continue;
    if (!statSync(full).isDirectory()) files.push(path);
    else
      for (const entry of readdirSync(full, { recursive: true, withFileTypes: true }))
        if (entry.isFile()) files.push(join(entry.parentPath, entry.name).slice(ROOT.length + 1));
  }
  return files.sort();
}

/** One digest of texts and of files' names and contents. */
export function digest(files, ...texts) {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text}\0`);
  for (const file of files)
    hash
      .update(`${file}\0`)
      .update(readFileSync(join(ROOT, file)))
      .update('\0');
  return hash.digest('hex');
}

/** True when the stamp file holds this digest. */
export function isStamped(stamp, value) {
  const path = join(ROOT, stamp);
  return existsSync(path) && readFileSync(path, 'utf8').trim() === value;
}

/** Writes the stamp, as a new file: a clone whose files are hard links keeps its own. */
export function stampWith(stamp, value) {
  const path = join(ROOT, stamp);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(`${path}.${process.pid}`, `${value}\n`);
  renameSync(`${path}.${process.pid}`, path);
}
