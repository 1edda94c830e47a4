/**
 * The configuration part of `banjour import /etc/fail2ban`: a configuration for Banjour that bans
 * as the other one does. Nothing is written here; the caller gets names and texts.
 *
 * The administrator's files keep their names, their layers and their comments; single lines are
 * commented out where they cannot be kept. Below them lies one more file, `jail.conf`, with what
 * fail2ban's own files say and Banjour's do not.
 */
import { join } from 'node:path/posix';
import { loadConfig } from '../../config/load.js';
import { builtInText, JAIL_KEYS, JAIL_VARIABLES, SETTING_KEYS } from '../../config/schema.js';
import { Section } from '../../config/section.js';
import type { Config } from '../../config/types.js';
import { parseBoolean } from '../../config/values.js';
import { type Diagnostic, formatDiagnostic } from '../../core/finding.js';
import { loadFiles, Roots } from '../../ini/load.js';
import { DEFAULT_SECTION } from '../../ini/parse.js';
import { Report } from '../../ini/report.js';
import { overlaid, withFile } from '../../ini/tree.js';
import { BUILT_IN, textOf } from '../../ini/value.js';
import { importedActions } from './actions.js';
import { filtersOf } from './filters.js';
import { type ConfigImport, Fail2banFolder, type Written } from './folder.js';
import { readServiceLogs, warnHidden } from './host.js';
import { baseLayer, filterOf, isStockFile, isStockSource } from './layers.js';
import { Repair } from './repair.js';
import { changedSettings, editSettings } from './settings.js';
import { comment, type EditedFile, type TracedText } from './text.js';

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
interface Checked {
  readonly files: ReadonlyMap<string, Written>;
  readonly config: Config | undefined;
  readonly diagnostics: readonly Diagnostic[];
}

class Import {
  readonly #request: ConfigImport;
  readonly #target: string;
  readonly #report = new Report();
  readonly #there: Fail2banFolder;
  /** Files of the administrator, by path: jails, and settings. */
  readonly #own = new Map<string, EditedFile>();
  readonly #settings = new Map<string, EditedFile>();
  readonly #fixed = new Map<string, Written>();
  readonly #left = new Map<string, readonly Diagnostic[]>();
  /** Lines more for jails; empty for those whose lines stand in a file of the administrator. */
  readonly #lines = new Map<string, readonly string[]>();
  readonly #repair: Repair;

