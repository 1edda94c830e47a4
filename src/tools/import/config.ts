/**
 * The configuration part of `banjour import /etc/fail2ban`: a configuration for Banjour that bans
 * as the other one does. Nothing is written here; the caller gets names and texts.
 *
 * The administrator's files keep their names, their layers and their comments; single lines are
 * commented out where they cannot be kept. Below them lies one more file, `jail.conf`, with what
 * fail2ban's own files say and Banjour's do not.
 */
import { basename, dirname, join, normalize } from 'node:path/posix';
import { isBanAction } from '../../config/actions.js';
import { parseAllowTerm } from '../../config/allow.js';
import { parseFactor } from '../../config/jail.js';
import { loadConfig } from '../../config/load.js';
import { isNotification } from '../../config/notify.js';
import { builtInText, JAIL_KEYS, JAIL_VARIABLES, SETTING_KEYS } from '../../config/schema.js';
import { ActionFiles, Section } from '../../config/section.js';
import type { Config } from '../../config/types.js';
import { parseBoolean, parseVerdict, splitWords } from '../../config/values.js';
import { type Diagnostic, formatDiagnostic } from '../../core/finding.js';
import { parseCalls } from '../../ini/calls.js';
import { loadFiles, Roots } from '../../ini/load.js';
import type { IniDocument } from '../../ini/parse.js';
import { DEFAULT_SECTION } from '../../ini/parse.js';
import { Report } from '../../ini/report.js';
import type { FileTree } from '../../ini/tree.js';
import { diskTree } from '../../ini/tree.js';
import { BUILT_IN, textOf } from '../../ini/value.js';
import { filtersOf, isForeignFilter } from './filters.js';
import { type MailLog, readServiceLogs, warnHidden } from './host.js';
import { baseLayer, filterOf, isStockFile, isStockSource } from './layers.js';
import { changedSettings, editSettings, multipliersOf } from './settings.js';
import { comment, EditedFile, type TracedText, traced } from './text.js';

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

export interface ImportedFile {
  readonly text: string;
  /** The file of fail2ban's that it stands for. */
  readonly origin: string;
  /** The files whose content is in it. */
  readonly sources: readonly string[];
}

export interface ImportResult {
  /** Files for /etc/banjour, by their name below it. */
  readonly files: ReadonlyMap<string, ImportedFile>;
  /**
   * What the result says when it is checked as /etc/banjour would be, and what could not be read.
   */
  readonly diagnostics: readonly Diagnostic[];
  /** Jails that were enabled there and come along. */
  readonly jails: readonly string[];
  /** Jails that were enabled there and are written commented out, with the reasons. */
  readonly left: ReadonlyMap<string, readonly Diagnostic[]>;
  /** True when a jail that comes along tells somebody of its bans. */
  readonly notifies: boolean;
}

/** Reads fail2ban's configuration and writes Banjour's. Never throws for what files contain. */
export function importConfig(request: ConfigImport): ImportResult {
  return new Import(request).result();
}

/** The layer below the administrator's files. */
const BASE = 'jail.conf';
/**
 * Debian's match of sshd (jail.d/defaults-debian.conf): OpenSSH 10 logs as sshd-session, and _COMM
 * is anybody's.
 */
const DEBIAN_SSHD = /^_SYSTEMD_UNIT=sshd?\.service\s*\+\s*_COMM=sshd$/;
/**
 * Options of a jail without which it still is what it was meant to be; others take the jail with
 * them.
 */
const DISPENSABLE: readonly string[] = [
  ...['bantime.formula', 'bantime.factor', 'bantime.multipliers', 'ignoreip'],
  // Whatever it runs, a ban is meant to close the firewall; Banjour's table does.
  ...['banaction', 'banaction_allports'],
];

interface Checked {
  readonly files: ReadonlyMap<string, Written>;
  readonly config: Config | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

interface Written extends TracedText {
  readonly sources: readonly string[];
}

class Import {
  readonly #from: string;
  readonly #target: string;
  readonly #tree: FileTree;
  readonly #roots: Roots;
  readonly #shippedRoots: Roots;
  readonly #changed: (name: string) => boolean;
  readonly #report = new Report();
  readonly #theirs: IniDocument;
  readonly #shipped: IniDocument;
  readonly #enabled: readonly string[];
  /** Files of the administrator, by path: jails, and settings. */
  readonly #own = new Map<string, EditedFile>();
  readonly #settings = new Map<string, EditedFile>();
  readonly #fixed = new Map<string, Written>();
  readonly #ownFilters = new Set<string>();
  readonly #left = new Map<string, readonly Diagnostic[]>();
  /** Lines more for jails; empty for those whose lines stand in a file of the administrator. */
  readonly #lines = new Map<string, readonly string[]>();

