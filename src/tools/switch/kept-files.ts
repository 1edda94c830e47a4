/** Files as they are now, to be put back when the move is taken back. */
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT, OperatorError } from '../../core/errors.js';
import { SWITCH_KEPT_BYTES_MAX, SWITCH_KEPT_FILES_MAX } from '../../core/service-limits.js';

interface Kept {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: Buffer | { readonly link: string } | 'folder';
}

/** A folder with all that is in it, kept in memory. */
export class KeptFolder {
  readonly #path: string;
  readonly #files = new Map<string, Kept>();
  #bytes = 0;

  /** Throws `OperatorError` when there is more than a configuration can be. */
  constructor(path: string) {
    this.#path = path;
    this.#walk('');
  }

  /** Makes the folder what it was. Only what differs is written. */
  restore(): void {
    for (const name of namesBelow(this.#path))
      if (!this.#files.has(name)) rmSync(join(this.#path, name), { recursive: true, force: true });
    for (const [name, kept] of this.#files) restoreOne(join(this.#path, name), kept);
  }

  #walk(name: string): void {
    const path = join(this.#path, name);
    const status = lstatSync(path, { throwIfNoEntry: false });
    if (status === undefined) return;
    const { mode, uid, gid } = status;
    const content = status.isDirectory()
      ? ('folder' as const)
      : status.isSymbolicLink()
        ? { link: readlinkSync(path) }
        : status.isFile()
          ? this.#read(path, status.size)
          : undefined;
    if (content === undefined) return;
    this.#files.set(name, { mode: mode & 0o7777, uid, gid, content });
    if (this.#files.size > SWITCH_KEPT_FILES_MAX)
      throw this.#tooMuch(`more than ${SWITCH_KEPT_FILES_MAX} files`);
    if (content === 'folder')
      for (const child of readdirSync(path).sort()) this.#walk(join(name, child));
  }

  #read(path: string, size: number): Buffer {
    this.#bytes += size;
    if (this.#bytes > SWITCH_KEPT_BYTES_MAX)
      throw this.#tooMuch(`more than ${SWITCH_KEPT_BYTES_MAX} bytes`);
    return readFileSync(path);
  }

  #tooMuch(what: string): OperatorError {
    return new OperatorError(
      `${this.#path} holds ${what}: it cannot be kept for the case that the move is taken back`,
      {
        hint: 'move what is no configuration somewhere else',
        exitCode: EXIT.cannotCreate,
      },
    );
  }
}

/** Paths below a folder, the outer ones first, the folder itself included as the empty name. */
function namesBelow(folder: string, name = ''): string[] {
  const status = lstatSync(join(folder, name), { throwIfNoEntry: false });
  if (status === undefined) return [];
  const children = status.isDirectory() ? readdirSync(join(folder, name)) : [];
  return [name, ...children.flatMap((child) => namesBelow(folder, join(name, child)))];
}

function restoreOne(path: string, { mode, uid, gid, content }: Kept): void {
  const now = lstatSync(path, { throwIfNoEntry: false });
  if (content === 'folder') {
    if (now?.isDirectory() !== true) {
      rmSync(path, { force: true });
      mkdirSync(path, { recursive: true });
    }
  } else if ('link' in content) {
    if (now?.isSymbolicLink() === true && readlinkSync(path) === content.link) return;
    rmSync(path, { recursive: true, force: true });
    symlinkSync(content.link, path);
    return;
  } else if (now?.isFile() !== true || !readFileSync(path).equals(content)) {
    rmSync(path, { recursive: true, force: true });
    writeFileSync(path, content, { mode: 0o600 });
  }
  const written = lstatSync(path);
  if (written.uid !== uid || written.gid !== gid) chownSync(path, uid, gid);
  if ((written.mode & 0o7777) !== mode) chmodSync(path, mode);
}

/** The ledger and its companions, copied beside it: it may be large. */
export class KeptLedger {
  readonly #path: string;
  readonly #copies: string;
  readonly #copied: boolean;
  readonly #folderWasThere: boolean;

  /**
   * Copies of an earlier move that was killed go. Without `copied` none are made: an agent writes
   * the ledger.
   */
  constructor(path: string, copied = true) {
    this.#path = path;
    this.#copies = join(dirname(path), 'before-switch');
    this.#copied = copied;
    this.#folderWasThere = existsSync(dirname(path));
    rmSync(this.#copies, { recursive: true, force: true });
    if (!copied) return;
    const files = this.#files();
    if (files.length === 0) return;
    mkdirSync(this.#copies, { mode: 0o700 });
    for (const file of files)
      cpSync(join(dirname(path), file), join(this.#copies, file), { preserveTimestamps: true });
    for (const file of files) {
      const { uid, gid } = lstatSync(join(dirname(path), file));
      if (process.getuid?.() === 0) chownSync(join(this.#copies, file), uid, gid);
    }
  }

  /** No agent may hold the ledger meanwhile. */
  restore(): void {
    if (!this.#copied) return;
    const folder = dirname(this.#path);
    if (!this.#folderWasThere) {
      rmSync(folder, { recursive: true, force: true });
      return;
    }
    for (const file of this.#files()) rmSync(join(folder, file), { force: true });
    if (existsSync(this.#copies))
      for (const file of readdirSync(this.#copies))
        renameSync(join(this.#copies, file), join(folder, file));
    this.forget();
  }

  forget(): void {
    rmSync(this.#copies, { recursive: true, force: true });
  }

  #files(): string[] {
    const folder = dirname(this.#path);
    if (!existsSync(folder)) return [];
    const base = this.#path.slice(folder.length + 1);
    return readdirSync(folder).filter((name) => name.startsWith(base));
  }
}
