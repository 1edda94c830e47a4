/**
 * In which country an address is, by a file in MaxMind's format (MaxMind, DB-IP) that the
 * administrator keeps on this host: nobody else is asked. What the file says beyond two letters is
 * not used.
 */
import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { Reader } from 'mmdb-lib';
import { messageOf } from '../core/errors.js';
import type { Diagnostic, FilePosition } from '../core/finding.js';
import { WEB_COUNTRY_BYTES_MAX, WEB_COUNTRY_RECORDS_MAX } from '../core/service-limits.js';

/** The file that `country-file` names, and where that is written. */
export interface CountryFile {
  readonly file: string;
  readonly place: FilePosition;
}

/** Why a file is not used, and what to do. */
interface CountryProblem {
  readonly message: string;
  readonly fix: string;
}

/** How often it is looked whether the file was replaced, ms. */
const LOOK_MS = 60_000;
/** What stands before the description of such a file, in its last 128 KiB. */
const MARK = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');
const MARK_BYTES = 128 * 1024;
const FETCH = 'fetch GeoLite2-Country.mmdb or dbip-country-lite.mmdb again, and unpack it';
const ANOTHER = 'name a file of countries, such as GeoLite2-Country.mmdb, or take the line out';

type Records = Reader<never>;

/** The countries of a file that may come, go and be replaced while it is used. Never throws. */
export class Countries {
  readonly #path: string;
  readonly #told: (problem: CountryProblem) => void;
  /** The same two letters are one text, however many bans have them. */
  readonly #codes = new Map<string, string>();
  #records: Records | undefined;
  #problem: CountryProblem | undefined;
  /** Which file was read. */
  #seen = '';
  #looked = Number.NEGATIVE_INFINITY;

  /** `told` hears why the file is not used, each time that this changes. */
  constructor(path: string, told: (problem: CountryProblem) => void) {
    this.#path = path;
    this.#told = told;
    this.#look();
  }

  /** Why nothing is known; undefined while the file is used. */
  get problem(): CountryProblem | undefined {
    return this.#problem;
  }

  /**
   * The two letters (ISO 3166-1) of an address's country, of a prefix those of its first address;
   * undefined where the file has none.
   */
  of(target: string): string | undefined {
    this.#look();
    const code = this.#records && codeOf(this.#records, target.split('/', 1)[0] ?? '');
    if (code === undefined) return undefined;
    const known = this.#codes.get(code) ?? code;
    this.#codes.set(code, known);
    return known;
  }

