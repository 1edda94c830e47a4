/**
 * `companion.conf`: which parts the companion runs, and where they listen. Made into its plain
 * data.
 */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { Section } from '../config/section.js';
import { type Parsed, parseBoolean, parseInteger } from '../config/values.js';
import type { Diagnostic } from '../core/finding.js';
import { POLICY_DELAY_SECONDS_MAX } from '../core/timeouts.js';
import { Report } from '../ini/report.js';
import { DEFAULT_POLICY_RULES, type PolicyRules } from '../policy/decide.js';
import type { CountryFile } from '../web/countries.js';
import { type ConfigFolders, loadConfFiles } from './conf-files.js';
import { configError } from './load.js';
import { companionSocket, type Paths } from './paths.js';
import { readShare, SHARE_DEFAULTS, type ShareConfig } from './share-config.js';

/** A port of the loopback. */
export interface LoopbackPort {
  /** `127.0.0.1` or `::1`, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The report by mail. */
export interface ReportConfig {
  readonly every: 'none' | 'daily' | 'weekly';
  /** Of the day, local time. */
  readonly hour: number;
  /** Addresses; without a domain they are local. */
  readonly to: readonly string[];
  readonly sender: string;
}

export interface CompanionConfig {
  /** `auto`: on when an action of a jail tells somebody. */
  readonly notify: { readonly enabled: boolean | 'auto' };
  readonly report: ReportConfig;
  readonly metrics: { readonly enabled: boolean; readonly listen: LoopbackPort };
  readonly policy: {
    readonly enabled: boolean;
    /** null: no port. */
    readonly listen: LoopbackPort | null;
    /** Path of a Unix socket, beside the port or instead of it; null: none. */
    readonly socket: string | null;
    /** Path of the file with the key, or the name of a credential of systemd. */
    readonly apiKeyFile: string;
    readonly rules: PolicyRules;
  };
  readonly share: ShareConfig;
  /** The web page. */
  readonly web: {
    readonly enabled: boolean;
    /** null: no port. */
    readonly listen: LoopbackPort | null;
    /** Path of a Unix socket for a reverse proxy; null: none. */
    readonly socket: string | null;
    /** By which browsers know that proxy: `https://banjour.example.org`; null: there is none. */
    readonly origin: string | null;
    /** Whether the page may ban and unban, where the administrator opened control.sock to it. */
    readonly changes: boolean;
    /** By which the page knows countries; null: it names none. */
    readonly countries: CountryFile | null;
  };
}

const DEFAULTS = `[notify]
enabled = auto
report = none
report-hour = 6
report-to = root
report-sender = root
[metrics]
enabled = false
listen = 127.0.0.1:9811
[policy]
enabled = false
listen = 127.0.0.1:9813
socket =
api-key-file = /etc/banjour/secrets/policy
underattack = refuse
deadnames = refuse
newnames = refuse
sharedaddress = refuse
nearlimit = delay
delay = 5
[web]
enabled = false
listen = 127.0.0.1:9815
socket =
origin =
changes = false
country-file =
${SHARE_DEFAULTS}`;

/** Where the files are; and the sockets, where it is known. */
type CompanionPlaces = ConfigFolders & Partial<Pick<Paths, 'run'>>;

/**
 * Reads `companion.conf`, `companion.d/*.conf`, `companion.local` and so on. Throws `OperatorError`
 * with every problem.
 */
export function loadCompanionConfig(paths: CompanionPlaces): CompanionConfig {
  const report = new Report();
  const config = readCompanionConfig(paths, report);
  if (report.failed) throw configError(report.diagnostics);
  return config;
}

/** What is wrong with it. Never throws. */
export function examineCompanionConfig(paths: CompanionPlaces): readonly Diagnostic[] {
  const report = new Report();
  readCompanionConfig(paths, report);
  return report.diagnostics;
}

function readCompanionConfig(paths: CompanionPlaces, report: Report): CompanionConfig {
  const document = loadConfFiles(paths, 'companion', DEFAULTS, report);
  const [notify, metrics, policy, share, web] = ['notify', 'metrics', 'policy', 'share', 'web'].map(
    (name) => new Section(document, name, report),
  ) as [Section, Section, Section, Section, Section];
  const config = {
    notify: { enabled: notify.parse('enabled', parseAuto, 'auto' as const) },
    report: {
      every: notify.parse<ReportConfig['every']>('report', parseEvery, 'none'),
      hour: notify.parse('report-hour', parseHour, 6),
      to: notify.parse('report-to', parseMailboxes, ['root']),
      sender: notify.parse('report-sender', parseMailboxes, ['root'])[0] ?? 'root',
    },
    metrics: {
      enabled: metrics.parse('enabled', parseBoolean, false),
      listen: metrics.parse('listen', loopbackPort(9811), { host: '127.0.0.1', port: 9811 }),
    },
    policy: {
      enabled: policy.parse('enabled', parseBoolean, false),
      listen: policy.parse<LoopbackPort | null>('listen', loopbackPort(9813), null),
      socket: policy.parse<string | null>('socket', socketPath('policy.sock'), null),
      apiKeyFile: readKeyFile(policy),
      rules: readRules(policy),
    },
    share: readShare(share),
    web: readWeb(web),
  };
  const own = paths.run === undefined ? undefined : companionSocket({ run: paths.run });
  onePlaceEach(
    [
      { reader: metrics, socket: null, ...config.metrics },
      { reader: policy, ...config.policy },
      { reader: web, ...config.web },
    ],
    own,
  );
  return config;
}

function readKeyFile(policy: Section): string {
  const file = policy.text('api-key-file');
  if (file === '' && policy.parse('enabled', parseBoolean, false))
    policy.error(
      'companion.key',
      'api-key-file',
      'is empty, and nobody is answered without a key',
      'take the line out: the default is /etc/banjour/secrets/policy',
    );
  return file;
}

function readWeb(web: Section): CompanionConfig['web'] {
  const config = {
    enabled: web.parse('enabled', parseBoolean, false),
    listen: web.parse<LoopbackPort | null>('listen', loopbackPort(9815), null),
    socket: web.parse<string | null>('socket', socketPath('web.sock'), null),
    origin: web.parse<string | null>('origin', parseOrigin, null),
    changes: web.parse('changes', parseBoolean, false),
    countries: readCountryFile(web),
  };
  // A proxy hands on the name that the browser asked for, which is none of the loopback's.
  if (config.enabled && config.socket !== null && config.origin === null)
    web.error(
      'companion.origin',
      'socket',
      'is a socket for a reverse proxy, and origin is empty: whoever comes through it is refused',
      'write origin = https://banjour.example.org, the address that browsers show',
      web.text('socket'),
    );
  return config;
}

/** Only where the file is: what is in it may change at any time, and the page goes on without. */
function readCountryFile(web: Section): CountryFile | null {
  const file = web.parse<string | null>('country-file', parsePath, null);
  const place = web.place('country-file');
  return file === null || place === undefined ? null : { file, place };
}

function parsePath(text: string): Parsed<string> {
  if (text.startsWith('/') && !text.includes('\0')) return { value: text };
  return {
    problem: 'is no absolute path',
    fix: 'write e.g. country-file = /var/lib/GeoIP/GeoLite2-Country.mmdb',
  };
}

/** Scheme and name as browsers show them, and nothing behind. */
function parseOrigin(text: string): Parsed<string> {
  const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
  if (url?.protocol === 'https:' && url.href === `${url.origin}/`) return { value: url.origin };
  return {
    problem: 'is no address of a site of its own with https',
    fix: 'write e.g. https://banjour.example.org, without a path; the proxy needs a certificate',
  };
}

function readRules(policy: Section): PolicyRules {
  const preset = DEFAULT_POLICY_RULES;
  const refuse = wordOf('refuse', 'serve');
  return {
    underAttack: policy.parse(
      'underattack',
      wordOf('refuse', 'delay', 'serve'),
      preset.underAttack,
    ),
    deadName: policy.parse('deadnames', refuse, preset.deadName),
    newName: policy.parse('newnames', refuse, preset.newName),
    sharedAddress: policy.parse('sharedaddress', refuse, preset.sharedAddress),
    nearLimit: policy.parse('nearlimit', wordOf('delay', 'serve'), preset.nearLimit),
    delay: policy.parse(
      'delay',
      (text) => parseInteger(text, 1, POLICY_DELAY_SECONDS_MAX),
      preset.delay,
    ),
  };
}

/** One of these words. */
function wordOf<const T extends string>(...words: readonly T[]): (text: string) => Parsed<T> {
  return (text) => {
    const value = words.find((word) => word === text.trim().toLowerCase());
    const all = words.join(' or ');
    return value === undefined ? { problem: `is not ${all}`, fix: `write ${all}` } : { value };
  };
}

/** A part that listens, and the section that says where. */
interface Listener {
  readonly reader: Section;
  readonly enabled: boolean;
  readonly listen: LoopbackPort | null;
  readonly socket: string | null;
}

/**
 * No two parts listen at one place: of two ports the second would be tried again for ever, and of
 * two sockets the second would take the first one's place. `own`: the companion's own socket.
 */
function onePlaceEach(parts: readonly Listener[], own: string | undefined): void {
  const taken = new Map<string, { readonly reader: Section; readonly key: string } | undefined>();
  if (own !== undefined) taken.set(realPlace(own), undefined);
  for (const { reader, enabled, listen, socket } of parts) {
    if (!enabled) continue;
    const places = {
      ...(listen === null || listen.port === 0 ? {} : { listen: describePort(listen) }),
      ...(socket === null ? {} : { socket: realPlace(socket) }),
    };
    for (const [key, place] of Object.entries(places)) {
      if (taken.has(place)) complainOfPlace({ reader, key }, taken.get(place));
      else taken.set(place, { reader, key });
    }
  }
}

type WrittenPlace = { readonly reader: Section; readonly key: string };

/** Complains at the line that somebody wrote. `first`: absent where it is the companion itself. */
function complainOfPlace(second: WrittenPlace, first: WrittenPlace | undefined): void {
  const isDefault = first !== undefined && !second.reader.stated(second.key);
  const [at, other] = isDefault ? [first, second] : [second, first];
  const what = at.key === 'listen' ? 'a port' : 'a socket';
  at.reader.error(
    at.key === 'listen' ? 'companion.port' : 'companion.socket',
    at.key,
    other === undefined
      ? 'the companion itself listens there, for the commands'
      : `[${other.reader.section}] listens there as well (${writtenAt(other)})`,
    `give each ${what} of its own`,
    at.reader.text(at.key),
  );
}

/** The line in which the place is written. */
function writtenAt({ reader, key }: WrittenPlace): string {
  const place = reader.stated(key) ? reader.place(key) : undefined;
  return place === undefined ? 'its default' : `${place.file}:${place.line}`;
}

/** The path without what only looks like another one: `//`, `..`, links as `/var/run` is one. */
function realPlace(path: string): string {
  const plain = resolve(path);
  try {
    return join(realpathSync(dirname(plain)), basename(plain));
  } catch {
    return plain;
  }
}

function parseEvery(text: string): Parsed<ReportConfig['every']> {
  const word = text.trim().toLowerCase();
  if (word === 'none' || word === 'daily' || word === 'weekly') return { value: word };
  return { problem: 'is not none, daily or weekly', fix: 'write weekly, daily or none' };
}

function parseHour(text: string): Parsed<number> {
  if (/^\d{1,2}$/.test(text.trim()) && Number(text) < 24) return { value: Number(text) };
  return { problem: 'is no hour of the day', fix: 'write 0 to 23' };
}

/** Addresses that can stand in headers and arguments, between commas or blanks. */
function parseMailboxes(text: string): Parsed<readonly string[]> {
  const addresses = text.split(/[\s,]+/).filter((word) => word !== '');
  if (addresses.length > 0 && addresses.every((one) => MAILBOX.test(one)))
    return { value: addresses };
  return { problem: 'is no list of mail addresses', fix: 'write e.g. postmaster@example.org' };
}

const MAILBOX = /^[\w.+=][\w.+=-]*(?:@[\w.-]+)?$/;

function parseAuto(text: string): Parsed<boolean | 'auto'> {
  if (text.trim().toLowerCase() === 'auto') return { value: 'auto' };
  const parsed = parseBoolean(text);
  return 'value' in parsed
    ? parsed
    : { problem: 'is none of auto, true and false', fix: 'write auto, true or false' };
}

/** Reads a port of the loopback; its remedy names the part's own usual one. */
function loopbackPort(usual: number): (text: string) => Parsed<LoopbackPort> {
  return (text) => parseLoopbackPort(text, usual);
}

/** `127.0.0.1:9811`, `[::1]:9811`, `localhost:9811` or a port: of the loopback alone. */
export function parseLoopbackPort(text: string, usual = 9811): Parsed<LoopbackPort> {
  const parts = /^(?:(127(?:\.\d{1,3}){3}|\[::1\]|localhost):)?(\d{1,5})$/.exec(text.trim());
  const port = Number(parts?.[2]);
  const octets = parts?.[1]?.match(/\d+(?=\.|$)/g) ?? [];
  if (parts === null || port > 65_535 || octets.some((octet) => Number(octet) > 255))
    return {
      problem: 'is not a port of the loopback',
      fix: `write ${usual}, 127.0.0.1:${usual} or [::1]:${usual}; for other hosts put a proxy with a password before it`,
    };
  const name = (parts[1] ?? 'localhost').replace(/^\[|\]$/g, '');
  const host = name === '::1' ? name : octets.map(Number).join('.') || '127.0.0.1';
  return { value: { host, port } };
}

/** Reads the path of a Unix socket; its remedy names the part's own. */
function socketPath(name: string): (text: string) => Parsed<string> {
  // The kernel's bound for a name of a Unix socket, unix(7): 108 bytes with the final zero.
  return (text) =>
    text.startsWith('/') && !text.endsWith('/') && Buffer.byteLength(text) < 108
      ? { value: text }
      : {
          problem: 'is no place for a socket',
          fix: `write a path such as /run/banjour-companion/${name}, shorter than 108 bytes`,
        };
}

/** A port of the loopback as it is written. */
export function describePort({ host, port }: LoopbackPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
