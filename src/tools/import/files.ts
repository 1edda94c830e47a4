/**
 * The files of an import on the disk, and what another import changes in them. Each says in its
 * first line where it came from and what it held then, so that a later import can tell what a
 * person has changed since: that is never replaced without a word.
 */

import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Config, Setting } from '../../config/types.js';
import { EXIT, messageOf, OperatorError } from '../../core/errors.js';
import { hideSecrets } from '../../core/secrets.js';
import { diskTree } from '../../ini/tree.js';
import { groupIdOf } from '../../setup/paths.js';
import type { ImportedFile } from './config.js';

// What another import changes: jails that come and go, and values of those that stay.

/** One line for each difference of what is in force, secrets hidden. */
export function changesOf(before: Config | undefined, after: Config | undefined): string[] {
  if (before === undefined || after === undefined) return [];
  const old = new Map(before.jails.map((jail) => [jail.name as string, jail]));
  const lines = differences('', before.origins, after.origins);
  for (const jail of after.jails) {
    const known = old.get(jail.name);
    if (known === undefined) lines.push(`[${jail.name}] is new`);
    else lines.push(...differences(`[${jail.name}] `, known.origins, jail.origins));
    if (known !== undefined && regexes(known) !== regexes(jail))
      lines.push(`[${jail.name}] its filter has changed`);
    old.delete(jail.name);
  }
  return [...lines, ...[...old.keys()].map((name) => `[${name}] is no longer enabled`)];
}

function differences(
  prefix: string,
  before: ReadonlyMap<string, Setting>,
  after: ReadonlyMap<string, Setting>,
): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [was, is] = [shown(key, before.get(key)), shown(key, after.get(key))];
    if (before.get(key)?.text === after.get(key)?.text) return [];
    return [
      was === is
        ? `${prefix}${key}: what is hidden of ${is} has changed`
        : `${prefix}${key}: ${was} -> ${is}`,
    ];
  });
}

function shown(key: string, setting: Setting | undefined): string {
  const text = hideSecrets(setting?.text ?? '', key)
    .replace(/\s+/g, ' ')
    .trim();
  return text === '' ? '(none)' : text;
}

function regexes({ intake }: Config['jails'][number]): string {
  const { failregex, ignoreregex, successregex, prefregex } = intake.filter;
  return JSON.stringify(
    [failregex, ignoreregex, successregex]
      .map((list) => list.map(({ text }) => text))
      .concat([[prefregex?.text ?? '']]),
  );
}

/**
 * `same` is left alone; `changed` was written by an import and is what it was then; `edited` a
 * person has changed.
 */
export type FileState = 'new' | 'same' | 'changed' | 'edited' | 'foreign' | 'gone' | 'gone-edited';

export interface PlannedFile {
  readonly name: string;
  readonly path: string;
  readonly state: FileState;
  /** Absent when the file goes, because fail2ban has it no longer. */
  readonly text?: string;
  readonly isPrivate: boolean;
}

const FOLDERS = ['', 'jail.d', 'filter.d', 'action.d', 'banjour.d'] as const;
const HEADER = /^# Imported from (\/.*) \(checksum ([0-9a-f]{16})\).*\n/;

/** What would become of each file below `target`. */
export function planFiles(
  files: ReadonlyMap<string, ImportedFile>,
  from: string,
  target: string,
): PlannedFile[] {
  const planned = [...files].map(([name, { text, sources, origin }]) => {
    const path = join(target, name);
    const whole = withHeader(text, origin);
    const before = textOf(path);
    const state =
      before === undefined
        ? 'new'
        : before === whole
          ? 'same'
          : isAsImported(before)
            ? 'changed'
            : kindOf(before);
    return {
      name,
      path,
      state,
      text: whole,
      isPrivate: sources.some(isHidden),
    } satisfies PlannedFile;
  });
  return [...planned, ...goneFiles(files, from, target)];
}

