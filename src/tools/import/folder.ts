/**
 * What fail2ban's folder holds: its jails, which of its files are the administrator's, and which
 * filters and actions were changed.
 */
import { join, normalize } from 'node:path/posix';
import { isBanAction } from '../../config/actions.js';
import { isNotification } from '../../config/notify.js';
import { builtInText, JAIL_KEYS, JAIL_VARIABLES } from '../../config/schema.js';
import { Section } from '../../config/section.js';
import { parseBoolean } from '../../config/values.js';
import { loadFiles, Roots } from '../../ini/load.js';
import type { IniDocument } from '../../ini/parse.js';
import { Report } from '../../ini/report.js';
import type { FileTree } from '../../ini/tree.js';
import { diskTree } from '../../ini/tree.js';
import { BUILT_IN } from '../../ini/value.js';
import { isForeignFilter } from './filters.js';
import type { MailLog } from './host.js';
import { filterOf, isStockFile } from './layers.js';
import { EditedFile, type TracedText } from './text.js';

export interface ConfigImport {
  /** fail2ban's folder, e.g. /etc/fail2ban. */
  readonly from: string;
  readonly shippedRoot: string;
  /** Where the result will lie; only for what is said of it. */
  readonly target?: string;
  readonly tree?: FileTree;
  /** True when a file below `from` is not what its package brought; undefined when nobody knows. */
  readonly changed?: (name: string) => boolean | undefined;
  /** Log files that services write themselves. */
  readonly logs?: readonly MailLog[];
}

/** A file of the result; each line knows where it came from. */
export interface Written extends TracedText {
  readonly sources: readonly string[];
}

export class Fail2banFolder {
  readonly path: string;
  readonly tree: FileTree;
  readonly roots: Roots;
  readonly shippedRoots: Roots;
  readonly report: Report;
  /** The jails as fail2ban reads them, and as Banjour ships them. */
  readonly jails: IniDocument;
  readonly shippedJails: IniDocument;
  /** Names of the jails that are enabled. */
  readonly enabled: readonly string[];
  /** Filters that are not as fail2ban brings them, and go before Banjour's of that name. */
  readonly ownFilters: ReadonlySet<string>;
  readonly #request: ConfigImport;

  constructor(request: ConfigImport, target: string, report: Report) {
    this.#request = request;
    this.report = report;
    this.path = normalize(request.from).replace(/(?<=.)\/$/, '');
    this.tree = request.tree ?? diskTree;
    this.roots = new Roots(this.tree, [this.path]);
    this.shippedRoots = new Roots(this.tree, [request.shippedRoot]);
    const text = builtInText(JAIL_KEYS, JAIL_VARIABLES);
    this.jails = loadFiles(this.roots, this.roots.family('jail'), report, {
      file: BUILT_IN,
      text: `${text}fail2ban_confpath = ${this.path}\n`,
    });
    this.shippedJails = loadFiles(
      this.shippedRoots,
      this.shippedRoots.family('jail'),
      new Report(),
      { file: BUILT_IN, text },
    );
    this.enabled = [...this.jails.sections.keys()].filter(
      (section) =>
        section !== 'INCLUDES' &&
        new Section(this.jails, section, report).parse('enabled', parseBoolean, false),
    );
    this.ownFilters = this.#findOwnFilters(target);
  }

  /** True when a file below the folder is known not to be what its package brought. */
  changed(name: string): boolean {
    return this.#request.changed?.(name) === true;
  }

  /** The name of a file below fail2ban's folder; undefined for one elsewhere. */
  nameOf(path: string): string | undefined {
    return path.startsWith(`${this.path}/`) ? path.slice(this.path.length + 1) : undefined;
  }

  /** True for a file of the administrator. */
  isOwn(path: string): boolean {
    const name = this.nameOf(path);
    if (name === undefined) return false;
    return !isStockFile(path) || (name.startsWith('jail.d/') && this.changed(name));
  }

  /** A file, to be edited. */
  open(path: string): EditedFile {
    const content = this.roots.read(path);
    return new EditedFile(path, content !== undefined && 'text' in content ? content.text : '');
  }

  /**
   * Actions of fail2ban's folder that have no meaning here: they are there while the result is
   * judged, to be named.
   */
  unmappedActions(): Map<string, { readonly text: string }> {
    const names = this.tree
      .list(join(this.path, 'action.d'))
      .filter((name) => name.endsWith('.conf'));
    const own = names.filter((name) => {
      const action = name.slice(0, -'.conf'.length);
      return (
        !isBanAction(action) &&
        !isNotification(action) &&
        this.#request.changed?.(`action.d/${name}`) !== false
      );
    });
    return new Map(own.map((name) => [`action.d/${name}`, { text: '' }]));
  }

  #findOwnFilters(target: string): ReadonlySet<string> {
    const found = new Set<string>();
    for (const jail of this.enabled) {
      const name = filterOf(this.jails, jail);
      if (found.has(name) || this.shippedRoots.find(`filter.d/${name}.conf`).length === 0) continue;
      const isThere = this.roots.find(`filter.d/${name}.conf`).length > 0;
      if (!isThere || !(isForeignFilter(name) || this.changed(`filter.d/${name}.conf`))) continue;
      found.add(name);
      new Section(this.jails, jail, this.report).note(
        'import.own-filter',
        'filter',
        `filter.d/${name}.conf there is not as fail2ban brings it, so it comes along and goes before Banjour's filter of that name`,
        `to use Banjour's: remove ${target}/filter.d/${name}.conf, and write what you changed into filter.d/${name}.local`,
      );
    }
    return found;
  }
}