  /** Reads the file where it is another one than before. */
  #look(): void {
    const now = performance.now();
    if (now - this.#looked < LOOK_MS) return;
    this.#looked = now;
    const seen = markOf(this.#path);
    if (seen === this.#seen) return;
    this.#seen = seen;
    const { records, problem } = openCountries(this.#path);
    const isNew = problem?.message !== this.#problem?.message;
    this.#records = records;
    this.#problem = problem;
    if (problem !== undefined && isNew) this.#told(problem);
  }
}

/** What is wrong with a file; undefined where it can be used. */
export function problemOfCountries(path: string): CountryProblem | undefined {
  return openCountries(path).problem;
}

/** The same for the log and `config check`, with the line to change. */
export function countryDiagnostic(
  { file, place }: CountryFile,
  { message, fix }: CountryProblem,
): Diagnostic {
  const written = { place, section: 'web', key: 'country-file', value: file };
  return { level: 'warning', id: 'companion.country-file', message, ...written, fix };
}

/** Tells one file from another that took its place. */
function markOf(path: string): string {
  try {
    const { dev, ino, size, mtimeMs } = statSync(path);
    return `${dev} ${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    return messageOf(error);
  }
}

interface Opened {
  readonly records?: Records;
  readonly problem?: CountryProblem;
}

function openCountries(path: string): Opened {
  let bytes: Buffer | CountryProblem;
  try {
    bytes = readWhole(path);
  } catch (error) {
    return { problem: unreadable(path, error as NodeJS.ErrnoException) };
  }
  if (!Buffer.isBuffer(bytes)) return { problem: bytes };
  const tail = bytes.subarray(Math.max(0, bytes.length - MARK_BYTES));
  if (!tail.includes(MARK))
    return { problem: { message: 'is no whole file in MaxMind’s format', fix: FETCH } };
  try {
    return examined(new Reader<never>(bytes, { cache: new RecentRecords() }), bytes.length);
  } catch (error) {
    return { problem: broken(messageOf(error)) };
  }
}

function readWhole(path: string): Buffer | CountryProblem {
  // O_NONBLOCK: to open a pipe must not wait for a program that writes into it.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const about = fstatSync(file);
    if (!about.isFile()) return { message: 'is not a regular file', fix: ANOTHER };
    const mib = WEB_COUNTRY_BYTES_MAX / 1024 / 1024;
    if (about.size > WEB_COUNTRY_BYTES_MAX)
      return { message: `has more than ${mib} MiB`, fix: ANOTHER };
    const bytes = Buffer.alloc(about.size);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(file, bytes, length, bytes.length - length, length);
    return bytes.subarray(0, length);
  } finally {
    closeSync(file);
  }
}

function unreadable(path: string, { code, message }: NodeJS.ErrnoException): CountryProblem {
  if (code === 'ENOENT') return { message: 'does not exist', fix: ANOTHER };
  if (code === 'EACCES' || code === 'EPERM')
    return {
      message: 'may not be read by banjour-companion',
      fix: `chmod a+r ${path}, and a+x the folders above it; nothing below /home is open to it`,
    };
  return { message: `cannot be read: ${message}`, fix: ANOTHER };
}

function broken(why: string): CountryProblem {
  return { message: `is broken: ${why.slice(0, 200)}`, fix: FETCH };
}

/** Whether lookups lead to countries: asked of addresses from everywhere, as they are few. */
function examined(records: Records, length: number): Opened {
  const { searchTreeSize, databaseType, recordSize } = records.metadata;
  if (!(searchTreeSize > 0 && searchTreeSize < length) || !(recordSize > 0))
    return { problem: broken('its tree does not fit into it') };
  const some = [
    ...Array.from({ length: 223 }, (_, i) => `${i + 1}.0.0.1`),
    ...Array.from({ length: 64 }, (_, i) => `2${(i * 64).toString(16).padStart(3, '0')}::1`),
  ];
  const found = some.filter((address) => recordOf(records, address) !== null);
  if (found.length > 0 && found.every((address) => codeOf(records, address) === undefined)) {
    const kind = String(databaseType).slice(0, 60);
    return { problem: { message: `holds no countries (it is ${kind})`, fix: ANOTHER } };
  }
  return { records };
}

/** What the file has of an address. Throws where it is broken. */
function recordOf(records: Records, address: string): unknown {
  // The tree of IPv4 alone would take the first bits of IPv6 for an address of its own.
  if (address.includes(':') && records.metadata.ipVersion === 4) return null;
  return records.get(address);
}

function codeOf(records: Records, address: string): string | undefined {
  try {
    const record = (recordOf(records, address) ?? {}) as Partial<Record<string, CountryRecord>>;
    // Where the file does not say where the address is, the country of its holder.
    const code = record['country']?.iso_code ?? record['registered_country']?.iso_code;
    return typeof code === 'string' && /^[A-Z]{2}$/.test(code) ? code : undefined;
  } catch {
    // No address, or one whose record is broken.
    return undefined;
  }
}

interface CountryRecord {
  readonly iso_code?: unknown;
}

/** Records that were looked up lately: a country is one record, however many bans are in it. */
export class RecentRecords extends Map<number | string, unknown> {
  override set(key: number | string, value: unknown): this {
    if (this.size >= WEB_COUNTRY_RECORDS_MAX) this.clear();
    return super.set(key, value);
  }
}