  constructor(request: ConfigImport) {
    this.#request = request;
    this.#target = request.target ?? '/etc/banjour';
    this.#there = new Fail2banFolder(request, this.#target, this.#report);
    for (const path of this.#there.jails.files)
      if (this.#there.isOwn(path)) this.#own.set(path, this.#there.open(path));
    this.#repair = new Repair(this.#there, this.#own, this.#lines, this.#report);
    this.#editSources();
    this.#readSettings();
    for (const [name, file] of importedActions(this.#there)) this.#fixed.set(name, file);
  }

  result(): ImportResult {
    let checked = this.#setAsideUntilSound();
    if (checked.diagnostics.some(({ level }) => level === 'error')) {
      this.#judge();
      for (const [jail, reasons] of this.#left) this.#setJailAside(jail, reasons);
      checked = this.#check();
    }
    const { logs = [] } = this.#request;
    if (checked.config !== undefined && logs.length > 0) {
      const files = [...this.#own.values()];
      const more = readServiceLogs(
        logs,
        checked.config.jails,
        this.#there.jails,
        files,
        this.#report,
      );
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
      jails: this.#there.enabled.filter((section) => !this.#left.has(section)),
      left: this.#left,
      notifies: checked.config?.jails.some(({ notify }) => notify.length > 0) ?? false,
    };
  }

  #file(name: string, text: string, sources: readonly string[]): ImportedFile {
    return {
      text,
      sources,
      origin: join(this.#there.path, name.replace(/^banjour(?=\.)/, 'fail2ban')),
    };
  }

  /**
   * True for a file whose values are read as they are, not through the layer below the
   * administrator's.
   */
  #isTaken(path: string): boolean {
    return path !== BUILT_IN && (this.#own.has(path) || !isStockFile(path));
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
          !this.#there.shippedJails.sections.has(section) ||
          this.#there.ownFilters.has(filterOf(this.#there.jails, section))
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
          else if (isStockSource(this.#there.jails, section, option))
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
    const document = loadFiles(
      this.#there.roots,
      this.#there.roots.family('fail2ban'),
      this.#report,
      builtIn,
    );
    const stock = join(this.#there.path, 'fail2ban.conf');
    for (const path of document.files) {
      if (path === BUILT_IN || path === stock || this.#there.nameOf(path) === undefined) continue;
      const file = this.#there.open(path);
      editSettings(file, document, this.#report);
      if (!file.isSpent) this.#settings.set(path, file);
    }
    const changed = this.#there.changed('fail2ban.conf')
      ? changedSettings(document, stock, this.#report)
      : undefined;
    if (changed !== undefined) this.#fixed.set('banjour.conf', { ...changed, sources: [stock] });
  }

  #files(): Map<string, Written> {
    const files = new Map(this.#fixed);
    const put = (name: string, written: TracedText, sources: readonly string[]) =>
      files.set(name, { ...written, sources });
    for (const [path, file] of this.#settings)
      put(
        (this.#there.nameOf(path) as string).replace(/^fail2ban(?=\.)/, 'banjour'),
        file.result(),
        [path],
      );
    for (const [path, file] of this.#own)
      put(this.#there.nameOf(path) as string, file.result(), [path]);
    const jails = this.#there.enabled.filter((jail) => !this.#left.has(jail));
    const target = new Roots(overlaid(this.#there.tree, this.#target, files), [
      this.#request.shippedRoot,
      this.#target,
    ]);
    const ours = loadFiles(
      target,
      [this.#request.shippedRoot, this.#target].flatMap((folder) =>
        new Roots(overlaid(this.#there.tree, this.#target, files), [folder]).family('jail'),
      ),
      new Report(),
      { file: BUILT_IN, text: builtInText(JAIL_KEYS, JAIL_VARIABLES) },
    );
    const isInOwn = (jail: string) => [...this.#own.values()].some((file) => file.has(jail));
    const base = baseLayer(
      {
        theirs: this.#there.jails,
        ours,
        shipped: this.#there.shippedJails,
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
        ownFilters: this.#there.ownFilters,
      },
      this.#there.path,
    );
    const stock = this.#there.jails.files.filter(
      (path) => path !== BUILT_IN && !this.#own.has(path),
    );
    if (base !== undefined) put(BASE, base, stock);
    const filters = filtersOf(
      this.#there.jails,
      jails,
      this.#there.roots,
      this.#there.shippedRoots,
      this.#there.ownFilters,
      new Report(),
    );
    for (const [name, text] of filters) {
      const path = join(this.#there.path, name);
      const places = text.split('\n').map((_, index) => ({ file: path, line: index + 1 }));
      files.set(name, { text, places, sources: [path] });
    }
    return files;
  }

  /** Loads the result as it would be; `only` is the one jail that is judged. */
  #check(only?: string): Checked {
    const files = this.#files();
    const others = this.#there.enabled.filter((jail) => only !== undefined && jail !== only);
    const judged = '(judged alone)';
    const { config, diagnostics } = loadConfig({
      shippedRoot: this.#request.shippedRoot,
      adminRoot: this.#target,
      tree: withFile(
        overlaid(
          this.#there.tree,
          this.#target,
          new Map([...files, ...this.#there.unmappedActions()]),
        ),
        judged,
        others.map((jail) => `[${jail}]\nenabled = false\n`).join(''),
      ),
      ...(only === undefined ? {} : { extraFiles: [judged] }),
    });
    return { files, config, diagnostics: diagnostics.map((one) => this.#atSource(one, files)) };
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
      if (errors.filter((one) => this.#repair.mend(one)).length === 0) return checked;
    }
  }

  /** A jail that cannot come along must not keep the others from it: each is judged alone. */
  #judge(): void {
    for (const jail of this.#there.enabled) {
      const place = this.#there.jails.sections.get(jail)?.place;
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
    warnHidden(config.jails, this.#there.jails, this.#report);
    const all = new Section(this.#there.jails, DEFAULT_SECTION, this.#report);
    for (const { name } of config.jails) {
      const reader = new Section(this.#there.jails, name, this.#report);
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
      section === undefined || key === undefined
        ? undefined
        : this.#there.jails.option(section, key);
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
