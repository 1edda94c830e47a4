/** The files of the page, read once: what is not among them is nowhere, whatever its path says. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { OperatorError } from '../core/errors.js';
import { WEB_FILES_BYTES_MAX } from '../core/service-limits.js';

export interface PageFile {
  readonly type: string;
  readonly bytes: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

/** Where the page is not part of the package. */
const ABSENT: PageFile = {
  type: 'text/html; charset=utf-8',
  bytes: Buffer.from(
    '<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>Banjour</title><p>This package has no page. The report is there: <a href="/plain">/plain</a>.</p></html>\n',
  ),
};

/** By path: `/`, `/app.js`. Throws `OperatorError` when they are too large. */
export function readPageFiles(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>([['/', ABSENT]]);
  let bytes = 0;
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const type = TYPES[extname(name)];
    const path = join(folder, name);
    if (type === undefined || !statSync(path).isFile()) continue;
    const file = { type, bytes: readFileSync(path) };
    bytes += file.bytes.length;
    if (bytes > WEB_FILES_BYTES_MAX)
      throw new OperatorError(`the files of the page in ${folder} are too large`, {
        hint: 'install the package anew',
      });
    files.set(name === 'index.html' ? '/' : `/${name}`, file);
  }
  return files;
}
