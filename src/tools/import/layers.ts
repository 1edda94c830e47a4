/**
 * What fail2ban's own files say and Banjour's shipped ones say otherwise: a layer below the
 * administrator's files, as `jail.conf` is in fail2ban. It holds only what counts: for [DEFAULT],
 * for jails that are enabled, and the names that the administrator's values use.
 */
import { basename } from 'node:path/posix';
import { JAIL_KEYS, JAIL_VARIABLES } from '../../config/schema.js';
import { Section } from '../../config/section.js';
import { parseBoolean, parseDuration, parsePorts } from '../../config/values.js';
import type { FilePosition } from '../../core/finding.js';
import { interpolateOption } from '../../ini/interpolate.js';
import type { IniDocument } from '../../ini/parse.js';
import { DEFAULT_SECTION, type IniOption } from '../../ini/parse.js';
import { Report } from '../../ini/report.js';
import { BUILT_IN, textOf } from '../../ini/value.js';
import { comment, type TracedText, traced } from './text.js';

/**
 * Where lines come from: fail2ban's stock files name log files where Banjour's shipped jails name
 * units.
 */
const SOURCES: readonly string[] = [
  'backend',
  'logpath',
  'logencoding',
  'logtimezone',
  'journalmatch',
];
/**
 * Never carried over from stock files: names are never resolved, and the chain is the table's own.
 */
const LEFT_OUT: readonly string[] = ['enabled', 'usedns', 'ignorecache', 'chain'];
const KEYS: readonly string[] = JAIL_KEYS.map(({ key }) => key).filter(
  (key) => !LEFT_OUT.includes(key),
);
/** Stock values that mean here what the shipped ones mean, or nothing. */
const SAME_HERE: Readonly<Record<string, RegExp>> = {
  banaction: /^(?:iptables|nftables)(?:-multiport|\[type=multiport\])?$/,
  banaction_allports: /^(?:iptables|nftables)(?:-allports|\[type=allports\])$/,
  destemail: /^root@localhost$/,
  sender: /^root@<fq-hostname>$/,
  maxmatches: /^%\(maxretry\)s$/,
  filter: /^%\(__name__\)s\[mode=%\(mode\)s\]$/,
};

/**
 * True when the file is one of those that fail2ban's packages bring, and that say what holds when
 * nobody else does.
 */
export function isStockFile(file: string): boolean {
  return /^(?:jail\.conf|paths-[\w-]+\.conf|defaults-[\w-]+\.conf)$/.test(basename(file));
}

/** fail2ban's name for its own folder; scripts that a value names by it stay there. */
const CONFPATH = 'fail2ban_confpath';

export interface Layers {
  /** fail2ban's configuration, whole. */
  readonly theirs: IniDocument;
  /** Banjour's, with the administrator's files in place. */
  readonly ours: IniDocument;
  /** Banjour's alone. */
  readonly shipped: IniDocument;
  /** Jails that come along. */
  readonly jails: readonly string[];
  /**
   * True for an option of `theirs` that stands in a file of the administrator and is taken over.
   */
  readonly isOwn: (option: IniOption) => boolean;
  /** The same for one that is not taken over, so that what lies below it counts. */
  readonly isAside: (option: IniOption) => boolean;
  /**
   * Jails that were enabled there, do not come along, and stand in no file of the administrator;
   * why.
   */
  readonly left: ReadonlyMap<string, readonly string[]>;
  /** Lines more for jails that stand in no file of the administrator. */
  readonly lines: ReadonlyMap<string, readonly string[]>;
  /** Filters that the administrator has written or changed: theirs go before the shipped ones. */
  readonly ownFilters: ReadonlySet<string>;
}

interface Line {
  readonly key: string;
  readonly text: string;
  readonly option?: IniOption;
}

