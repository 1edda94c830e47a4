/**
 * `banjour replay`: a replay with its log lines or JSON and its progress; what it came to is the
 * answer.
 */

import { type Announcement, Announcer } from '../../agent/announce.js';
import type { IntakeStats } from '../../agent/intake/protocol.js';
import { peakResidentBytes } from '../../agent/memory.js';
import { Allowlist } from '../../allow/allowlist.js';
import { allowContext } from '../../allow/snapshot.js';
import { BANJOUR_EVENTS, type FilterEvent } from '../../core/decision.js';
import type { SourceSpec } from '../../core/entry.js';
import { EXIT, OperatorError } from '../../core/errors.js';
import type { KernelState } from '../../core/firewall.js';
import { type Log, silentLog } from '../../core/log.js';
import type { JailName } from '../../core/names.js';
import { type EpochMicros, SetClock } from '../../core/time.js';
import { NftBackend } from '../../firewall/nft.js';
import { NoFirewall } from '../../firewall/recording.js';
import { createLog, styleFor } from '../../log/log.js';
import { type ConfigurationRoots, loadSetup } from '../../setup/load.js';
import { differenceFromHistory, type WhatDiffers } from './history.js';
import { ReplayProgress, replay } from './replay.js';
import { WhatIf, type WhatIfResult } from './what-if.js';

interface Output {
  out(text: string): void;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
}

export interface ReplayServiceOptions {
  readonly configuration: ConfigurationRoots;
  readonly source: SourceSpec;
  readonly terminal: Output;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly intoKernel: boolean;
  /** Only these; all enabled ones when empty. */
  readonly jails: readonly string[];
  /** Configuration files that are read after everything else. */
  readonly extraFiles: readonly string[];
  /** Keys of every jail that are set to this. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly since?: EpochMicros;
  /** Ledger whose history is compared with; `must`: it is an error when it cannot be read. */
  readonly history?: { readonly path: string; readonly must: boolean };
  /** Columns of the timeline, at most. */
  readonly binsMax: number;
}

/** What the replay took of the machine. */
interface ReplayCost {
  readonly seconds: number;
  /** Of all threads. */
  readonly cpuSeconds: number;
  readonly residentBytesMax: number;
}

export interface ReplayOutcome extends WhatIfResult {
  readonly totals: Readonly<Totals>;
  readonly stats: IntakeStats | undefined;
  /** Time of the last entry. */
  readonly end: EpochMicros;
  readonly cost: ReplayCost;
  /** Only with `intoKernel`. */
  readonly kernel?: KernelState;
  readonly difference?: WhatDiffers;
  /** Why there is no difference although one was looked for. */
  readonly noDifference?: string;
  readonly order: readonly JailName[];
}

/** How often each event was announced. */
type Totals = Record<Announcement['event'], number>;

