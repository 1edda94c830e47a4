/**
 * A filter report as text in the shape that users of fail2ban-regex know, as JSON, or one value per
 * match (`-o`).
 */
import { escapeUntrusted } from '../../core/text.js';
import { isoTime } from '../../core/time.js';
import { identityOf, rawId } from '../../filter/match-groups.js';
import {
  FEW_LINES,
  type FilterReport,
  type LineResult,
  type ReportLines,
  type ReportRegex,
} from './report.js';

/** What was tested, for the head of the report; each is a text as the user wrote it. */
export interface ReportHead {
  /** E.g. `filter file : postfix, basedir: /etc/fail2ban`, `failregex line : ...`. */
  readonly use: readonly { readonly what: string; readonly value: string }[];
}

export interface ReportTextOptions {
  readonly verbose?: boolean;
  readonly printAllMatched?: boolean;
  readonly printAllMissed?: boolean;
  readonly printAllIgnored?: boolean;
  readonly printNoMissed?: boolean;
  readonly printNoIgnored?: boolean;
  /** How long it took, seconds. */
  readonly seconds?: number;
}

/** The head: written before the first line is read. */
export function reportHead({ use }: ReportHead): string {
  const lines = use.map(
    ({ what, value }) => `Use ${what.padStart(16)} : ${escapeUntrusted(value)}`,
  );
  return ['', 'Running tests', '=============', '', ...lines, '', ''].join('\n');
}

/** The results, ending in a newline. */
export function reportText(report: FilterReport, options: ReportTextOptions = {}): string {
  const of = (kind: ReportRegex['kind']) => report.regexes.filter((regex) => regex.kind === kind);
  const out = ['', 'Results', '======='];
  const [prefregex] = of('prefregex');
  if (prefregex !== undefined)
    out.push(
      '',
      `Prefregex: ${report.prefixed ?? 0} total`,
      ...tree([escapeUntrusted(prefregex.source.text, 4096)]),
    );
  out.push(...regexSection('Failregex', of('failregex'), options));
  out.push(...regexSection('Ignoreregex', of('ignoreregex'), options));
  if (of('successregex').length > 0)
    out.push(...regexSection('Successregex', of('successregex'), options));
  out.push('', 'Date template hits:');
  out.push(
    ...tree(
      report.dateHits.map(({ name, hits }) => `[${hits}] ${name}`),
      '[# of hits] date format',
    ),
  );
  const { tested, ignored, matched, missed } = report;
  out.push(
    '',
    `Lines: ${tested} lines, ${ignored.count} ignored, ${matched.count} matched, ${missed.count} missed`,
  );
  if (report.prefixed === 0 && tested > ignored.count)
    out.push(
      'No line passes the prefregex. Is the beginning of the lines missing? It is e.g. "Nov 29 10:00:00 mail sshd[123]: "',
      'or "sshd[123]: ", as the log has it.',
    );
  if (options.seconds !== undefined) out.push(`[processed in ${options.seconds.toFixed(2)} sec]`);
  if (report.notAnAddress > 0)
    out.push(`${report.notAnAddress} matched without an IP address: they never ban`);
  if (report.cut > 0)
    out.push(`${report.cut} matches refused: they touched the cut of an over-long message`);
  for (const name of report.demoted)
    out.push(`${name} was too slow for a line and ran in the linear matcher from there`);
  if (report.givenUp > 0)
    out.push(`${report.givenUp} lines given up: even the linear matcher took too long`);
  out.push('');
  if (options.printAllMatched) out.push(...lineSection('Matched', matched, true));
  if (!options.printNoIgnored)
    out.push(...lineSection('Ignored', ignored, options.printAllIgnored));
  if (!options.printNoMissed) out.push(...lineSection('Missed', missed, options.printAllMissed));
  return `${out.join('\n')}\n`;
}

