/**
 * Containers in the host's journal: Docker's and podman's log drivers, and programs that write to
 * standard output, put the daemon's own header into MESSAGE, while the entry's identifier is the
 * container's. A header is taken from the very beginning of a message only, once, and never out of
 * what stands behind the daemon's name: there a client may have written.
 */
import { type Entry, goesOn } from '../core/entry.js';
import type { CompiledFilter } from './filter.js';
import { beginsObject, entryInJson, withoutKeyOf } from './json-line.js';
import { type Line, lineInMessage, lineOf } from './line.js';
import type { LineMatch } from './line-match.js';
import { identityOf } from './match-groups.js';
import type { RunningRegex } from './search.js';

/** Colours of a terminal (ECMA-48, SGR), which some programs write anywhere. */
const COLOUR = /\x1b\[[\d;:]{0,32}m/g;

const MONTH = '[A-Z][a-z]{2}';
const CLOCK = String.raw`\d\d:\d\d:\d\d(?:[.,]\d{1,9})?`;
/** Dates as daemons, syslogs and supervisors write them. */
const DATES = [
  // Nov 21 19:34:21, Sat Nov 21 19:34:21 2026, Nov 21 2026 19:34:21
  `(?:${MONTH} )?${MONTH} [ \\d]\\d(?: \\d{4})? ${CLOCK}(?: \\d{4})?`,
  // 2026-11-21T19:34:21Z, 2026/11/21 19:34:21 +0100
  `\\d{4}[-/]\\d\\d[-/]\\d\\d[ T]${CLOCK}(?: ?(?:Z|UTC|[+-]\\d\\d(?::?\\d\\d)?))?`,
  // 21/Nov/2026:19:34:21 +0100, 21-Nov-2026 19:34:21.123, 21 Nov 2026 19:34:21
  `\\d\\d[-/ ]${MONTH}[-/ ]\\d{4}[ :]${CLOCK}(?: [+-]\\d{4})?`,
  // Seconds of 1970, as BusyBox's and own loggers print them.
  String.raw`\d{10}(?:\.\d{1,9})?`,
  // TAI64N, of multilog and s6-log
  '@[0-9a-f]{24}',
].join('|');
/** A date with the priority and brackets around it. */
const DATE = String.raw`(?:<\d{1,3}>)?\s{0,3}\[?(?:${DATES})\]?:?(?=\s)`;

/**
 * What stands before the daemon's own words: the service's name as `docker compose up` prints it, a
 * date, the stream as CRI's runtimes name it, and the daemon's date behind that.
 */
const BEGINNING = new RegExp(
  String.raw`^(?:[\w.-]{1,64} {1,64}\|\s)?(?:${DATE})?(?:\s(?:stdout|stderr) ([FP])(?=\s))?(?:\s{0,3}${DATE})?(?:\s{1,3}(?=\s))?`,
);

const LEVEL =
  '(?:debug|info|notice|warn|warning|err|error|crit|critical|alert|emerg|fatal|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|CRIT|CRITICAL|ALERT|EMERG|FATAL)';
/** INFO, [info], INFO:, and BusyBox's mail.info */
const WEIGHT = String.raw`(?:\[${LEVEL}\]|${LEVEL}:?|[a-z]{2,9}\d?\.${LEVEL})\s{1,3}`;
/** The daemon's name, with or without its process. */
const DAEMON = String.raw`[^\s:[\]]{1,128}(?:\[\d{1,10}\])?:\s`;
/**
 * A level before or behind the host, in front of the daemon's name; alone, it passes for a host
 * already.
 */
const WEIGHED = new RegExp(
  String.raw`^\s{0,3}(?:${WEIGHT}([^\s:[\]]{1,255}\s{1,3})?|([^\s:[\]]{1,255}\s{1,3})${WEIGHT})(?=${DAEMON})`,
);

/** The whole header of RFC 5424, as a container's syslog prints it: host, program, process. */
const RFC5424 =
  /^<\d{1,3}>1 \d{4}-\d\d-\d\dT\S{8,21} (\S{1,255}) (\S{1,48}) (\S{1,128}) \S{1,32} (?:-|(?:\[[^\]]{1,999}\]){1,9}) (?:\ufeff)?/;

