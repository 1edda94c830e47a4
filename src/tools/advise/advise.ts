/**
 * `banjour advise`: reads a journal once, judges what the filters found in it under many settings,
 * and says which of them lets the fewest guesses through without shutting out users.
 */
import { Allowlist } from '../../allow/allowlist.js';
import { allowContext } from '../../allow/snapshot.js';
import type { Address } from '../../core/address.js';
import type { SourceSpec } from '../../core/entry.js';
import type { JailName } from '../../core/names.js';
import { notRemote } from '../../core/networks.js';
import { type EpochMicros, secondsBetween } from '../../core/time.js';
import { DEFAULT_RULES } from '../../jail/evidence/rules.js';
import type { AllowContext } from '../../jail/judgement.js';
import { createLog } from '../../log/log.js';
import type { ConfigurationRoots, Loaded } from '../../setup/load.js';
import { ReplayProgress, readToEnd } from '../replay/replay.js';
import type { Terminal } from '../terminal.js';
import { judgeUnder, PrefixTexts, type SettingTally } from './judge.js';
import { AttemptStore, type KeptEvent } from './kept.js';
import {
  type Base,
  firstGrid,
  type Lines,
  linesOf,
  SettingsLoader,
  type SettingValues,
  secondGrid,
} from './settings.js';

export interface AdviseOptions {
  readonly configuration: ConfigurationRoots;
  readonly extraFiles: readonly string[];
  readonly source: SourceSpec;
  readonly since?: EpochMicros;
  readonly terminal: Pick<Terminal, 'stderr'>;
  /** Shows how far it is, on a terminal. */
  readonly progress: boolean;
}

/** One setting and what it came to. */
export interface Tried {
  readonly values: SettingValues;
  readonly lines: Lines;
  readonly tally: SettingTally;
}

/**
 * Why nothing is advised: `no-failures`: nothing to judge by; `too-short`: less than a day of it;
 * `no-logins`: who would be shut out cannot be told; `good`: nothing is clearly better than what is
 * there.
 */
type NoAdvice = 'no-failures' | 'too-short' | 'no-logins' | 'good';

export interface Advice {
  readonly entries: number;
  readonly failures: number;
  readonly logins: number;
  /** Events that did not fit, the oldest. */
  readonly left: number;
  readonly span: { readonly from: EpochMicros; readonly to: EpochMicros } | undefined;
  readonly base: Base;
  /** The configuration as it is, then all others in order of merit. */
  readonly tried: readonly Tried[];
  /** Index in `tried`, or why there is none. */
  readonly best: number | NoAdvice;
  /** What to write; with `watch` where too little was seen to trust the jail that weighs. */
  readonly lines: Lines;
  readonly seconds: { readonly reading: number; readonly judging: number };
}

/**
 * A blocked login, and a user's address that is banned, weigh as many guesses that pass: most
 * guesses fail by themselves, and a user who is shut out notices.
 */
export const HARM_GUESSES = 50;
/** Less than this share of all guesses is no reason to change anything. */
const WORTH = 0.01;
/** Fewer guesses than this say nothing, nor does a shorter time, in seconds. */
const GUESSES_MIN = 20;
const SPAN_MIN = 86_400;

/** @throws OperatorError when the configuration has errors or the journal cannot be read */
export async function advise(options: AdviseOptions): Promise<Advice> {
  const loader = new SettingsLoader(options.configuration, options.extraFiles);
  const loaded = loader.load();
  const allow = allowOf(loaded);
  const started = performance.now();
  const { store, entries } = await collect(options, loaded, allow);
  const read = performance.now();
  const events = store.all();
  const base = loader.base(loaded, new Set(events.map(({ jail }) => jail)));
  const judge = new Judge(loader, base, events, allow);
  const now = judge.at(base.values);
  const failures = countOf(events, 'failure');
  const logins = countOf(events, 'success');
  if (failures > 0) for (const values of firstGrid(base)) judge.at(values);
  if (failures > 0)
    for (const values of secondGrid(judge.ranked[0]?.values ?? base.values)) judge.at(values);
  const tried = [now, ...judge.ranked.filter((one) => one !== now)];
  const span = store.span();
  const length = span === undefined ? 0 : secondsBetween(span.from, span.to);
  const best = choice(tried, judge.ranked[0] ?? now, logins, length);
  return {
    entries,
    failures,
    logins,
    left: store.left,
    span,
    base,
    tried,
    best,
    lines: typeof best === 'number' ? careful(base, tried[best] ?? now, length) : new Map(),
    seconds: { reading: (read - started) / 1000, judging: (performance.now() - read) / 1000 },
  };
}