function regexSection(
  title: string,
  regexes: readonly ReportRegex[],
  { verbose }: ReportTextOptions,
): string[] {
  const total = regexes.reduce((sum, { hits }) => sum + hits, 0);
  const items: string[] = [];
  regexes.forEach((regex, i) => {
    if (regex.hits === 0 && !verbose) return;
    items.push(
      `${String(i + 1).padStart(2)}) [${regex.hits}] ${escapeUntrusted(regex.source.text, 4096)}`,
    );
    if (!verbose) return;
    for (const { id, bannable, time } of regex.examples)
      items.push(
        `    ${escapeUntrusted(id ?? '(waits for an address)')}  ${isoTime(time)}${bannable ? '' : ' (never banned)'}`,
      );
  });
  return ['', `${title}: ${total} total`, ...tree(items, ' #) [# of hits] regular expression')];
}

function lineSection(title: string, { count, lines }: ReportLines, all = false): string[] {
  if (count === 0) return [];
  if (!all && count >= FEW_LINES)
    return [
      `${title} line(s): too many to print.  Use --print-all-${title.toLowerCase()} to print all ${count} lines`,
    ];
  const rest = count > lines.length ? [`... and ${count - lines.length} more`] : [];
  return tree(
    [...lines.map((line) => escapeUntrusted(line.trimEnd())), ...rest],
    `${title} line(s):`,
  );
}

function tree(items: readonly string[], head?: string): string[] {
  if (items.length === 0) return [];
  return [
    ...(head === undefined ? [] : [`|- ${head}`]),
    ...items.map((item) => `|  ${item}`),
    '`-',
  ];
}

/** The report as a plain object for `--json`. */
export function reportJson(report: FilterReport): object {
  const { tested, matched, missed, ignored, prefixed, notAnAddress, cut, dateHits } = report;
  return {
    lines: { tested, matched: matched.count, missed: missed.count, ignored: ignored.count },
    ...(prefixed !== undefined && { prefixed }),
    notAnAddress,
    cut,
    regexes: report.regexes.map(({ name, source, hits, examples }) => ({
      name,
      regex: source.text,
      place: source.place,
      hits,
      examples: examples.map((hit) => ({ ...hit, time: isoTime(hit.time) })),
    })),
    dates: dateHits,
    matched: matched.lines,
    missed: missed.lines,
    ignored: ignored.lines,
  };
}

/**
 * One match in the format of `-o`: `id`, `ip`, `row`, `msg`, the name of a group (`user`, `ip4`,
 * `dns` ...), or a text with `<tags>`. Undefined for a line that is no failure, or whose address is
 * asked for and is none: who counts rows counts failures.
 */
export function reportRow(result: LineResult, format: string): string | undefined {
  if (result.result !== 'failure') return undefined;
  const { facts } = result;
  const identity = identityOf(facts);
  // What only looks like an address (`23:59:59`) is none.
  const ip =
    identity.kind === 'address'
      ? identity.address.text
      : identity.kind === 'name'
        ? identity.raw
        : undefined;
  if ((format === 'ip' || format === 'host') && ip === undefined) return undefined;
  const value = (name: string): string | undefined => {
    switch (name) {
      case 'id':
      case 'fid':
        return rawId(facts);
      case 'ip':
      case 'host':
        return ip;
      case 'msg':
      case 'matches':
        return result.text;
      case 'time':
        return isoTime(result.time);
      case 'F-USER':
        return facts.user;
      default:
        return Object.hasOwn(facts, name) ? facts[name as keyof typeof facts] : undefined;
    }
  };
  if (format === 'row') {
    const cells = [
      JSON.stringify(rawId(facts) ?? null),
      `${result.time / 1e6}`,
      JSON.stringify(facts),
    ];
    return `[${cells.map((cell) => escapeUntrusted(cell, 4096)).join(',\t')}],`;
  }
  const text = format.includes('<')
    ? format.replace(/<([\w-]+)>/g, (tag, name: string) => value(name) ?? tag)
    : (value(format) ?? '');
  return escapeUntrusted(text, 4096);
}
