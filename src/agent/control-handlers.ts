/** What the control sockets may ask of the agent, and the views that they get. */
import { parseLoglevel } from '../config/settings.js';
import { parseDuration } from '../config/values.js';
import type { ControlHandlers, EventFeed, RequestFor } from '../control/endpoints.js';
import type { UserView } from '../control/offender-views.js';
import {
  type AgentView,
  API_VERSION,
  type AttemptAnswer,
  type BanView,
  type ChangeAnswer,
  type CountersView,
  type ExplainView,
  type ImportAnswer,
  type JailView,
  type OptionsView,
  type OptionView,
  type ReloadAnswer,
  type SetAnswer,
} from '../control/protocol.js';
import { OperatorError } from '../core/errors.js';
import type { AlarmView, Figures } from '../core/figures.js';
import type { JailName } from '../core/names.js';
import { hideSecrets } from '../core/secrets.js';
import { counted } from '../core/text.js';
import { isoTime, seconds, wallClock } from '../core/time.js';
import { describeDifference, type SetupDifference } from '../setup/difference.js';
import type { Candidate, LiveConfiguration } from '../setup/live.js';
import type { LiveJail } from '../setup/load.js';
import type { JailSetup } from '../setup/setup.js';
import { EventLog } from './announce.js';
import { Cached, CachedAsync } from './cached.js';
import { ControlChanges, prefixOf } from './control-changes.js';
import {
  banListViews,
  banView,
  jailView,
  optionsOf,
  sourceView,
  termText,
} from './control-views.js';
import { explainView, userView } from './explain.js';
import { FiguresThread } from './figures-thread.js';
import { unsavedWarnings } from './ledger-upkeep.js';
import { PolicyHandlers } from './policy-handlers.js';
import type { Stages } from './stages.js';

/** Rows of history in one answer when the client does not say. */
const HISTORY_ROWS = 100;
/** OpenMetrics 1.0.0 unless the older format of Prometheus is asked for. */
const METRICS_CONTENT_TYPES = {
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
} as const;
/**
 * Numbers of bans are counted anew after so long although nothing was announced: history is tidied
 * in silence.
 */
const COUNTS_KEPT_MS = 60_000;

/** Becomes what a candidate says, or only tells the difference. */
type Reload = (
  dryRun: boolean,
  candidate: (live: LiveConfiguration) => Promise<Candidate>,
) => Promise<SetupDifference>;

export class AgentControlHandlers implements ControlHandlers {
  readonly #stages: Stages;
  readonly #reload: Reload;
  readonly #operator: ControlChanges;
  readonly #policy: PolicyHandlers;
  readonly #events: EventLog;
  readonly #counts: Cached<ReturnType<Stages['ledger']['history']['counts']>>;
  readonly #status: Cached<AgentView>;
  readonly #figures: FiguresThread;
  readonly #kernel: CachedAsync<Awaited<ReturnType<Stages['firewall']['read']>>>;

  /** `lost`: a thread does not end. */
  constructor(stages: Stages, reload: Reload, lost: () => void) {
    this.#stages = stages;
    this.#reload = reload;
    this.#operator = new ControlChanges(stages);
    this.#policy = new PolicyHandlers(stages);
    this.#events = new EventLog(stages.announcer, stages.startedAt);
    this.#counts = new Cached(() => stages.ledger.history.counts());
    this.#events.subscribe(() => this.#counts.touch());
    this.#status = new Cached(() => this.#view());
    this.#kernel = new CachedAsync(() => stages.firewall.read());
    this.#figures = new FiguresThread(stages.ledger.database, { lost });
  }

  ping(): { readonly pong: boolean } {
    return { pong: true };
  }

