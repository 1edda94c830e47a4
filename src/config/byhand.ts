/**
 * A jail without a failregex: people and programs ban in it (`banjour ban JAIL ADDRESS`), and it finds nobody itself.
 * fail2ban runs such jails too; `filter =` with nothing behind it is how they are written.
 */
import { filterName, type JailName } from '../core/names.js';
import type { JailIntake } from '../core/specs.js';
import type { FilterFile } from '../ini/filterfile.js';
import { textOf } from '../ini/value.js';
import type { Reader } from './reader.js';

/** What such a jail takes in: no entry at all. */
export function handIntake(jail: JailName): JailIntake {
  const filter = { name: filterName(jail), failregex: [], ignoreregex: [], successregex: [], maxlines: 1 };
  return { jail, match: { groups: [] }, filter: { ...filter, usedns: 'no' } };
}

/** True when neither the jail nor its filter has a regex; a filter that was named for nothing is told. */
export function findsNobody(reader: Reader, filter: FilterFile, name: string): boolean {
  for (const key of ['failregex', 'successregex'] as const)
    if (reader.text(key) !== '' || textOf(filter.option(key) ?? []).trim() !== '') return false;
  reader.note(
    'jail.by-hand',
    'filter',
    `the filter "${name}" has no failregex, so the jail finds nobody itself: it holds bans by hand`,
    'nothing to do if that is meant; else write failregex = REGEX into the filter, in [Definition]',
    reader.text('filter'),
  );
  return true;
}
