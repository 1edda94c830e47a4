/**
 * The texts of fail2ban-client 1.1, to the byte: scripts and monitoring plugins read them. One tab
 * stands after each colon. Taken down from what a real server of that version answers
 * (test/cli/golden/).
 */
import type { BanView, JailView } from '../../control/protocol.js';

/** `status`. */
export function statusText(jails: readonly string[]): string {
  return `Status\n|- Number of jail:\t${jails.length}\n\`- Jail list:\t${sorted(jails).join(', ')}\n`;
}

/** `status JAIL`; the flavor `short` leaves the addresses out. */
export function jailText(jail: JailView, banned: readonly string[], short = false): string {
  return `Status for the jail: ${jail.jail}\n${treeOf(jail, banned, short, '').join('\n')}\n`;
}

/** `status --all`. */
export function allText(
  jails: readonly { jail: JailView; banned: readonly string[] }[],
  short = false,
): string {
  const ordered = jails.toSorted((a, b) => (a.jail.jail < b.jail.jail ? -1 : 1));
  const lines = [
    'Status',
    `|- Number of jail:\t${jails.length}`,
    `|- Jail list:\t${ordered.map(({ jail }) => jail.jail).join(', ')}`,
    '`- Status for the jails:',
  ];
  for (const [index, { jail, banned }] of ordered.entries()) {
    const last = index === ordered.length - 1;
    lines.push(
      `   ${last ? '`-' : '|-'} Jail: ${jail.jail}`,
      ...treeOf(jail, banned, short, last ? '      ' : '   |  '),
    );
  }
  return `${lines.join('\n')}\n`;
}

function treeOf(
  jail: JailView,
  banned: readonly string[],
  short: boolean,
  indent: string,
): string[] {
  const where =
    jail.files === undefined
      ? `Journal matches:\t${jail.match}`
      : `File list:\t${jail.files.join(' ')}`;
  const actions = [
    `Currently banned:\t${jail.currentlyBanned}`,
    `Total banned:\t${jail.totalBanned}`,
  ];
  if (!short) actions.push(`Banned IP list:\t${banned.join(' ')}`);
  return [
    `${indent}|- Filter`,
    `${indent}|  |- Currently failed:\t${jail.currentlyFailed}`,
    `${indent}|  |- Total failed:\t${jail.totalFailed}`,
    `${indent}|  \`- ${where}`,
    `${indent}\`- Actions`,
    ...actions.map(
      (line, index) => `${indent}   ${index === actions.length - 1 ? '`-' : '|-'} ${line}`,
    ),
  ];
}

/** `stats`: a table in box drawing, or in ASCII where the locale has no such characters. */
export function statsText(jails: readonly JailView[], unicode = true): string {
  const rows = jails
    .toSorted((a, b) => (a.jail < b.jail ? -1 : 1))
    .map((jail) =>
      [
        jail.jail,
        backendOf(jail),
        jail.currentlyFailed,
        jail.totalFailed,
        jail.currentlyBanned,
        jail.totalBanned,
      ].map(String),
    );
  const widths = [8, 8, 3, 3, 3, 3].map((least, column) =>
    Math.max(least, ...rows.map((row) => (row[column] ?? '').length)),
  );
  const [name = 8, backend = 8, a = 3, b = 3, c = 3, d = 3] = widths;
  const line = (cells: readonly string[]) => {
    const cell = (index: number) => (cells[index] ?? '').padStart(widths[index] ?? 0);
    const text = (index: number) => (cells[index] ?? '').padEnd(widths[index] ?? 0);
    return `${text(0)} ║ ${text(1)} ║ ${cell(2)} │ ${cell(3)} ║ ${cell(4)} │ ${cell(5)}`;
  };
  const spans = [name, backend, a + b + 3, c + d + 3];
  const rule = (cross: string) => `${spans.map((width) => '═'.repeat(width)).join(`═${cross}═`)}═`;
  const [left = 0, right = 0] = spans.slice(2);
  const text = [
    `${''.padEnd(name)} ║ ${''.padEnd(backend)} ║ ${'Filter'.padEnd(left)} ║ ${'Actions'.padEnd(right)}`,
    `${'Jail'.padEnd(name)} ║ ${'Backend'.padEnd(backend)} ╟─${'─'.repeat(left)}─╫─${'─'.repeat(right)}─`,
    line(['', '', 'cur', 'tot', 'cur', 'tot']),
    rule('╬'),
    ...rows.map(line),
    rule('╩'),
    '',
  ].join('\n');
  return unicode
    ? text
    : text
        .replace(/[║│╟╫]/g, '|')
        .replace(/─/g, '-')
        .replace(/═/g, '=')
        .replace(/[╬╩]/g, '+');
}

/** fail2ban's names of where lines come from. */
export function backendOf(jail: JailView): string {
  return jail.files === undefined ? 'systemd' : 'polling';
}

/** `get JAIL banip --with-time`: `ADDRESS \tSTART + SECONDS = END`, local time. */
export function banTimeLine(ban: BanView): string {
  const start = Math.floor(Date.parse(ban.time) / 1000);
  const end = ban.until === null ? undefined : Math.floor(Date.parse(ban.until) / 1000);
  const length = end === undefined ? -1 : end - start;
  return `${ban.target} \t${local(start)} + ${length} = ${end === undefined ? '9999-12-31 23:59:59' : local(end)}`;
}

/** By the end of the ban, as fail2ban sorts them; those without an end last. */
export function byEnd(bans: readonly BanView[]): BanView[] {
  const end = (ban: BanView) =>
    ban.until === null ? Number.POSITIVE_INFINITY : Date.parse(ban.until);
  return bans.toSorted((a, b) => end(a) - end(b) || a.id - b.id);
}

/** `Current ...:` with a branch per line. */
export function listText(title: string, items: readonly string[]): string {
  return [
    title,
    ...items.map((item, index) => `${index === items.length - 1 ? '`-' : '|-'} ${item}`),
  ].join('\n');
}

/** A value as Python's `repr` writes it: what some answers of fail2ban-client are. */
export function pythonRepr(value: unknown): string {
  if (typeof value === 'string') {
    const escaped = value.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
    return escaped.includes("'") && !escaped.includes('"')
      ? `"${escaped}"`
      : `'${escaped.replaceAll("'", "\\'")}'`;
  }
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'object')
    return `{${Object.entries(value)
      .map(([key, one]) => `${pythonRepr(key)}: ${pythonRepr(one)}`)
      .join(', ')}}`;
  return String(value);
}

/** A line as fail2ban-client writes it to standard error. */
export function errorLine(message: string, now = new Date()): string {
  const ms = String(now.getMilliseconds()).padStart(3, '0');
  const stamp = local(Math.floor(now.getTime() / 1000));
  return `${stamp},${ms} fail2ban                [${process.pid}]: ERROR   ${message}\n`;
}

function local(seconds: number): string {
  const date = new Date(seconds * 1000);
  const two = (value: number) => String(value).padStart(2, '0');
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  );
}

function sorted(names: readonly string[]): string[] {
  return [...names].sort();
}

/**
 * Whether the locale's characters have box drawing. Python, and so fail2ban, takes C and POSIX as
 * UTF-8 (PEP 538).
 */
export function hasUnicode(env: NodeJS.ProcessEnv): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return !locale.includes('.') || /\.utf-?8/i.test(locale);
}