/** What may stand before an object: all of the above, and the stream's mark of a part of a line. */
const BEFORE_OBJECT = new RegExp(
  String.raw`^(?:[\w.-]{1,64} {1,64}\|\s)?(?:${DATE})?(?:\s(?:stdout|stderr) ([FP])(?=\s))?(?:\s{0,3}${DATE})?\s{0,3}(?:${WEIGHT})?((?:[^\s:[\]]{1,255}\s{1,3})?(?:${WEIGHT})?${DAEMON})?\s*$`,
);
/** Longer text before an object is none of these. */
const BEFORE_OBJECT_CHARS = 1_024;

/** An object in a message. */
interface ObjectInMessage {
  /** Where it begins. */
  readonly at: number;
  /** The header of a daemon in front of it. */
  readonly header: string;
  /** The runtime says that it goes on in another entry. */
  readonly isPart: boolean;
}

/**
 * The match of an entry: of its line, else of the line that stands within its message. `marks`:
 * those of the regexes that the line can match, as `CompiledFilter.marksIn` told.
 */
export function matchEntry(
  filter: CompiledFilter,
  entry: Entry,
  line: Line,
  progress: RunningRegex,
  marks?: number,
): LineMatch {
  const object = filter.container ? objectIn(entry) : undefined;
  if (object === undefined) return matchLines(filter, entry, line, progress, marks);
  const within = () => matchWithin(filter, entry, object, progress);
  const asItStands = () => matchObject(filter, entry, object, progress);
  const first = filter.readsObjects ? asItStands() : within();
  if (!isNothing(first)) return first;
  const second = filter.readsObjects ? within() : asItStands();
  return isNothing(second) && !filter.readsObjects ? first : second;
}

/** The match of the line in an object, by itself or behind the header in front of the object. */
function matchWithin(
  filter: CompiledFilter,
  entry: Entry,
  { at, header, isPart }: ObjectInMessage,
  progress: RunningRegex,
): LineMatch {
  const alone = at === 0 ? entry : { ...entry, message: entry.message.slice(at) };
  const unwrapped = isPart ? undefined : entryInJson(alone);
  if (unwrapped === undefined) return filter.noLine;
  // The text of an object may be an object again, with strangers' words in every key of it.
  const nested = objectIn(unwrapped);
  if (nested !== undefined) return matchObject(filter, unwrapped, nested, progress);
  const match = matchLines(filter, unwrapped, lineOf(unwrapped), progress);
  if (header === '' || !isNothing(match) || filter.maxlines > 1) return match;
  const behind = { ...unwrapped, message: header + unwrapped.message };
  return matchLines(filter, behind, lineOf(behind), progress);
}