export async function runReplay(options: ReplayServiceOptions): Promise<ReplayOutcome> {
  const { terminal, jails, extraFiles, overrides } = options;
  const loaded = loadSetup(options.configuration, { overrides, jails, extraFiles });
  const setup = {
    ...loaded.setup,
    allow: { ...loaded.setup.allow, self: false, lockoutGuard: false },
  };
  const progress = new ReplayProgress(
    terminal.stderr,
    !options.json && terminal.stderr.isTTY === true,
  );
  const clock = new SetClock();
  const firewall = options.intoKernel ? new NftBackend({ clock }) : new NoFirewall();
  const totals = Object.fromEntries(BANJOUR_EVENTS.map((event) => [event, 0])) as Totals;
  const whatIf = new WhatIf({
    policies: setup.jails.map(({ policy }) => policy),
    binsMax: options.binsMax,
    shiftSeconds: -60 * new Date().getTimezoneOffset(),
  });
  const { problems, announcer } = voicesOf(options, progress, clock, (event, kind) => {
    totals[kind]++;
    whatIf.failure(event, kind);
  });
  for (const warning of loaded.warnings) problems('warning', warning);
  announcer.subscribe((announcement) => {
    totals[announcement.event]++;
    whatIf.announced(announcement);
  }, 'no-failures');
  if (options.json)
    announcer.subscribe((announcement) => terminal.out(`${JSON.stringify(announcement)}\n`));
  const allowlist = new Allowlist(setup.allow);
  const started = performance.now();
  const before = process.cpuUsage();
  const { stats } = await replay({
    setup,
    source: options.source,
    announcer,
    allow: allowContext(
      () => allowlist.snapshot,
      () => setup.ipv6,
    ),
    log: problems,
    firewall,
    clock,
    succeeded: (event) => whatIf.success(event),
    progress: ({ entriesRead, position, progress: fraction }) => {
      if (position !== undefined) whatIf.reach(position.time);
      progress.show(entriesRead, position?.time, fraction);
    },
    ...(options.since === undefined ? {} : { since: options.since }),
  });
  progress.end();
  requireEntries(options.source, stats);
  const cost = costSince(started, before);
  const kernel = options.intoKernel ? await firewall.read() : undefined;
  await firewall.close();
  const result = whatIf.result();
  const end = clock.now();
  const from = (options.since ?? (result.timeline?.from ?? 0) * 1e6) as EpochMicros;
  return {
    ...result,
    totals,
    stats,
    end,
    cost,
    order: setup.jails.map(({ policy }) => policy.jail),
    ...(kernel === undefined ? {} : { kernel }),
    ...compare(options, { banned: result.banned, from, to: end, keep: setup.keepHistory }),
  };
}

/** The cost of a replay that began then. */
function costSince(started: number, before: NodeJS.CpuUsage): ReplayCost {
  const { user, system } = process.cpuUsage(before);
  return {
    seconds: (performance.now() - started) / 1000,
    cpuSeconds: (user + system) / 1e6,
    residentBytesMax: peakResidentBytes(),
  };
}

/** A file of which nothing could be read as an entry is no journal, which is an error. */
function requireEntries(source: SourceSpec, stats: IntakeStats | undefined): void {
  if (source.kind !== 'export' || stats === undefined || stats.entriesRead === 0) return;
  if (stats.entriesUnreadable < stats.entriesRead) return;
  const path = source.path === '-' ? 'standard input' : source.path;
  throw new OperatorError(`${path} holds no entry of a journal`, {
    exitCode: EXIT.dataError,
    hint: 'journalctl -o export writes such entries; banjour test tries lines of text',
  });
}

/** Where a replay says what happens, and what is wrong: in the journal's time, on this terminal. */
function voicesOf(
  { terminal, json, quiet }: ReplayServiceOptions,
  progress: ReplayProgress,
  clock: SetClock,
  failure: (event: FilterEvent, kind: 'found' | 'ignored') => void,
): { readonly problems: Log; readonly announcer: Announcer } {
  const lines = createLog({
    level: 'info',
    stream: { write: (text) => progress.around(() => terminal.out(text)) },
    style: terminal.stdout.isTTY === true ? styleFor(terminal.stdout, terminal.env) : 'plain',
    now: () => clock.now() / 1000,
    linesPerSecondMax: Number.POSITIVE_INFINITY,
  });
  return {
    problems: createLog({ level: 'info', stream: terminal.stderr, style: 'plain' }).log,
    announcer: new Announcer(json || quiet ? silentLog : lines.log, failure),
  };
}

function compare(
  { history, jails }: ReplayServiceOptions,
  what: Omit<Parameters<typeof differenceFromHistory>[0], 'path' | 'jails'>,
): Pick<ReplayOutcome, 'difference' | 'noDifference'> {
  if (history === undefined) return {};
  try {
    return { difference: differenceFromHistory({ ...what, path: history.path, jails }) };
  } catch (error) {
    if (history.must || !(error instanceof OperatorError)) throw error;
    return { noDifference: error.message };
  }
}
