/**
 * Reads the small files of Banjour's own: `NAME.conf`, `NAME.d/*.conf`, `NAME.local` and so on, of
 * the shipped and the administrator's folder, in the jails' syntax. Every section and key is known:
 * what the built-in text does not have is an error with the nearest name.
 */
import { nearest } from '../core/text.js';
import { INCLUDES, loadFiles, Roots } from '../ini/load.js';
import { DEFAULT_SECTION, type IniDocument, parseIni } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { diskTree } from '../ini/tree.js';
import type { Paths } from './paths.js';

const BUILT_IN_FILE = '(built in)';

/** The shipped folder and the administrator's. */
export type ConfigFolders = Pick<Paths, 'shipped' | 'config'>;

/** `defaults` states every section and key, each with its default. */
export function loadConfFiles(
  paths: ConfigFolders,
  name: string,
  defaults: string,
  report: Report,
): IniDocument {
  const folders = [...new Set([paths.shipped, paths.config])];
  const files = folders.flatMap((folder) => new Roots(diskTree, [folder]).family(name));
  const builtIn = { file: BUILT_IN_FILE, text: defaults };
  const document = loadFiles(new Roots(diskTree, folders), files, report, builtIn);
  complainOfUnknown(document, parseIni(defaults, BUILT_IN_FILE, report), name, report);
  return document;
}

/** Sections and keys that the built-in text does not have. */
function complainOfUnknown(
  document: IniDocument,
  known: ReturnType<typeof parseIni>,
  name: string,
  report: Report,
): void {
  const complain = (
    about: Pick<Parameters<Report['add']>[0], 'id' | 'message' | 'place' | 'section' | 'key'>,
    word: string,
    names: readonly string[],
    what: string,
  ) => {
    const similar = nearest(word, names);
    const meant = similar === undefined ? '' : `did you mean ${similar}? `;
    report.add({ level: 'error', ...about, fix: `${meant}${what}: ${names.join(', ')}` });
  };
  for (const section of document.sections.values()) {
    const options = known.get(section.name)?.options;
    const { place } = section;
    if (section.name === INCLUDES) continue;
    if (options === undefined) {
      const about = { id: `${name}.unknown-section`, message: 'there is no such section' };
      const told = { ...about, place, section: section.name };
      complain(told, section.name, [...known.keys()], 'sections');
      continue;
    }
    for (const option of section.options.values())
      if (!options.has(option.key)) {
        const about = { id: `${name}.unknown-key`, message: 'there is no such setting' };
        const told = { ...about, place: option.place, section: section.name, key: option.key };
        complain(told, option.key, [...options.keys()], 'settings');
      }
  }
  const keys = new Set([...known.values()].flatMap(({ options }) => [...options.keys()]));
  for (const { key, place } of document.defaults.values())
    if (keys.has(key))
      report.add({
        level: 'error',
        id: `${name}.default`,
        message: `has no effect in [${DEFAULT_SECTION}]`,
        place,
        section: DEFAULT_SECTION,
        key,
        fix: `write it below one of ${[...known.keys()].map((one) => `[${one}]`).join(', ')}`,
      });
}
