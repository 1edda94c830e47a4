/**
 * What an agent is made of, as the configuration says: plain data, the same for `run` and `replay`.
 */
import { LEDGER } from '../config/schema.js';
import type { JailSource, Settings } from '../config/types.js';
import { type SourceSpec, TEXT_LOG_FIELD, type TextLog } from '../core/entry.js';
import type { MatchExpression } from '../core/match.js';
import { type SourceId, sourceId } from '../core/names.js';
import type {
  AllowSpec,
  FilterDefinition,
  FirewallPlan,
  JailIntake,
  JailPolicy,
  JailRule,
} from '../core/specs.js';
import { type Seconds, seconds } from '../core/time.js';

// Which file the ledger is: `dbfile` of the configuration, or where the command line says that
// state is kept.

/** A ledger that is kept nowhere. */
export const IN_MEMORY = ':memory:';

/**
 * `stated`: what follows from the command line; it gives way to a `dbfile` that the administrator
 * has set.
 */
export function ledgerPathOf({ dbfile }: Pick<Settings, 'dbfile'>, stated: string): string {
  if (stated === IN_MEMORY || dbfile === LEDGER) return stated;
  return dbfile ?? IN_MEMORY;
}

// Text files: from what the configuration says to how they are read, and the match by which their
// jails find them.

type TextSource = Extract<JailSource, { kind: 'text' }>;

/** The logs of a jail; the date pattern is its filter's. */
export function textSpec(
  source: TextSource,
  filter: FilterDefinition,
): Extract<SourceSpec, { kind: 'text' }> {
  const datepattern = filter.datepattern?.text;
  return {
    kind: 'text',
    logs: source.paths.map(({ path, from }): TextLog => {
      const { encoding, timezone } = source;
      const unusual = [
        ...(from === 'tail' ? ['tail'] : []),
        ...(encoding === 'auto' ? [] : [encoding]),
        ...(timezone === null ? [] : [timezone]),
        ...(datepattern === undefined ? [] : [datepattern]),
      ];
      return {
        key: [path, ...unusual].join(' '),
        path,
        from,
        encoding,
        timezone,
        ...(datepattern === undefined ? {} : { datepattern }),
      };
    }),
  };
}

/** Entries of these logs. */
export function textMatch({ logs }: Extract<SourceSpec, { kind: 'text' }>): MatchExpression {
  return { groups: [new Map([[TEXT_LOG_FIELD, logs.map(({ key }) => key)]])] };
}

export interface JailSetup {
  readonly intake: JailIntake;
  readonly policy: JailPolicy;
  readonly rule: JailRule;
  /**
   * Absent in a jail that reads no entries, because it counts the bans of the others, or nothing.
   */
  readonly source?: SourceSpec;
  /** Files that it names and that are believed to be copies of its journal. */
  readonly unread?: readonly string[];
  /**
   * Asked before a ban of this jail is put in force: program and arguments, `<ip>` and kin still
   * in.
   */
  readonly ignorecommand?: readonly string[];
}

export interface AgentSetup {
  readonly jails: readonly JailSetup[];
  readonly allow: AllowSpec;
  readonly firewall: Omit<FirewallPlan, 'rules' | 'allow'>;
  /** Ended bans are kept in the ledger for so long. */
  readonly keepHistory: Seconds;
  /** False: IPv6 addresses are neither counted nor banned. */
  readonly ipv6: boolean;
}

/** A source and the jails that read it. */
export interface SourceGroup {
  readonly source: SourceSpec;
  readonly jails: readonly JailIntake[];
}

/** Jails that read the same source share one reader. */
export function bySource(jails: readonly JailSetup[]): Map<SourceId, SourceGroup> {
  const groups = new Map<SourceId, SourceGroup>();
  for (const { source, intake } of jails) {
    if (source === undefined) continue;
    const id = idOf(source);
    const group = groups.get(id);
    if (group === undefined) groups.set(id, { source, jails: [intake] });
    else groups.set(id, { source: joined(group.source, source), jails: [...group.jails, intake] });
  }
  return groups;
}

/** All text files have one reader; a file that several jails read in the same way is read once. */
function joined(a: SourceSpec, b: SourceSpec): SourceSpec {
  if (a.kind !== 'text' || b.kind !== 'text') return a;
  return {
    kind: 'text',
    logs: [...new Map([...a.logs, ...b.logs].map((log) => [log.key, log])).values()],
  };
}

/** The name under which the ledger keeps a source's position. */
export function idOf(source: SourceSpec): SourceId {
  switch (source.kind) {
    case 'local':
      return sourceId(source.namespace === undefined ? 'local' : `namespace:${source.namespace}`);
    case 'directory':
      return sourceId(`directory:${source.path}`);
    case 'files':
      return sourceId(`files:${source.paths.join(':')}`);
    case 'remote':
      return sourceId(`remote:${source.path}`);
    case 'container':
      return sourceId(`container:${source.name}`);
    case 'text':
      return sourceId('text');
    case 'export':
      return sourceId(`export:${source.path}`);
  }
}

/** What the filters of one reader are made of: the intakes of the jails that read entries. */
export function intakesOf(jails: readonly JailSetup[]): JailIntake[] {
  return jails.flatMap(({ source, intake }) => (source === undefined ? [] : [intake]));
}

/** Where a jail's failures come from, for people. */
export function placeOf({ source, policy }: JailSetup): string {
  if (source !== undefined) return idOf(source);
  if (policy.counts === 'bans') return 'ledger';
  return policy.counts === 'evidence' ? 'group' : 'by hand';
}

/** How far back the jails of these that weigh look; 0 when there is none. */
export function creditOf(jails: readonly Pick<JailSetup, 'policy'>[]): Seconds {
  const weighing = jails.filter(({ policy }) => policy.counts === 'evidence');
  return seconds(Math.max(0, ...weighing.map(({ policy }) => policy.evidence?.credit ?? 0)));
}

/** How far back the windows of these jails reach. */
export function longestFindtime(jails: readonly Pick<JailSetup, 'policy'>[]): Seconds {
  const windows = jails.filter(({ policy }) => policy.counts !== 'evidence');
  return seconds(Math.max(0, ...windows.map(({ policy }) => policy.findtime)));
}
