/**
 * What a reload would change: pure, for `reload --dry-run`, the log and the decision which readers
 * go on.
 */
import { isDeepStrictEqual } from 'node:util';
import { formatMatch } from '../core/match.js';
import type { JailName } from '../core/names.js';
import { shownCommand } from '../core/secrets.js';
import { type AgentSetup, type JailSetup, placeOf } from './setup.js';

export interface SetupDifference {
  readonly added: readonly JailName[];
  readonly removed: readonly JailName[];
  /** Jails that stay, with what changes in them, one line each. */
  readonly changed: ReadonlyMap<JailName, readonly string[]>;
  /** Hook, bridge, counters, ports or verdicts: the kernel's table changes. */
  readonly firewall: boolean;
  readonly allow: boolean;
  /** Settings of the agent as a whole, one line each. */
  readonly settings: readonly string[];
}

export function differenceOf(old: AgentSetup, next: AgentSetup): SetupDifference {
  const before = new Map(old.jails.map((jail) => [jail.policy.jail, jail]));
  const after = new Map(next.jails.map((jail) => [jail.policy.jail, jail]));
  const changed = new Map<JailName, readonly string[]>();
  for (const [name, jail] of after) {
    const was = before.get(name);
    const lines = was === undefined ? [] : changesOf(was, jail);
    if (lines.length > 0) changed.set(name, lines);
  }
  const rules = (setup: AgentSetup) => setup.jails.map(({ rule }) => rule);
  return {
    added: [...after.keys()].filter((name) => !before.has(name)),
    removed: [...before.keys()].filter((name) => !after.has(name)),
    changed,
    firewall: !isDeepStrictEqual([old.firewall, rules(old)], [next.firewall, rules(next)]),
    allow: !isDeepStrictEqual(old.allow, next.allow),
    settings: [
      ...(old.keepHistory === next.keepHistory
        ? []
        : [`dbpurgeage ${old.keepHistory} -> ${next.keepHistory}`]),
      ...(old.ipv6 === next.ipv6
        ? []
        : [next.ipv6 ? 'IPv6 addresses count' : 'IPv6 addresses are no longer counted']),
    ],
  };
}

/** True when a reload would change nothing. */
export function isEmpty({
  added,
  removed,
  changed,
  firewall,
  allow,
  settings,
}: SetupDifference): boolean {
  return (
    [added, removed, settings].every(({ length }) => length === 0) &&
    changed.size === 0 &&
    !firewall &&
    !allow
  );
}

/** The difference as lines for people. */
export function describeDifference(difference: SetupDifference): string[] {
  return [
    ...difference.added.map((name) => `jail ${name}: new`),
    ...difference.removed.map((name) => `jail ${name}: removed; its bans are lifted`),
    ...[...difference.changed].flatMap(([name, lines]) =>
      lines.map((line) => `jail ${name}: ${line}`),
    ),
    ...(difference.firewall ? ["the kernel's table changes; bans stay in force"] : []),
    ...(difference.allow
      ? ['the addresses that are never banned (ignoreip and the like) change']
      : []),
    ...difference.settings,
  ];
}

function changesOf(was: JailSetup, is: JailSetup): string[] {
  const lines: string[] = [];
  const compare = (key: string, a: unknown, b: unknown) => {
    if (!isDeepStrictEqual(a, b)) lines.push(`${key} ${shown(a)} -> ${shown(b)}`);
  };
  for (const key of [
    'maxretry',
    'findtime',
    'bantime',
    'ipv6prefix',
    'nat64',
    'increment',
    'forgetOnSuccess',
    'maxmatches',
    'counts',
    'share',
  ] as const)
    compare(key, was.policy[key], is.policy[key]);
  for (const key of ['ports', 'protocols', 'verdict', 'hook'] as const)
    compare(key, was.rule[key], is.rule[key]);
  if (!isDeepStrictEqual(was.ignorecommand, is.ignorecommand))
    lines.push(`ignorecommand ${shown(commandOf(was))} -> ${shown(commandOf(is))}`);
  compare('match', formatMatch(was.intake.match), formatMatch(is.intake.match));
  compare('source', placeOf(was), placeOf(is));
  if (!isDeepStrictEqual(was.intake.filter, is.intake.filter))
    lines.push(`filter ${is.intake.filter.name} is read anew`);
  return lines;
}

function commandOf({ ignorecommand }: JailSetup): string | undefined {
  return ignorecommand && shownCommand(ignorecommand).join(' ');
}

function shown(value: unknown): string {
  if (value === null) return 'permanent';
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : (JSON.stringify(value) ?? 'none');
}
