/** Keys that nothing reads: misspelled, or fail2ban's without a meaning here. */
import { nearest } from '../core/nearest.js';
import type { IniDocument } from '../ini/document.js';
import { DEFAULT_SECTION } from '../ini/parse.js';
import type { Report } from '../ini/report.js';
import { textOf } from '../ini/value.js';
import { BUILT_IN, JAIL_VARIABLES, type KeySpec } from './schema.js';

/** Names that some value of the document uses, as `%(name)s`, `%(section/name)s` or `<name>`. */
export function referencedNames(document: IniDocument): Set<string> {
  const names = new Set<string>();
  const sections = [...document.sections.values()].map((section) => section.options);
  for (const options of [document.defaults, ...sections])
    for (let option of options.values())
      for (;;) {
        for (const [, name = ''] of textOf(option.value).matchAll(/(?:%\(|<)(?:[\w-]+\/)?([^()<>\s]+)[)>]/g))
          names.add(name.toLowerCase());
        if (option.previous === undefined) break;
        option = option.previous;
      }
  return names;
}

/**
 * Reports keys of one section. In [DEFAULT], where people keep variables, only what looks like a misspelled key is
 * reported.
 */
export function reportKeys(
  document: IniDocument,
  section: string,
  keys: readonly KeySpec[],
  used: ReadonlySet<string>,
  report: Report,
): void {
  const isDefault = section === DEFAULT_SECTION;
  const options = isDefault ? document.defaults : (document.sections.get(section)?.options ?? new Map());
  const known = new Map(keys.map((spec) => [spec.key, spec]));
  for (const { key, place } of options.values()) {
    if (place.file === BUILT_IN) continue;
    const about = { place, section, key };
    const reason = known.get(key)?.noMeaning;
    if (reason !== undefined)
      report.add({ level: 'note', id: 'config.no-meaning', message: `has no meaning here: ${reason}`, ...about });
    if (known.has(key) || used.has(key) || Object.hasOwn(JAIL_VARIABLES, key) || key.startsWith('action_')) continue;
    const similar = nearest(key, known.keys());
    if (isDefault && similar === undefined) continue;
    const fix = similar === undefined ? 'remove it, or correct its name' : `did you mean ${similar}?`;
    report.add({
      level: 'warning',
      id: 'config.unknown-key',
      message: 'is not a known key and nothing uses it',
      ...about,
      fix,
    });
  }
}
