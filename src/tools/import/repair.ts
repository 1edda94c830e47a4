/** Mends an imported configuration: what is wrong in it is commented out, with the reason. */
import { parseAllowTerm } from '../../config/allow.js';
import { parseFactor } from '../../config/increment.js';
import { Section } from '../../config/section.js';
import { splitWords } from '../../config/values.js';
import type { Diagnostic } from '../../core/finding.js';
import { DEFAULT_SECTION } from '../../ini/parse.js';
import { Report } from '../../ini/report.js';
import { textOf } from '../../ini/value.js';
import type { Fail2banFolder } from './folder.js';
import { multipliersOf } from './settings.js';
import type { EditedFile } from './text.js';

/**
 * Options of a jail without which it still is what it was meant to be; others take the jail with
 * them.
 */
const DISPENSABLE: readonly string[] = [
  ...['bantime.formula', 'bantime.factor', 'bantime.multipliers', 'ignoreip'],
  // Whatever it runs, a ban is meant to close the firewall; Banjour's table does.
  ...['banaction', 'banaction_allports'],
];

export class Repair {
  readonly #there: Fail2banFolder;
  readonly #own: ReadonlyMap<string, EditedFile>;
  readonly #lines: Map<string, readonly string[]>;
  readonly #report: Report;

  /** Edits the files `own`; lines for jails that stand in none of them go to `lines`. */
  constructor(
    there: Fail2banFolder,
    own: ReadonlyMap<string, EditedFile>,
    lines: Map<string, readonly string[]>,
    report: Report,
  ) {
    this.#there = there;
    this.#own = own;
    this.#lines = lines;
    this.#report = report;
  }

  /** True when something was changed because of this error; an option is set aside only once. */
  mend(error: Diagnostic): boolean {
    return this.#setAside(error) || this.#readAll(error);
  }

  /** Comments out the option, or a word of it, that is wrong; false when that would not help. */
  #setAside(one: Diagnostic): boolean {
    const { place } = one;
    const file = place === undefined ? undefined : this.#own.get(place.file);
    if (file === undefined || place === undefined) return false;
    const found = file.at(place.line);
    if (found === undefined) return false;
    const { section, key, value } = found;
    if (key === 'bantime.formula' && this.#writeFormula(one, file, section, textOf(value)))
      return true;
    if (section !== DEFAULT_SECTION && section !== 'INCLUDES' && !DISPENSABLE.includes(key))
      return false;
    const reason = `${key}: ${one.message}; ${one.fix ?? ''}`;
    const words = key === 'ignoreip' ? splitWords(textOf(value)) : [];
    const good = words.filter((word) => word.startsWith('%(') || 'value' in parseAllowTerm(word));
    if (
      !file.setAside(section, key, reason, good.length === 0 ? [] : [`${key} = ${good.join(' ')}`])
    )
      return false;
    const message = `${one.message}; the line was not taken over${good.length === 0 ? '' : ' with that word'}`;
    this.#report.add({ ...one, level: 'warning', message, section, key });
    return true;
  }

  /** A formula that is arithmetic becomes the list of what it gives. */
  #writeFormula(one: Diagnostic, file: EditedFile, section: string, text: string): boolean {
    const factor = new Section(this.#there.jails, section, new Report()).parse(
      'bantime.factor',
      parseFactor,
      1,
    );
    const list = multipliersOf(text.replaceAll('%%', '%'), factor);
    if (list === undefined) return false;
    const lines = [`bantime.multipliers = ${list.join(' ')}`];
    if (
      !file.setAside(section, 'bantime.formula', 'Python is not run; this is what it gives:', lines)
    )
      return false;
    const message =
      'is Python, which is not run; it was written as the list bantime.multipliers that it gives';
    const about = {
      level: 'note',
      id: 'import.formula',
      message,
      section,
      key: 'bantime.formula',
    } as const;
    this.#report.add({ ...one, ...about, fix: 'nothing to do' });
    return true;
  }

  /** fail2ban's systemd backend reads the whole journal for a jail without a match. */
  #readAll({ id, section }: Diagnostic): boolean {
    if (id !== 'jail.no-match' || section === undefined || this.#lines.has(section)) return false;
    const reader = new Section(this.#there.jails, section, new Report());
    if (!/^systemd\b/i.test(reader.text('backend'))) return false;
    const lines = [
      '# Without a journalmatch fail2ban reads the whole journal. Better name the service: match = -u UNIT',
      'match = all',
    ];
    const last = [...this.#own.values()].findLast((file) => file.has(section));
    last?.addTo(section, lines);
    this.#lines.set(section, last === undefined ? lines : []);
    return true;
  }
}