/** Files that an earlier import wrote, and that fail2ban has no longer. */
function goneFiles(
  files: ReadonlyMap<string, ImportedFile>,
  from: string,
  target: string,
): PlannedFile[] {
  const origin = `${from.replace(/\/+$/, '')}/`;
  return FOLDERS.flatMap((folder) =>
    diskTree.list(join(target, folder)).map((name) => join(folder, name)),
  )
    .filter((name) => /\.(?:conf|local)$/.test(name) && !files.has(name))
    .flatMap((name) => {
      const path = join(target, name);
      const text = textOf(path);
      if (text === undefined || HEADER.exec(text)?.[1]?.startsWith(origin) !== true) return [];
      const state = isAsImported(text) ? 'gone' : 'gone-edited';
      return [{ name, path, state, isPrivate: false } satisfies PlannedFile];
    });
}

/** Throws when files were changed by a person, unless `force`. */
export function refuseEdited(planned: readonly PlannedFile[], force: boolean): void {
  if (force) return;
  const of = (...states: readonly FileState[]) =>
    planned.filter(({ state }) => states.includes(state)).map(({ path }) => path);
  const [edited, foreign] = [of('edited', 'gone-edited'), of('foreign')];
  if (edited.length + foreign.length === 0) return;
  const said = [
    ...(foreign.length === 0 ? [] : [`exists already: ${foreign.join(', ')}`]),
    ...(edited.length === 0 ? [] : [`changed since it was imported: ${edited.join(', ')}`]),
  ];
  throw new OperatorError(said.join('; '), {
    hint: '--force replaces it and keeps the old one with the ending .before-import (files of your own, such as jail.d/zz-mine.local, are left alone); --no-config takes over bans only',
    exitCode: EXIT.cannotCreate,
  });
}

/** Writes what is planned. Returns the files that hold secrets and that no group may read yet. */
export function writeFiles(planned: readonly PlannedFile[]): string[] {
  const group = groupIdOf('banjour');
  const writing = planned.filter(({ state, text }) => text !== undefined && state !== 'same');
  const begun: string[] = [];
  try {
    for (const { path, text = '', isPrivate } of writing) {
      mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
      begun.push(`${path}.new`);
      writeOne(`${path}.new`, text, isPrivate, group);
    }
    // All is on the disk before anything takes its place.
    for (const { path, state } of planned) {
      if (state === 'edited' || state === 'foreign' || state === 'gone-edited')
        renameSync(path, freeName(path));
      if (state === 'gone') rmSync(path);
      if (writing.some((one) => one.path === path)) renameSync(`${path}.new`, path);
    }
    // The mode of the source may have become narrower since.
    for (const { path, state, isPrivate } of planned)
      if (state === 'same' && isPrivate) narrow(path, group);
  } catch (error) {
    for (const path of begun) rmSync(path, { force: true });
    throw new OperatorError(`the configuration cannot be written: ${messageOf(error)}`, {
      hint: 'run the command as root',
      exitCode: EXIT.cannotCreate,
      cause: error,
    });
  }
  if (group !== undefined || process.getuid?.() !== 0) return [];
  return planned
    .filter(({ isPrivate, text }) => isPrivate && text !== undefined)
    .map(({ path }) => path);
}

function writeOne(path: string, text: string, isPrivate: boolean, group: number | undefined): void {
  // What is left of an import that was killed may be open to everybody.
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: isPrivate ? 0o600 : 0o644, flag: 'wx' });
  if (isPrivate) narrow(path, group);
  else chmodSync(path, 0o644);
}

/** Root and the agent's group may read it; without root, its owner. */
function narrow(path: string, group: number | undefined): void {
  if (process.getuid?.() !== 0) {
    chmodSync(path, 0o600);
    return;
  }
  chownSync(path, 0, group ?? 0);
  chmodSync(path, 0o640);
}

/** A name for the old file that no earlier one has. */
function freeName(path: string): string {
  const name = `${path}.before-import`;
  for (let number = 1; ; number++) {
    const one = number === 1 ? name : `${name}.${number}`;
    if (!existsSync(one)) return one;
  }
}

/** True when not everybody may read the file: it may hold passwords and tokens. */
function isHidden(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && (status.mode & 0o004) === 0;
}

function withHeader(text: string, source: string): string {
  return `# Imported from ${source} (checksum ${checksum(text)}): another import replaces it, unless you change it.\n${text}`;
}

function isAsImported(text: string): boolean {
  const header = HEADER.exec(text);
  return header !== null && header[2] === checksum(text.slice(header[0].length));
}

function kindOf(text: string): 'edited' | 'foreign' {
  return HEADER.test(text) ? 'edited' : 'foreign';
}

function checksum(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

function textOf(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}