/** The object that the message is, behind what runtimes and daemons write in front of one. */
function objectIn(entry: Entry): ObjectInMessage | undefined {
  if (beginsObject(entry)) return { at: 0, header: '', isPart: false };
  const { message, whole } = entry;
  const at = whole === true ? -1 : message.indexOf('{');
  // Braces of other kinds are common in lines.
  if (at < 0 || at > BEFORE_OBJECT_CHARS || !/^\{\s*(?:["}]|$)/.test(message.slice(at, at + 64)))
    return undefined;
  const before = message.slice(0, at).replace(COLOUR, '');
  const [rfc5424, host, program, process] = RFC5424.exec(before) ?? [];
  if (rfc5424 !== undefined && before.slice(rfc5424.length).trim() === '')
    return {
      at,
      header: `${host} ${program}${process === '-' ? '' : `[${process}]`}: `,
      isPart: false,
    };
  const [all, part, header = ''] = BEFORE_OBJECT.exec(before) ?? [];
  return all === undefined ? undefined : { at, header, isPart: part === 'P' };
}

/**
 * The match of an object as it stands, with what is in front of it and without. Strangers' words
 * stand in it under keys of all kinds, so only a regex finds something there that names keys, or
 * that finds an address by its key.
 */
function matchObject(
  filter: CompiledFilter,
  entry: Entry,
  { at, isPart }: ObjectInMessage,
  progress: RunningRegex,
): LineMatch {
  if (filter.maxlines > 1)
    return filter.readsObjects ? filter.match(lineOf(entry), progress) : filter.noLine;
  const forms = [lineOf, (one: Entry) => lineInMessage(one, at)];
  const isWhole = !isPart && entry.cutAt === undefined && !goesOn((name) => entry.fields.get(name));
  const json = isWhole ? entry.message.slice(at) : undefined;
  for (const form of forms) {
    const line = form(entry);
    if (line === undefined) continue;
    const named = filter.matchKeys(line, progress);
    if (named !== undefined) return named;
    const match = json === undefined ? filter.noLine : filter.match(line, progress);
    const address = addressOf(match);
    const others = address === undefined ? undefined : withoutKeyOf(address, json ?? '');
    const isKnown = others?.every((other) => {
      const changed = form({ ...entry, message: entry.message.slice(0, at) + other });
      return changed !== undefined && addressOf(filter.match(changed, progress)) !== address;
    });
    if (isKnown === true) return match;
  }
  return filter.noLine;
}

/** The address of a failure or a success. */
function addressOf({ result, marks }: LineMatch): string | undefined {
  if (result !== 'failure' && result !== 'success') return undefined;
  const identity = identityOf(marks.facts);
  return identity.kind === 'address' ? identity.raw : undefined;
}

/** The match of a line with the entry's own header, else with one that stands in the message. */
function matchLines(
  filter: CompiledFilter,
  entry: Entry,
  line: Line,
  progress: RunningRegex,
  marks?: number,
): LineMatch {
  const match = filter.match(line, progress, marks);
  if (!isNothing(match) || filter.maxlines > 1 || !(filter.container || isOfContainer(entry)))
    return match;
  const inside = lineInside(entry);
  return inside === undefined ? match : filter.match(inside, progress);
}

function isNothing({ result }: LineMatch): boolean {
  return result === 'none' || result === 'noprefix';
}

/** True for an entry that a container runtime wrote for a container. */
function isOfContainer(entry: Entry): boolean {
  return entry.fields.has('CONTAINER_NAME');
}

/**
 * The line that the daemon in the container wrote, without its date; undefined where the message
 * has no such line.
 */
function lineInside(coloured: Entry): Line | undefined {
  if (coloured.whole === true) return undefined;
  const entry = withoutColours(coloured);
  const { message } = entry;
  const [header, host, program, process] = RFC5424.exec(message) ?? [];
  // With the host, or a program's name could pass for one in front of the daemon's.
  if (header !== undefined && program !== undefined)
    return lineBehind(
      entry,
      header.length,
      `${host} ${program}${process === '-' ? '' : `[${process}]`}: `,
    );
  const [begin = '', part] = BEGINNING.exec(message) ?? [];
  const [weighed = '', before = '', behind = ''] = WEIGHED.exec(message.slice(begin.length)) ?? [];
  const line = lineBehind(entry, begin.length + weighed.length, before + behind);
  return line !== undefined && part === 'P' ? { ...line, goesOn: true } : line;
}

/** The line behind so many characters of the message, with another beginning. */
function lineBehind(entry: Entry, skipped: number, before: string): Line | undefined {
  const line = lineInMessage(entry, skipped);
  if (line === undefined || before === '') return line;
  const { text, cutAt } = line;
  return {
    ...line,
    text: before + text,
    ...(cutAt === undefined ? {} : { cutAt: before.length + cutAt }),
  };
}

function withoutColours(entry: Entry): Entry {
  const { message, cutAt } = entry;
  if (!message.includes('\x1b[')) return entry;
  if (cutAt === undefined) return { ...entry, message: message.replace(COLOUR, '') };
  // A code that was cut in two by the gap stays as it is.
  const head = message.slice(0, cutAt).replace(COLOUR, '');
  return { ...entry, message: head + message.slice(cutAt).replace(COLOUR, ''), cutAt: head.length };
}