/** The layer; undefined when the shipped files say the same already. */
export function baseLayer(layers: Layers, from: string): TracedText | undefined {
  const sections = new Map<string, Line[]>();
  const add = (section: string, lines: readonly Line[]) => {
    if (lines.length > 0 || layers.lines.has(section))
      sections.set(section, [...(sections.get(section) ?? []), ...lines]);
  };
  add(DEFAULT_SECTION, missingNames(layers));
  add(DEFAULT_SECTION, ofDefault(layers));
  const settled = new Map(
    (sections.get(DEFAULT_SECTION) ?? []).map(({ key, text }) => [key, text]),
  );
  for (const jail of layers.jails) add(jail, ofJail(jail, layers, settled));
  const off = offHere(layers);
  for (const jail of layers.lines.keys()) add(jail, []);
  if (sections.size + off.length + layers.left.size === 0) return undefined;
  const lines: (readonly [string, FilePosition?])[] = [
    [
      comment(
        `What the files that fail2ban's package brings say (${from}) and Banjour's shipped ones say otherwise.`,
      ),
    ],
    [comment('Your own files win over this one.')],
  ];
  for (const [section, options] of sections) {
    const header = layers.theirs.sections.get(section)?.place;
    lines.push([''], header === undefined ? [`[${section}]`] : [`[${section}]`, header]);
    for (const { key, text, option } of options) {
      const place = option?.place;
      if (place !== undefined && place.file !== BUILT_IN)
        lines.push([`# ${place.file}:${place.line}`, place]);
      const shown = `${key} = ${text.split('\n').join('\n    ')}`;
      lines.push(place === undefined ? [shown] : [shown, place]);
    }
    for (const line of layers.lines.get(section) ?? []) lines.push([line]);
  }
  for (const [section, reasons] of layers.left)
    lines.push(
      [''],
      [comment(`The jail ${section} was not taken over:`)],
      ...reasons.map((one) => [one] as const),
    );
  for (const section of off)
    lines.push([''], ['# Not enabled in fail2ban'], [`[${section}]`], ['enabled = false']);
  return traced(lines);
}

/** Shipped jails that run unless somebody says otherwise, and that fail2ban did not run. */
function offHere({ ours, shipped, jails }: Layers): string[] {
  return [...shipped.sections.keys()].filter(
    (section) => section !== 'INCLUDES' && !jails.includes(section) && isOn(ours, section),
  );
}

function isOn(document: IniDocument, section: string): boolean {
  return new Section(document, section, new Report()).parse('enabled', parseBoolean, false);
}

/** What must be said of [DEFAULT] so that it means here what it meant there. */
function ofDefault(layers: Layers): Line[] {
  const { theirs, ours, shipped, isOwn } = layers;
  return KEYS.flatMap((key) => {
    const winning = theirs.defaults.get(key);
    const stock = stockOf(winning, layers);
    if (stock === undefined || stock.place.file === BUILT_IN || SOURCES.includes(key)) return [];
    const raw = rawOf(stock);
    if (SAME_HERE[key]?.test(raw) === true || raw === rawOf(shipped.defaults.get(key))) return [];
    const now = winning !== undefined && isOwn(winning) ? shipped : ours;
    const text = resolved(theirs, stock, DEFAULT_SECTION);
    return sameValue(key, text, resolved(now, now.defaults.get(key), DEFAULT_SECTION))
      ? []
      : [{ key, text: written(raw, text), option: stock }];
  });
}

/** What must be said of a jail; `settled` is what [DEFAULT] of the layer says by then. */
function ofJail(section: string, layers: Layers, settled: ReadonlyMap<string, string>): Line[] {
  const { theirs, ours, shipped, isOwn, ownFilters } = layers;
  const isShipped = shipped.sections.has(section) && !ownFilters.has(filterOf(theirs, section));
  const lines: Line[] = [];
  const enabled = theirs.option(section, 'enabled');
  if (!isOn(ours, section) && enabled !== undefined)
    lines.push({ key: 'enabled', text: 'true', option: enabled });
  for (const key of KEYS) {
    const stated = theirs.own(section, key);
    const winning = stated ?? theirs.defaults.get(key);
    if (winning === undefined || (isShipped && SOURCES.includes(key))) continue;
    const here = ours.own(section, key);
    // One line of [DEFAULT] rules both; where a shipped jail has a number of its own, it goes on
    // ruling.
    if (stated === undefined && here === undefined) continue;
    const stock = stated === undefined ? winning : stockOf(stated, layers);
    if (stock === undefined || (isShipped && key === 'filter')) continue;
    const raw = rawOf(stock);
    if (raw === rawOf(here) && /^(?:ban)?action/.test(key)) continue;
    const now = isOwn(winning) && stated !== undefined ? shipped : ours;
    const text = resolved(theirs, stock, section);
    const there = now.own(section, key);
    if (
      sameValue(
        key,
        text,
        there === undefined ? defaultOf(now, key) : resolved(now, there, section),
      )
    )
      continue;
    const isRuled = stated === undefined && stock.place.file !== BUILT_IN;
    lines.push({ key, text: isRuled ? `%(default/${key})s` : written(raw, text), option: stock });
  }
  return lines;

  function defaultOf(document: IniDocument, key: string): string {
    return settled.get(key) ?? resolved(document, document.defaults.get(key), section);
  }
}