  constructor(private readonly request: ConfigImport) {
    this.#from = normalize(request.from).replace(/(?<=.)\/$/, '');
    this.#target = request.target ?? '/etc/banjour';
    this.#tree = request.tree ?? diskTree;
    this.#roots = new Roots(this.#tree, [this.#from]);
    this.#shippedRoots = new Roots(this.#tree, [request.shippedRoot]);
    this.#changed = (name) => request.changed?.(name) === true;
    const builtIn = {
      file: BUILT_IN,
      text: `${builtInText(JAIL_KEYS, JAIL_VARIABLES)}fail2ban_confpath = ${this.#from}\n`,
    };
    this.#theirs = loadFiles(this.#roots, this.#roots.family('jail'), this.#report, builtIn);
    const preset = { file: BUILT_IN, text: builtInText(JAIL_KEYS, JAIL_VARIABLES) };
    this.#shipped = loadFiles(
      this.#shippedRoots,
      this.#shippedRoots.family('jail'),
      new Report(),
      preset,
    );
    this.#enabled = [...this.#theirs.sections.keys()].filter(
      (section) =>
        section !== 'INCLUDES' &&
        new Section(this.#theirs, section, this.#report).parse('enabled', parseBoolean, false),
    );
    for (const path of this.#theirs.files)
      if (this.#isOwn(path)) this.#own.set(path, this.#open(path));
    this.#findOwnFilters();
    this.#editSources();
    this.#readSettings();
    this.#readActions();
  }

  result(): ImportResult {
    let checked = this.#setAsideUntilSound();
    if (checked.diagnostics.some(({ level }) => level === 'error')) {
      this.#judge();
      for (const [jail, reasons] of this.#left) this.#setJailAside(jail, reasons);
      checked = this.#check();
    }
    const { logs = [] } = this.request;
    if (checked.config !== undefined && logs.length > 0) {
      const files = [...this.#own.values()];
      const more = readServiceLogs(logs, checked.config.jails, this.#theirs, files, this.#report);
      for (const [jail, lines] of more) this.#lines.set(jail, lines);
      checked = this.#check();
    }
    if (checked.config !== undefined) this.#tell(checked.config);
    const told = [...this.#report.diagnostics, ...checked.diagnostics].filter(
      ({ level, section }) =>
        level !== 'error' || section === undefined || !this.#left.has(section),
    );
    return {
      files: new Map(
        [...checked.files].map(([name, { text, sources }]) => [
          name,
          this.#file(name, text, sources),
        ]),
      ),
      diagnostics: [...new Map(told.map((one) => [formatDiagnostic(one), one])).values()],
      jails: this.#enabled.filter((section) => !this.#left.has(section)),
      left: this.#left,
      notifies: checked.config?.jails.some(({ notify }) => notify.length > 0) ?? false,
    };
  }

  #file(name: string, text: string, sources: readonly string[]): ImportedFile {
    return { text, sources, origin: join(this.#from, name.replace(/^banjour(?=\.)/, 'fail2ban')) };
  }

  /** The name of a file below fail2ban's folder; undefined for one elsewhere. */
  #nameOf(path: string): string | undefined {
    return path.startsWith(`${this.#from}/`) ? path.slice(this.#from.length + 1) : undefined;
  }

  #isOwn(path: string): boolean {
    const name = this.#nameOf(path);
    if (name === undefined) return false;
    return !isStockFile(path) || (name.startsWith('jail.d/') && this.#changed(name));
  }

  /**
   * True for a file whose values are read as they are, not through the layer below the
   * administrator's.
   */
  #isTaken(path: string): boolean {
    return path !== BUILT_IN && (this.#own.has(path) || !isStockFile(path));
  }

  #open(path: string): EditedFile {
    const content = this.#roots.read(path);
    return new EditedFile(path, content !== undefined && 'text' in content ? content.text : '');
  }

  #findOwnFilters(): void {
    for (const jail of this.#enabled) {
      const name = filterOf(this.#theirs, jail);
      if (
        this.#ownFilters.has(name) ||
        this.#shippedRoots.find(`filter.d/${name}.conf`).length === 0
      )
        continue;
      const isThere = this.#roots.find(`filter.d/${name}.conf`).length > 0;
      if (!isThere || !(isForeignFilter(name) || this.#changed(`filter.d/${name}.conf`))) continue;
      this.#ownFilters.add(name);
      new Section(this.#theirs, jail, this.#report).note(
        'import.own-filter',
        'filter',
        `filter.d/${name}.conf there is not as fail2ban brings it, so it comes along and goes before Banjour's filter of that name`,
        `to use Banjour's: remove ${this.#target}/filter.d/${name}.conf, and write what you changed into filter.d/${name}.local`,
      );
    }
  }

  /**
   * Comments out what says where to read from in fail2ban's way, where Banjour's shipped jail knows
   * better.
   */
  #editSources(): void {
    for (const file of this.#own.values()) {
      const all = file.option(DEFAULT_SECTION, 'enabled');
      if (all !== undefined && parsesTrue(textOf(all.value)))
        file.setAside(
          DEFAULT_SECTION,
          'enabled',
          'Every jail of fail2ban was enabled; here each is by its name',
        );
      for (const section of file.sections()) {
        if (
          !this.#shipped.sections.has(section) ||
          this.#ownFilters.has(filterOf(this.#theirs, section))
        )
          continue;
        for (const option of file.options(section))
          if (
            option.key === 'journalmatch' &&
            section === 'sshd' &&
            DEBIAN_SSHD.test(textOf(option.value).trim())
          )
            file.setAside(
              section,
              option.key,
              "Debian's match misses sshd-session; the filter knows the units",
            );
          else if (isStockSource(this.#theirs, section, option))
            file.setAside(
              section,
              option.key,
              "As in fail2ban's own file; Banjour's jail knows where to read",
            );
      }
    }
  }

  #readSettings(): void {
    const builtIn = { file: BUILT_IN, text: builtInText(SETTING_KEYS) };
    const document = loadFiles(this.#roots, this.#roots.family('fail2ban'), this.#report, builtIn);
    const stock = join(this.#from, 'fail2ban.conf');
    for (const path of document.files) {
      if (path === BUILT_IN || path === stock || this.#nameOf(path) === undefined) continue;
      const file = this.#open(path);
      editSettings(file, document, this.#report);
      if (!file.isSpent) this.#settings.set(path, file);
    }
    const changed = this.#changed('fail2ban.conf')
      ? changedSettings(document, stock, this.#report)
      : undefined;
    if (changed !== undefined) this.#fixed.set('banjour.conf', { ...changed, sources: [stock] });
  }

  /**
   * Overlays of actions come along, since they say what a ban closes; changed commands are named.
   */
  #readActions(): void {
    for (const name of this.#tree.list(join(this.#from, 'action.d')))
      if (name.endsWith('.local')) this.#copy(`action.d/${name}`);
    this.#keepVerdict();
    const told = new Set<string>();
    for (const jail of this.#enabled) {
      const reader = new Section(this.#theirs, jail, this.#report);
      // What is broken is told where the result is judged, unless it is broken there alone.
      const value = new Section(this.#theirs, jail, new Report()).value('action') ?? [];
      const calls = parseCalls(value, new Report(), { section: jail, key: 'action' }) ?? [];
      for (const { name, place } of calls) {
        const file = `action.d/${name}.conf`;
        if (told.has(name) || !(isBanAction(name) || isNotification(name)) || !this.#changed(file))
          continue;
        told.add(name);
        const fix =
          'nothing to do if its ports, protocol, blocktype and chain are all you changed in jail.local';
        const message = `${this.#from}/${file} was changed; its commands are not run here`;
        reader.warnAt(place, 'import.changed-action', 'action', message, fix);
      }
    }
  }

  /**
   * What becomes of banned packets is said beside the actions: fail2ban answers them, Banjour's own
   * file says drop.
   */
  #keepVerdict(): void {
    const verdictOf = (roots: Roots) => {
      const stated = new ActionFiles(roots, new Report()).find(
        ['nftables-common', 'nftables'],
        'blocktype',
      );
      const parsed = stated === undefined ? undefined : parseVerdict(stated.text);
      return parsed !== undefined && 'value' in parsed
        ? { verdict: parsed.value, place: stated?.place }
        : undefined;
    };
    const there = verdictOf(this.#roots);
    if (there === undefined || there.verdict === verdictOf(this.#shippedRoots)?.verdict) return;
    const { verdict, place } = there;
    const written = traced([
      [comment('As fail2ban has it. reject: banned hosts get an answer. drop: they get none.')],
      ['[Init]'],
      place === undefined ? [`blocktype = ${verdict}`] : [`blocktype = ${verdict}`, place],
    ]);
    const file = place === undefined ? [] : [place.file];
    this.#fixed.set('action.d/nftables-common.conf', { ...written, sources: file });
  }

  #copy(name: string): void {
    const path = join(this.#from, name);
    const content = this.#roots.read(path);
    if (content === undefined || !('text' in content)) return;
    const places = content.text.split('\n').map((_, index) => ({ file: path, line: index + 1 }));
    this.#fixed.set(name, { text: content.text, places, sources: [path] });
  }

  #files(): Map<string, Written> {
    const files = new Map(this.#fixed);
    const put = (name: string, written: TracedText, sources: readonly string[]) =>
      files.set(name, { ...written, sources });
    for (const [path, file] of this.#settings)
      put((this.#nameOf(path) as string).replace(/^fail2ban(?=\.)/, 'banjour'), file.result(), [
        path,
      ]);
    for (const [path, file] of this.#own) put(this.#nameOf(path) as string, file.result(), [path]);
    const jails = this.#enabled.filter((jail) => !this.#left.has(jail));
    const target = new Roots(overlaid(this.#tree, this.#target, files), [
      this.request.shippedRoot,
      this.#target,
    ]);
    const ours = loadFiles(
      target,
      [this.request.shippedRoot, this.#target].flatMap((folder) =>
        new Roots(overlaid(this.#tree, this.#target, files), [folder]).family('jail'),
      ),
      new Report(),
      { file: BUILT_IN, text: builtInText(JAIL_KEYS, JAIL_VARIABLES) },
    );
    const isInOwn = (jail: string) => [...this.#own.values()].some((file) => file.has(jail));
    const base = baseLayer(
      {
        theirs: this.#theirs,
        ours,
        shipped: this.#shipped,
        jails,
        isOwn: ({ place }) =>
          this.#isTaken(place.file) && this.#own.get(place.file)?.isAside(place.line) !== true,
        isAside: ({ place }) => this.#own.get(place.file)?.isAside(place.line) === true,
        left: new Map(
          [...this.#left]
            .filter(([jail]) => !isInOwn(jail))
            .map(([jail, why]) => [jail, reasonLines(why)]),
        ),
        lines: new Map([...this.#lines].filter(([, lines]) => lines.length > 0)),
        ownFilters: this.#ownFilters,
      },
      this.#from,
    );
    const stock = this.#theirs.files.filter((path) => path !== BUILT_IN && !this.#own.has(path));
    if (base !== undefined) put(BASE, base, stock);
    const filters = filtersOf(
      this.#theirs,
      jails,
      this.#roots,
      this.#shippedRoots,
      this.#ownFilters,
      new Report(),
    );
    for (const [name, text] of filters) {
      const path = join(this.#from, name);
      const places = text.split('\n').map((_, index) => ({ file: path, line: index + 1 }));
      files.set(name, { text, places, sources: [path] });
    }
    return files;
  }

  /** Loads the result as it would be; `only` is the one jail that is judged. */
  #check(only?: string): Checked {
    const files = this.#files();
    const others = this.#enabled.filter((jail) => only !== undefined && jail !== only);
    const judged = '(judged alone)';
    const { config, diagnostics } = loadConfig({
      shippedRoot: this.request.shippedRoot,
      adminRoot: this.#target,
      tree: withFile(
        overlaid(this.#tree, this.#target, new Map([...files, ...this.#unmapped()])),
        judged,
        others.map((jail) => `[${jail}]\nenabled = false\n`).join(''),
      ),
      ...(only === undefined ? {} : { extraFiles: [judged] }),
    });
    return { files, config, diagnostics: diagnostics.map((one) => this.#atSource(one, files)) };
  }

  /**
   * Actions of fail2ban's folder that have no meaning here: they are there while the result is
   * judged, to be named.
   */
  #unmapped(): Map<string, { readonly text: string }> {
    const names = this.#tree
      .list(join(this.#from, 'action.d'))
      .filter((name) => name.endsWith('.conf'));
    const own = names.filter((name) => {
      const action = name.slice(0, -'.conf'.length);
      return (
        !isBanAction(action) &&
        !isNotification(action) &&
        this.request.changed?.(`action.d/${name}`) !== false
      );
    });
    return new Map(own.map((name) => [`action.d/${name}`, { text: '' }]));
  }

  /**
   * Comments out single options that are wrong for all jails, or without which their jail is still
   * what it was.
   */
  #setAsideUntilSound(): Checked {
    for (;;) {
      const checked = this.#check();
      const errors = checked.diagnostics.filter(({ level }) => level === 'error');
      // It ends, since an option is set aside only once, and a jail gets its match only once.
      if (errors.filter((one) => this.#setAside(one) || this.#readAll(one)).length === 0)
        return checked;
    }
  }

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
    const factor = new Section(this.#theirs, section, new Report()).parse(
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
    const reader = new Section(this.#theirs, section, new Report());
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

  /** A jail that cannot come along must not keep the others from it: each is judged alone. */
  #judge(): void {
    for (const jail of this.#enabled) {
      const place = this.#theirs.sections.get(jail)?.place;
      const reasons = [
        ...this.#report.diagnostics.filter(({ section }) => section === jail),
        ...this.#check(jail).diagnostics.map((one) =>
          one.section === jail || place === undefined
            ? one
            : { ...one, section: jail, place: one.place ?? place },
        ),
      ].filter(({ level }) => level === 'error');
      if (reasons.length > 0) this.#left.set(jail, reasons);
    }
  }

  #setJailAside(jail: string, reasons: readonly Diagnostic[]): void {
    const files = [...this.#own.values()].filter((file) => file.has(jail));
    for (const file of files)
      file.setSectionAside(jail, [
        comment(`The jail ${jail} was not taken over:`),
        ...reasonLines(reasons),
      ]);
  }

  /** What is right and may surprise all the same. */
  #tell(config: Config): void {
    warnHidden(config.jails, this.#theirs, this.#report);
    const all = new Section(this.#theirs, DEFAULT_SECTION, this.#report);
    for (const { name } of config.jails) {
      const reader = new Section(this.#theirs, name, this.#report);
      if (reader.own('ignoreip') && reader.text('ignoreip') !== '' && all.text('ignoreip') !== '')
        reader.note(
          'import.ignoreip',
          'ignoreip',
          'adds to ignoreip of [DEFAULT] here, and replaces it in fail2ban',
          'nothing to do, unless an address of [DEFAULT] is to be banned by this jail',
        );
    }
  }

  /** A diagnostic of the result, at the place in fail2ban's files that the line came from. */
  #atSource(one: Diagnostic, files: ReadonlyMap<string, Written>): Diagnostic {
    const { place } = one;
    const inside = place?.file.startsWith(`${this.#target}/`) === true;
    const written =
      place === undefined || !inside
        ? undefined
        : files.get(place.file.slice(this.#target.length + 1));
    const origin = place === undefined ? undefined : written?.places[place.line - 1];
    if (origin !== undefined) return { ...one, place: origin };
    const { section, key } = one;
    const stated =
      section === undefined || key === undefined ? undefined : this.#theirs.option(section, key);
    return stated === undefined || stated.place.file === BUILT_IN
      ? one
      : { ...one, place: stated.place };
  }
}

function parsesTrue(text: string): boolean {
  const parsed = parseBoolean(text);
  return 'value' in parsed && parsed.value;
}

/** Reasons as comment lines, one diagnostic each. */
function reasonLines(reasons: readonly Diagnostic[]): string[] {
  return reasons.map((reason) => comment(formatDiagnostic(reason), '  '));
}

/** The tree as it would be with the files below `folder`, and with nothing else there. */
function overlaid(
  tree: FileTree,
  folder: string,
  files: ReadonlyMap<string, { readonly text: string }>,
): FileTree {
  const inside = (path: string) => path === folder || path.startsWith(`${folder}/`);
  return {
    read: (path) => {
      if (!inside(path)) return tree.read(path);
      const file = files.get(path.slice(folder.length + 1));
      return file === undefined ? undefined : { text: file.text };
    },
    list: (path) =>
      inside(path)
        ? [...files.keys()]
            .filter((name) => dirname(join(folder, name)) === path)
            .map((name) => basename(name))
            .sort()
        : tree.list(path),
  };
}

function withFile(tree: FileTree, name: string, text: string): FileTree {
  return { ...tree, read: (path) => (path === name ? { text } : tree.read(path)) };
}