  version(): { readonly version: string; readonly api: number } {
    return { version: this.#stages.version, api: API_VERSION };
  }

  async metrics({ format = 'openmetrics' }: RequestFor<'metrics'>) {
    return {
      text: await this.#stages.metrics.text(format),
      contentType: METRICS_CONTENT_TYPES[format],
    };
  }

  status(): AgentView {
    return this.#status.get();
  }

  jail({ jail: name }: RequestFor<'jail'>): {
    readonly jail: JailView;
    readonly banned: Iterable<BanView>;
  } {
    const jail = this.#find(name);
    const banned = this.#stages.ledger.inForce(wallClock.now(), jail.policy.jail);
    return { jail: this.#jailView(jail), banned: banListViews(banned) };
  }

  bans(query: RequestFor<'bans'>): Iterable<BanView> {
    const { ledger } = this.#stages;
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

  history(query: RequestFor<'history'>): readonly BanView[] {
    return this.#stages.ledger.history
      .find({
        limit: query.limit ?? HISTORY_ROWS,
        ...(query.before === undefined ? {} : { before: query.before }),
        ...(query.after === undefined ? {} : { after: query.after }),
        oldestFirst: query.order === 'oldest',
        ...(query.jail === undefined ? {} : { jail: query.jail as JailName }),
        ...(query.address === undefined ? {} : { target: prefixOf(query.address) }),
      })
      .map(banView);
  }

  figures(query: RequestFor<'figures'>): Promise<Figures> {
    return this.#figures.answer(query);
  }

  alarms(query: RequestFor<'alarms'>): readonly AlarmView[] {
    return this.#figures.alarms(query);
  }

  newestBan(): { readonly id: number } {
    return { id: this.#stages.ledger.history.newestId() };
  }

  async counters(): Promise<CountersView> {
    const { present, counters } = await this.#kernel.get();
    return { present, jails: Object.fromEntries(counters) };
  }

  async explain({ address }: RequestFor<'explain'>): Promise<ExplainView> {
    const stages = this.#stages;
    const target = prefixOf(address);
    const { elements } = await this.#kernel.get();
    return explainView(stages, target, elements, (all) => this.#figures.offenders(all));
  }

  user({ user }: RequestFor<'user'>): Promise<UserView> {
    const refusals = this.#policy.refusals({ user });
    return userView(this.#stages, user, refusals, (all) => this.#figures.offenders(all));
  }

  options(): OptionsView {
    const { live, loglevel, setup } = this.#stages;
    const level: OptionView = { value: loglevel.get().toUpperCase(), live: false };
    const options = { ...optionsOf(live.config.origins, new Map()), loglevel: level };
    const { keepHistory } = setup;
    if (keepHistory === live.config.settings.dbpurgeage) return { options };
    return { options: { ...options, dbpurgeage: { value: String(keepHistory), live: true } } };
  }

  jailOptions({ jail: name }: RequestFor<'jailOptions'>): OptionsView {
    const { live } = this.#stages;
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

  async set({ jail, key, action, value }: RequestFor<'set'>): Promise<SetAnswer> {
    if (jail === undefined) return this.#setOfAgent(key, value);
    this.#find(jail);
    const difference = await this.#changing(
      this.#reload(false, (live) => live.changed(jail, { key, action, value })),
    );
    const now = this.jailOptions({ jail }).options[key.toLowerCase()];
    return {
      key: key.toLowerCase(),
      value: now?.value ?? '',
      changes: describeDifference(difference),
    };
  }

  attempt(request: RequestFor<'attempt'>): Promise<AttemptAnswer> {
    return this.#changing(this.#operator.attempt(request));
  }

  ban(request: RequestFor<'ban'>): Promise<ChangeAnswer> {
    return this.#changing(this.#operator.ban(request));
  }

  unban(request: RequestFor<'unban'>): Promise<ChangeAnswer> {
    return this.#changing(this.#operator.unban(request));
  }

  import(request: RequestFor<'import'>): Promise<ImportAnswer> {
    return this.#changing(this.#operator.import(request));
  }

  async flush(): Promise<{ readonly flushed: boolean }> {
    await this.#stages.firewall.flush();
    return { flushed: true };
  }

  async reload({
    dryRun = false,
    jail,
    unban = false,
    by,
  }: RequestFor<'reload'>): Promise<ReloadAnswer> {
    const difference = await this.#changing(
      this.#reload(dryRun, (live) =>
        jail === undefined ? live.reloaded() : live.reloadedJail(jail),
      ),
    );
    const changes = describeDifference(difference);
    if (!unban || dryRun) return { changes };
    const isHere =
      jail === undefined || this.#stages.setup.jails.some(({ policy }) => policy.jail === jail);
    const { changed } = isHere
      ? await this.unban({
          targets: 'all',
          ...(jail === undefined ? {} : { jail }),
          ...(by === undefined ? {} : { by }),
        })
      : { changed: 0 };
    return { changes: [...changes, `${counted(changed, 'ban')} lifted`] };
  }

  policyLogin(request: RequestFor<'policyLogin'>) {
    return this.#policy.login(request);
  }

  policyReports(request: RequestFor<'policyReports'>) {
    return this.#policy.reports(request);
  }

  refusals(request: RequestFor<'refusals'>) {
    return this.#policy.refusals(request);
  }

  shareStatus() {
    return this.#stages.share.status();
  }

  shareDecisions(request: RequestFor<'shareDecisions'>) {
    return this.#changing(this.#stages.share.decisions(request));
  }

  flushShared(request: RequestFor<'flushShared'>) {
    return this.#changing(this.#stages.share.flush(request));
  }

  events({ since }: RequestFor<'events'>): EventFeed {
    return {
      kept: () => this.#events.since(since),
      subscribe: (listener) => this.#events.subscribe(listener),
    };
  }

  /** Runs a change, after which the next answers are made anew: the client sees its change. */
  async #changing<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      this.#status.drop();
      this.#counts.drop();
    }
  }

  #view(): AgentView {
    const stages = this.#stages;
    const now = wallClock.now();
    const { counts } = stages.firewallSync;
    const shared = stages.share.status();
    return {
      version: stages.version,
      pid: process.pid,
      since: isoTime(stages.startedAt),
      state: stages.intake.all.every(({ phase }) => ['live', 'ended', 'waiting'].includes(phase))
        ? 'running'
        : 'starting',
      loglevel: stages.loglevel.get(),
      sources: stages.intake.all.map((reader) =>
        sourceView(reader, stages.coverage.lagOf(reader.id), now),
      ),
      firewall: {
        hook: stages.setup.firewall.hook,
        inForce: [...this.#counts.get(COUNTS_KEPT_MS).values()].reduce(
          (sum, one) => sum + one.currentlyBanned,
          0,
        ),
        refused: counts.refused,
        batches: counts.batches,
        healed: counts.healed,
        lastBatchMs: counts.lastBatchMs ?? null,
      },
      jails: stages.setup.jails.map((jail) => this.#jailView(jail)),
      ...(shared.enabled ? { shared } : {}),
      warnings: [
        ...stages.live.warnings(),
        ...unsavedWarnings(stages.ledger.database),
        ...stages.intake.warnings(),
        ...stages.copies.warnings(),
        ...stages.coverage.warnings(),
      ],
    };
  }

  #jailView(setup: JailSetup): JailView {
    const { jail } = setup.policy;
    const stages = this.#stages;
    const overrides = stages.live.jail(jail)?.overrides ?? new Map<string, string>();
    return jailView(setup, {
      stats: stages.jails.stats(jail, wallClock.now()),
      counters: stages.intake.all
        .flatMap(({ stats }) => stats?.jails ?? [])
        .find((one) => one.jail === jail),
      counts: this.#counts.get(COUNTS_KEPT_MS).get(jail),
      overrides: [...overrides].map(([key, value]) => `${key} = ${hideSecrets(value, key)}`),
      selects: stages.coverage.selects(jail),
    });
  }

  #find(name: string): JailSetup {
    const { jail } = this.#operator.policy(name);
    return this.#stages.setup.jails.find(({ policy }) => policy.jail === jail) as JailSetup;
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
      this.#reload(false, async (live) => live.keeping(history)),
    );
    return { key, value: String(history), changes: describeDifference(difference) };
  }

  #setLoglevel(value: string): SetAnswer {
    const parsed = parseLoglevel(value);
    if (!('value' in parsed))
      throw new OperatorError(`loglevel ${JSON.stringify(value)} ${parsed.problem}`, {
        hint: parsed.fix,
      });
    const before = this.#stages.loglevel.get();
    this.#stages.loglevel.set(parsed.value);
    return {
      key: 'loglevel',
      value: parsed.value.toUpperCase(),
      changes: before === parsed.value ? [] : [`loglevel ${before} -> ${parsed.value}`],
    };
  }
}
