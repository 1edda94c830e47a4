/** Paths with wildcards, expanded over what there is now. */
import { readdirSync } from 'node:fs';
import { globTest, isGlob } from '../core/glob.js';
import { TEXT_FOLDER_NAMES_MAX } from '../core/limits.js';

/** The paths that match an absolute glob, in the order of their names; names that begin with a dot must be named so. */
export function expandPath(pattern: string): string[] {
  let found = [''];
  for (const part of pattern.split('/').slice(1)) {
    if (!isGlob(part)) found = found.map((folder) => `${folder}/${part}`);
    else {
      const fits = globTest(part);
      found = found.flatMap((folder) =>
        namesIn(folder === '' ? '/' : folder)
          .filter((name) => (part.startsWith('.') || !name.startsWith('.')) && fits(name))
          .map((name) => `${folder}/${name}`),
      );
    }
  }
  return found;
}

/** Names in a folder, sorted; none when it cannot be listed. */
export function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort().slice(0, TEXT_FOLDER_NAMES_MAX);
  } catch {
    return [];
  }
}
