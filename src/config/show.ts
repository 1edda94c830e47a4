/** What `config check` and `config show` print. */
import { formatPrefix } from '../core/address.js';
import { type Diagnostic, formatDiagnostic } from '../core/finding.js';
import { formatMatch } from '../core/match.js';
import { HIDDEN, hideSecrets, shownCommand } from '../core/secrets.js';
import type { AllowTerm, PortRange } from '../core/specs.js';
import { counted, escapeUntrusted } from '../core/text.js';
import { BUILT_IN } from '../ini/value.js';

import type { Config, JailConfig, JailSource, NotifySpec, Setting } from './types.js';

/** One line per problem, errors last so that they are seen, and a sum. */
export function formatDiagnostics(diagnostics: readonly Diagnostic[]): string {
  const order = { note: 0, warning: 1, error: 2 } as const;
  const sorted = [...diagnostics].sort((a, b) => order[a.level] - order[b.level]);
  const lines = sorted.map((diagnostic) => escapeUntrusted(formatDiagnostic(diagnostic), 4_096));
  const count = (level: Diagnostic['level'], word: string) => {
    const found = diagnostics.filter((diagnostic) => diagnostic.level === level).length;
    return counted(found, word);
  };
  return [
    ...lines,
    `${count('error', 'error')}, ${count('warning', 'warning')}, ${count('note', 'note')}`,
  ].join('\n');
}

/**
 * The effective configuration in its own syntax, each value with its origin as a comment. Secrets
 * are left out.
 */
export function showConfig(config: Config): string {
  const lines = [
    '# Files read, in order:',
    ...config.files.map((file) => `#   ${file}`),
    '',
    '[Definition]',
  ];
  for (const [key, setting] of config.origins) lines.push(withOrigin(key, setting));
  lines.push(
    '',
    `# Never banned: ${config.allow.terms.map(formatTerm).join(' ') || '(nothing stated)'}`,
  );
  lines.push(`# own addresses ${config.allow.self ? 'are' : 'are not'} spared`);
  lines.push(
    `# packets are judged in: ${config.firewall.hook}${config.firewall.bridge ? ' and bridge' : ''}`,
  );
  for (const jail of config.jails) lines.push('', ...showJail(jail));
  if (config.disabled.length > 0) lines.push('', `# Not enabled: ${config.disabled.join(' ')}`);
  return `${lines.map((line) => escapeUntrusted(line, 8_192)).join('\n')}\n`;
}

/**
 * The same as data: the effective configuration, its secrets hidden. Maps become objects: JSON has
 * no other word.
 */
export function configJson(config: Config): string {
  const jails = config.jails.map((jail) => ({
    ...jail,
    ignorecommand: jail.ignorecommand && shownCommand(jail.ignorecommand),
    notify: jail.notify.map(shownNotify),
    origins: shownOrigins(jail.origins),
  }));
  const shown = { ...config, jails, origins: shownOrigins(config.origins) };
  return JSON.stringify(shown, (_key, value: unknown) =>
    value instanceof Map ? Object.fromEntries(value) : value,
  );
}

function shownNotify(spec: NotifySpec): NotifySpec {
  if (spec.kind === 'mail') return spec;
  if (spec.kind === 'exec') return { ...spec, argv: shownCommand(spec.argv) };
  return 'file' in spec.url ? spec : { ...spec, url: { text: HIDDEN } };
}

function shownOrigins(origins: ReadonlyMap<string, Setting>): Map<string, Setting> {
  return new Map(
    [...origins].map(([key, setting]) => [
      key,
      { ...setting, text: hideSecrets(setting.text, key) },
    ]),
  );
}

function showJail(jail: JailConfig): string[] {
  const { filter } = jail.intake;
  const ports = jail.rule.ports === 'all' ? 'all' : jail.rule.ports.map(formatRange).join(',');
  const protocols = jail.rule.protocols === 'all' ? 'all' : jail.rule.protocols.join(',');
  const effect = [
    `# reads: ${formatSource(jail)}`,
    `# closes: ports ${ports}, protocols ${protocols}, ${jail.rule.verdict}, in ${jail.hook}`,
    ...jail.notify.map((spec) => `# tells: ${formatNotify(spec)}`),
    ...filter.failregex.map(
      ({ text, place }) => `# failregex: ${text}   (${place.file}:${place.line})`,
    ),
    ...filter.ignoreregex.map(
      ({ text, place }) => `# ignoreregex: ${text}   (${place.file}:${place.line})`,
    ),
  ];
  return [
    `[${jail.name}]`,
    ...[...jail.origins].map(([key, setting]) => withOrigin(key, setting)),
    ...effect,
  ];
}

function withOrigin(key: string, { text, place }: Setting): string {
  const origin = place.file === BUILT_IN ? BUILT_IN : `${place.file}:${place.line}`;
  const value = hideSecrets(text, key).split('\n').join(' ').trim();
  return `${`${key} = ${value}`.padEnd(48)}  # ${origin}`;
}

function formatSource(jail: JailConfig): string {
  const source: JailSource = jail.source;
  if (source.kind === 'ledger') return 'the bans of the other jails, from the ledger';
  if (source.kind === 'group') return 'what the jails of its group find';
  if (source.kind === 'hand') return 'nothing: it holds what is banned by hand';
  if (source.kind === 'text')
    return source.paths.map((path) => `${path.path} (${path.from})`).join(', ');
  const where =
    'path' in source.spec
      ? ` ${source.spec.path}`
      : 'paths' in source.spec
        ? ` ${source.spec.paths.join(' ')}`
        : '';
  return `journal (${source.spec.kind}${where}), match ${formatMatch(jail.intake.match) || 'all'}`;
}

function formatNotify(spec: NotifySpec): string {
  if (spec.kind === 'mail')
    return `mail (${spec.style}) to ${spec.dest} from ${spec.sendername} <${spec.sender}>`;
  if (spec.kind === 'exec') return `exec ${spec.argv[0]}`;
  return `${spec.kind} ${'file' in spec.url ? spec.url.file : HIDDEN}`;
}

function formatRange(range: PortRange): string {
  return range.first === range.last ? `${range.first}` : `${range.first}-${range.last}`;
}

function formatTerm(term: AllowTerm): string {
  return term.kind === 'prefix'
    ? formatPrefix(term.prefix)
    : term.kind === 'name'
      ? term.name
      : `file:${term.path}`;
}
