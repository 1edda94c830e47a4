/** What the control sockets may ask of the agent, and the views that they get. */
import { parseLoglevel } from '../config/settings.js';
import { parseDuration } from '../config/values.js';
import type {
  AgentView,
  AttemptAnswer,
  AttemptRequest,
  BanRequest,
  BanView,
  ChangeAnswer,
  CountersView,
  ExplainView,
  HistoryQuery,
  ImportAnswer,
  ImportRequest,
  JailView,
  Operations,
  OptionsView,
  OptionView,
  ReloadAnswer,
  ReloadRequest,
  SetAnswer,
  SetRequest,
  StreamEvent,
  StreamStart,
  UnbanRequest,
} from '../control/protocol.js';
import { covers, formatPrefix } from '../core/address.js';
import { OperatorError } from '../core/errors.js';
import type { JailName } from '../core/names.js';
import { hideSecrets } from '../core/secrets.js';
import { counted } from '../core/text.js';
import { isoTime, seconds, wallClock } from '../core/time.js';
import type { MetricsFormat } from '../metrics/format.js';
import { describeDifference } from '../setup/difference.js';
import type { LiveJail } from '../setup/load.js';
import type { JailSetup } from '../setup/setup.js';
import type { Agent } from './agent.js';
import { unsavedWarnings } from './allow-context.js';
import { EventLog } from './announce.js';
import { Cached, CachedAsync } from './cached.js';
import { ControlChanges, prefixOf } from './control-changes.js';
import { banListViews, banView, jailView, sourceView } from './control-views.js';

/** Bans of the past that `explain` shows. */
const EXPLAIN_BANS_MAX = 20;
/**
 * Numbers of bans are counted anew after so long although nothing was announced: history is tidied
 * in silence.
 */
const COUNTS_KEPT_MS = 60_000;

export class AgentOperations implements Operations {
  readonly #agent: Agent;
  readonly #operator: ControlChanges;
  readonly #events: EventLog;
  readonly #counts: Cached<ReturnType<Agent['ledger']['history']['counts']>>;
  readonly #status: Cached<AgentView>;
  readonly #kernel: CachedAsync<Awaited<ReturnType<Agent['firewall']['read']>>>;

  constructor(agent: Agent) {
    this.#agent = agent;
    this.#operator = new ControlChanges(agent);
    this.#events = new EventLog(agent.announcer, agent.startedAt);
    this.#counts = new Cached(() => agent.ledger.history.counts());
    this.#events.subscribe(() => this.#counts.touch());
    this.#status = new Cached(() => this.#view());
    this.#kernel = new CachedAsync(() => agent.firewall.read());
  }

  metrics(format: MetricsFormat): Promise<string> {
    return this.#agent.measure.text(format);
  }

  version(): string {
    return this.#agent.version;
  }

  status(): AgentView {
    return this.#status.get();
  }