/**
 * The option that a stock file states: the winning one, or the one below it that an administrator's
 * value builds on (`%(known/port)s,2222`). Undefined when the administrator's value stands alone,
 * in his own file.
 */
function stockOf(option: IniOption | undefined, { isOwn, isAside }: Layers): IniOption | undefined {
  if (option === undefined || (isOwn(option) && !rawOf(option).includes('%(known/')))
    return undefined;
  let below: IniOption | undefined = option;
  while (below !== undefined && (isOwn(below) || isAside(below))) below = below.previous;
  return below;
}

function rawOf(option: IniOption | undefined): string {
  return textOf(option?.value ?? []).trim();
}

/** Names that mean something here by themselves. */
const KNOWN: ReadonlySet<string> = new Set([
  ...Object.keys(JAIL_VARIABLES),
  ...JAIL_KEYS.map(({ key }) => key),
]);

/**
 * The option as it is written: stock lists of actions by their name, all else with its names put
 * in.
 */
function written(raw: string, text: string): string {
  const names = [...raw.matchAll(/%\(([^()]+)\)s/g)].map(([, name = '']) => name.toLowerCase());
  const isList =
    names.some((name) => /^(?:ban)?action/.test(name)) && names.every((name) => KNOWN.has(name));
  return isList ? raw : text.replaceAll('%', '%%');
}

/**
 * True when an option says no more of where to read from than fail2ban's own file, of which it is a
 * copy.
 */
export function isStockSource(theirs: IniDocument, section: string, option: IniOption): boolean {
  if (!SOURCES.includes(option.key)) return false;
  let below: IniOption | undefined = theirs.own(section, option.key);
  while (below !== undefined && !(isStockFile(below.place.file) && rawOf(below) === rawOf(option)))
    below = below.previous;
  return below !== undefined && below.place.file !== option.place.file;
}

/** True when two values of a key say the same. */
function sameValue(key: string, a: string, b: string): boolean {
  const plain = (text: string) => text.replace(/\s+/g, ' ').trim();
  if (plain(a) === plain(b)) return true;
  if (a === '' || b === '') return false;
  const parser = key === 'port' ? parsePorts : /time$/.test(key) ? parseDuration : undefined;
  const [one, other] = [parser?.(a), parser?.(b)];
  if (one === undefined || other === undefined) return false;
  return (
    'value' in one && 'value' in other && JSON.stringify(one.value) === JSON.stringify(other.value)
  );
}

/** The name of the filter of a jail. */
export function filterOf(document: IniDocument, section: string): string {
  const text = new Section(document, section, new Report()).text('filter');
  return /^[^[\s]+/.exec(text)?.[0] ?? '';
}

/**
 * Names that values of the administrator use, and that only fail2ban's files define (or define
 * otherwise).
 */
function missingNames({ theirs, ours, isOwn }: Layers): Line[] {
  const lines = new Map<string, Line>();
  const visit = (option: IniOption) => {
    for (const [, name = ''] of textOf(option.value).matchAll(
      /%\((?:(?:default|known|[\w-]+)\/)?([^()\s]+)\)s/gi,
    )) {
      const key = name.toLowerCase();
      const definition = theirs.defaults.get(key);
      if (KNOWN.has(key) || lines.has(key) || definition === undefined || isOwn(definition))
        continue;
      if (definition.place.file === BUILT_IN && key !== CONFPATH) continue;
      if (
        resolved(theirs, definition, DEFAULT_SECTION) ===
        resolved(ours, ours.defaults.get(key), DEFAULT_SECTION)
      )
        continue;
      lines.set(key, { key, text: rawOf(definition), option: definition });
      visit(definition);
    }
  };
  for (const options of [
    theirs.defaults,
    ...[...theirs.sections.values()].map((section) => section.options),
  ])
    for (const option of options.values()) if (isOwn(option)) visit(option);
  return [...lines.values()];
}

/** The text of an option with its names put in, seen from a section; empty when there is none. */
function resolved(document: IniDocument, option: IniOption | undefined, section: string): string {
  return option === undefined
    ? ''
    : textOf(interpolateOption(document, section, option, new Report()) ?? []).trim();
}