/** What a setting costs, in guesses. */
function costOf({ passed, blocked, hits }: SettingTally): number {
  return passed + HARM_GUESSES * (blocked + hits.length);
}

/** Reads the journal to its end; what concerns an address that is never banned is left out. */
async function collect(
  { source, since, terminal, progress }: AdviseOptions,
  { setup, warnings }: Loaded,
  allow: AllowContext,
): Promise<{ readonly store: AttemptStore; readonly entries: number }> {
  const { log } = createLog({ level: 'info', stream: terminal.stderr, style: 'plain' });
  for (const warning of warnings) log('warning', warning);
  const bar = new ReplayProgress(terminal.stderr, progress);
  const store = new AttemptStore();
  const known = new Set<JailName>(setup.jails.map(({ policy }) => policy.jail));
  const stats = await readToEnd(
    async ({ events }) => {
      for (const event of events)
        if (
          known.has(event.jail) &&
          notRemote(event.address) === undefined &&
          allow.allowed(event.jail, event.address) === undefined
        )
          store.add(event);
    },
    {
      setup,
      source,
      log,
      progress: ({ entriesRead, position, progress: fraction }) =>
        bar.show(entriesRead, position?.time, fraction),
      ...(since === undefined ? {} : { since }),
    },
  ).finally(() => bar.end());
  return { store, entries: stats?.entriesRead ?? 0 };
}

/** Judges under each setting once. */
class Judge {
  readonly #loader: SettingsLoader;
  readonly #base: Base;
  readonly #events: readonly KeptEvent[];
  readonly #allow: AllowContext;
  readonly #texts = new PrefixTexts();
  /** By what the jails are made of: different lines may say the same. */
  readonly #known = new Map<string, Tried>();

  constructor(
    loader: SettingsLoader,
    base: Base,
    events: readonly KeptEvent[],
    allow: AllowContext,
  ) {
    this.#loader = loader;
    this.#base = base;
    this.#events = events;
    this.#allow = allow;
  }

  at(values: SettingValues): Tried {
    const lines = linesOf(this.#base, values);
    const { jails } = (lines.size === 0 ? this.#base.loaded : this.#loader.load(lines)).setup;
    const key = JSON.stringify(jails.map(({ policy, rule }) => [policy, rule]));
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const tried = {
      values,
      lines,
      tally: judgeUnder(this.#events, jails, this.#allow, this.#texts),
    };
    this.#known.set(key, tried);
    return tried;
  }

  /** The cheapest first; of equals the one with fewer lines. */
  get ranked(): readonly Tried[] {
    return [...this.#known.values()].sort(
      (a, b) => costOf(a.tally) - costOf(b.tally) || linesIn(a.lines) - linesIn(b.lines),
    );
  }
}

function choice(
  tried: readonly Tried[],
  best: Tried,
  logins: number,
  length: number,
): number | NoAdvice {
  const now = (tried[0] as Tried).tally;
  if (now.guesses < GUESSES_MIN) return 'no-failures';
  if (length < SPAN_MIN) return 'too-short';
  if (logins === 0) return 'no-logins';
  if (costOf(now) - costOf(best.tally) < now.guesses * WORTH) return 'good';
  return tried.indexOf(best);
}

/**
 * The lines to take over. The jail that weighs first learns who logs in: after a short journal it
 * is advised to watch.
 */
function careful(base: Base, { values, lines }: Tried, length: number): Lines {
  const isNew = values.login === 'on' && base.values.login !== 'on';
  return isNew && length < DEFAULT_RULES.learning
    ? linesOf(base, { ...values, login: 'watch' })
    : lines;
}

function allowOf({ setup }: Loaded): AllowContext {
  // What depends on the host of today says nothing of the journal's time.
  const allowlist = new Allowlist({ ...setup.allow, self: false, lockoutGuard: false });
  const context = allowContext(
    () => allowlist.snapshot,
    () => setup.ipv6,
  );
  // Every setting asks the same of the same addresses.
  const known = new Map<JailName, WeakMap<Address, string | false>>();
  return {
    coversAllowed: context.coversAllowed,
    allowed: (jail, address) => {
      const answers = known.get(jail) ?? new WeakMap<Address, string | false>();
      known.set(jail, answers);
      const answer = answers.get(address) ?? context.allowed(jail, address) ?? false;
      answers.set(address, answer);
      return answer === false ? undefined : answer;
    },
  };
}

function countOf(events: readonly KeptEvent[], kind: KeptEvent['kind']): number {
  return events.reduce((sum, event) => sum + (event.kind === kind ? event.count : 0), 0);
}

function linesIn(lines: Lines): number {
  return [...lines.values()].reduce((sum, { size }) => sum + size, 0);
}