  jail(name: string): { readonly jail: JailView; readonly banned: Iterable<BanView> } {
    const jail = this.#find(name);
    const banned = this.#agent.ledger.inForce(wallClock.now(), jail.policy.jail);
    return { jail: this.#jailView(jail), banned: banListViews(banned) };
  }

  bans(query: { readonly jail?: string; readonly address?: string }): Iterable<BanView> {
    const { ledger } = this.#agent;
    const now = wallClock.now();
    const jail = query.jail === undefined ? undefined : this.#find(query.jail).policy.jail;
    if (query.address === undefined) return banListViews(ledger.inForce(now, jail));
    const target = prefixOf(query.address);
    return ledger.history
      .find({ target, ...(jail === undefined ? {} : { jail }) })
      .filter(
        ({ state, until }) =>
          (state === 'wanted' || state === 'in-force') && (until === null || until > now),
      )
      .map(banView);
  }

  history(query: HistoryQuery): readonly BanView[] {
    return this.#agent.ledger.history
      .find({
        limit: query.limit,
        ...(query.before === undefined ? {} : { before: query.before }),
        ...(query.after === undefined ? {} : { after: query.after }),
        ...(query.oldestFirst === undefined ? {} : { oldestFirst: query.oldestFirst }),
        ...(query.jail === undefined ? {} : { jail: query.jail as JailName }),
        ...(query.address === undefined ? {} : { target: prefixOf(query.address) }),
      })
      .map(banView);
  }

  newestBan(): number {
    return this.#agent.ledger.history.newestId();
  }

  async counters(): Promise<CountersView> {
    const { present, counters } = await this.#kernel.get();
    return { present, jails: Object.fromEntries(counters) };
  }

  async explain(address: string): Promise<ExplainView> {
    const agent = this.#agent;
    const now = wallClock.now();
    const target = prefixOf(address);
    const { snapshot } = agent.allow;
    const allowed = agent.setup.jails.flatMap(({ policy }) => {
      const reason = snapshot.overlaps(policy.jail, target);
      return reason === undefined ? [] : [[policy.jail, reason.text]];
    });
    const { elements } = await this.#kernel.get();
    return {
      address: formatPrefix(target),
      allowed: Object.fromEntries(allowed),
      bans: agent.ledger.history.find({ target, limit: EXPLAIN_BANS_MAX }).map(banView),
      windows: agent.jails.explain(target, now).map(({ last, target: counted, ...window }) => ({
        ...window,
        target: formatPrefix(counted),
        ...(last === undefined ? {} : { last: isoTime(last) }),
      })),
      kernel: elements
        .filter((element) => covers(element.target, target))
        .map((element) => ({
          jail: element.jail,
          target: formatPrefix(element.target),
          until: element.until === null ? null : isoTime(element.until),
        })),
    };
  }

  options(name: string | undefined): OptionsView {
    const { live } = this.#agent;
    if (name === undefined) {
      const level: OptionView = { value: this.#agent.loglevel.get().toUpperCase(), live: false };
      const options = { ...optionsOf(live.config.origins, new Map()), loglevel: level };
      const { keepHistory } = this.#agent.setup;
      if (keepHistory === live.config.settings.dbpurgeage) return { options };
      return { options: { ...options, dbpurgeage: { value: String(keepHistory), live: true } } };
    }
    this.#find(name);
    const jail = live.jail(name) as LiveJail;
    const { filter } = jail.config.intake;
    const terms = [...live.config.allow.terms, ...jail.config.allow];
    return {
      options: optionsOf(jail.config.origins, jail.overrides),
      ignoreip: [...new Set(terms.map(termText))],
      failregex: filter.failregex.map(({ text }) => text),
      ignoreregex: filter.ignoreregex.map(({ text }) => text),
    };
  }

  async set({ jail, key, action, value }: SetRequest): Promise<SetAnswer> {
    if (jail === undefined) return this.#setOfAgent(key, value);
    this.#find(jail);
    const difference = await this.#changing(
      this.#agent.reload(false, (live) => live.changed(jail, { key, action, value })),
    );
    const now = this.options(jail).options[key.toLowerCase()];
    return {
      key: key.toLowerCase(),
      value: now?.value ?? '',
      changes: describeDifference(difference),
    };
  }

  attempt(request: AttemptRequest): Promise<AttemptAnswer> {
    return this.#changing(this.#operator.attempt(request));
  }

  ban(request: BanRequest): Promise<ChangeAnswer> {
    return this.#changing(this.#operator.ban(request));
  }

  unban(request: UnbanRequest): Promise<ChangeAnswer> {
    return this.#changing(this.#operator.unban(request));
  }

  import(request: ImportRequest): Promise<ImportAnswer> {
    return this.#changing(this.#operator.import(request));
  }

  async flush(): Promise<void> {
    await this.#agent.firewall.flush();
  }

  async reload({ dryRun = false, jail, unban = false, by }: ReloadRequest): Promise<ReloadAnswer> {
    const difference = await this.#changing(
      this.#agent.reload(dryRun, (live) =>
        jail === undefined ? live.reloaded() : live.reloadedJail(jail),
      ),
    );
    const changes = describeDifference(difference);
    if (!unban || dryRun) return { changes };
    const isHere =
      jail === undefined || this.#agent.setup.jails.some(({ policy }) => policy.jail === jail);
    const { changed } = isHere
      ? await this.unban({
          targets: 'all',
          ...(jail === undefined ? {} : { jail }),
          ...(by === undefined ? {} : { by }),
        })
      : { changed: 0 };
    return { changes: [...changes, `${counted(changed, 'ban')} lifted`] };
  }

  eventsSince(id: number | undefined): StreamStart {
    return this.#events.since(id);
  }

  subscribe(listener: (event: StreamEvent) => void): () => void {
    return this.#events.subscribe(listener);
  }

  /** Who has changed something sees it at once. */
  async #changing<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      this.#status.drop();
      this.#counts.drop();
    }
  }

  #view(): AgentView {
    const agent = this.#agent;
    const now = wallClock.now();
    const { counts } = agent.kernel;
    return {
      version: agent.version,
      pid: process.pid,
      since: isoTime(agent.startedAt),
      state: agent.readers.all.every(({ phase }) => ['live', 'ended', 'waiting'].includes(phase))
        ? 'running'
        : 'starting',
      loglevel: agent.loglevel.get(),
      sources: agent.readers.all.map((reader) =>
        sourceView(reader, agent.prober.lagOf(reader.id), now),
      ),
      firewall: {
        hook: agent.setup.firewall.hook,
        inForce: [...this.#counts.get(COUNTS_KEPT_MS).values()].reduce(
          (sum, one) => sum + one.currentlyBanned,
          0,
        ),
        refused: counts.refused,
        batches: counts.batches,
        healed: counts.healed,
        lastBatchMs: counts.lastBatchMs ?? null,
      },
      jails: agent.setup.jails.map((jail) => this.#jailView(jail)),
      warnings: [
        ...unsavedWarnings(agent.ledger),
        ...agent.readers.warnings(),
        ...agent.copies.warnings(),
        ...agent.prober.warnings(),
      ],
    };
  }

  #jailView(setup: JailSetup): JailView {
    const { jail } = setup.policy;
    const agent = this.#agent;
    const overrides = agent.live.jail(jail)?.overrides ?? new Map<string, string>();
    return jailView(setup, {
      stats: agent.jails.stats(jail, wallClock.now()),
      counters: agent.readers.all
        .flatMap(({ stats }) => stats?.jails ?? [])
        .find((one) => one.jail === jail),
      counts: this.#counts.get(COUNTS_KEPT_MS).get(jail),
      overrides: [...overrides].map(([key, value]) => `${key} = ${hideSecrets(value, key)}`),
      selects: agent.prober.selects(jail),
    });
  }

  #find(name: string): JailSetup {
    const { jail } = this.#operator.policy(name);
    return this.#agent.setup.jails.find(({ policy }) => policy.jail === jail) as JailSetup;
  }

  async #setOfAgent(key: string, value: string): Promise<SetAnswer> {
    if (key === 'loglevel') return this.#setLoglevel(value);
    if (key !== 'dbpurgeage')
      throw new OperatorError(`${JSON.stringify(key)} cannot be set in a running agent`, {
        hint: 'loglevel and dbpurgeage can; other options of the agent: /etc/banjour/banjour.local, then restart',
      });
    const parsed = parseDuration(value);
    if (!('value' in parsed))
      throw new OperatorError(`dbpurgeage ${JSON.stringify(value)} ${parsed.problem}`, {
        hint: parsed.fix,
      });
    const history = seconds(Math.max(0, parsed.value));
    const difference = await this.#changing(
      this.#agent.reload(false, async (live) => live.keeping(history)),
    );
    return { key, value: String(history), changes: describeDifference(difference) };
  }

  #setLoglevel(value: string): SetAnswer {
    const parsed = parseLoglevel(value);
    if (!('value' in parsed))
      throw new OperatorError(`loglevel ${JSON.stringify(value)} ${parsed.problem}`, {
        hint: parsed.fix,
      });
    const before = this.#agent.loglevel.get();
    this.#agent.loglevel.set(parsed.value);
    return {
      key: 'loglevel',
      value: parsed.value.toUpperCase(),
      changes: before === parsed.value ? [] : [`loglevel ${before} -> ${parsed.value}`],
    };
  }
}

function optionsOf(
  origins: ReadonlyMap<
    string,
    { readonly text: string; readonly place: { readonly file: string; readonly line: number } }
  >,
  overrides: ReadonlyMap<string, string>,
): Record<string, OptionView> {
  return Object.fromEntries(
    [...origins].map(([key, { text, place }]) => [
      key,
      {
        value: hideSecrets(text, key),
        ...(place.file.startsWith('(') ? {} : { place: `${place.file}:${place.line}` }),
        live: overrides.has(key),
      },
    ]),
  );
}

function termText(term: Agent['live']['config']['allow']['terms'][number]): string {
  if (term.kind === 'prefix') return formatPrefix(term.prefix);
  return term.kind === 'name' ? term.name : `file:${term.path}`;
}
