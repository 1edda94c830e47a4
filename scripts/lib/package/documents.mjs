/**
 * Documents and examples as every package brings them: in the layout of the project, so that the
 * links between them lead where they lead here.
 */
import { cpSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { filesBelow } from '../digest.mjs';
import { ROOT } from '../run.mjs';

/** Beyond it a file is left out: recordings of hours. */
const BYTES_MAX = 1024 * 1024;

const DOCUMENTS = [
  'docs',
  'examples',
  'ARCHITECTURE.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'LICENSE',
  'README.md',
  'RELEASE.md',
  'SECURITY.md',
];

/** Paths of the project, in the order of their names. */
const documents = () =>
  filesBelow(DOCUMENTS).filter((path) => statSync(join(ROOT, path)).size <= BYTES_MAX);

/** Copies them below `target`, but for those that `without` names. */
export function copyDocuments(target, without = (/** @type {string} */ _path) => false) {
  for (const path of documents()) {
    if (without(path)) continue;
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(join(ROOT, path), join(target, path));
  }
}
