/**
 * The companion: parts that are started, tried again and stopped each by itself, so that none holds
 * up another.
 */

import { inBackground } from '../core/background.js';
import { Backoff } from '../core/backoff.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import { escapeUntrusted } from '../core/text.js';
import {
  COMPANION_RETRY_MS_MAX,
  COMPANION_RETRY_MS_MIN,
  COMPANION_START_MS_MAX,
  COMPANION_STOP_MS_MAX,
} from '../core/timeouts.js';
import type { MetricsFormat } from '../metrics/format.js';
import type { CompanionPart, PartName, PartPlan } from './part.js';

/** One part as `GET /v1/status` of companion.sock tells of it. */
export interface PartView {
  readonly name: PartName;
  readonly running: boolean;
  /** What it does, or why it does not run. */
  readonly summary: string;
  /** What the part says of itself; null when it does not run. */
  readonly status: unknown;
}

export interface CompanionView {
  readonly version: string;
  readonly parts: readonly PartView[];
}

export interface CompanionOptions {
  readonly version: string;
  readonly log: Log;
  /** Called when `summary` may have changed. */
  readonly changed?: () => void;
}

/** Parts that companion.sock may ask for something. */
const PARTS_WITH_ORDERS: readonly PartName[] = ['web'];

export class Companion {
  readonly #options: CompanionOptions;
  readonly #places = new Map<PartName, Place>();

  constructor(options: CompanionOptions) {
    this.#options = options;
  }

  /**
   * Takes over what the configuration wants now. Resolves when each part that is new, or that
   * changed, has had its first try; a part that goes on as it was is not touched. Never throws.
   */
  async adopt(plans: readonly PartPlan[]): Promise<void> {
    const wanted = new Set(plans.map(({ name }) => name));
    const gone = [...this.#places].filter(([name]) => !wanted.has(name));
    for (const [name] of gone) this.#places.delete(name);
    const { log, changed } = this.#options;
    await Promise.all([
      ...gone.map(async ([name, place]) => {
        await place.stop();
        log('info', `${name}: switched off`);
      }),
      ...plans.map((plan) => {
        const place = this.#places.get(plan.name) ?? new Place(log, () => changed?.());
        this.#places.set(plan.name, place);
        return place.adopt(plan);
      }),
    ]);
    changed?.();
  }

  view(): CompanionView {
    const parts = [...this.#places].map(([name, place]) => ({ name, ...place.view() }));
    return { version: this.#options.version, parts };
  }

  /** One line of what all parts do. */
  get summary(): string {
    return [...this.#places.values()].map(({ summary }) => summary).join('; ');
  }

  /**
   * Asks a part for something. Undefined when no part knows it. Throws `OperatorError` when the
   * part does not run.
   */
  async order(name: string, order: string, body: unknown): Promise<object | undefined> {
    const place = this.#places.get(name as PartName);
    if (place === undefined && !(PARTS_WITH_ORDERS as readonly string[]).includes(name))
      return undefined;
    if (place === undefined)
      throw new OperatorError(`[${name}] is not switched on`, {
        hint: `write enabled = true below [${name}] into /etc/banjour/companion.local, then systemctl reload-or-restart banjour-companion`,
        exitCode: EXIT.unavailable,
      });
    return place.order(order, body);
  }

  /** The figures of the parts, a text each. A part that cannot say them has none. */
  async figures(format: MetricsFormat): Promise<string[]> {
    const texts = [...this.#places.values()].map((place) => place.figures(format));
    return (await Promise.all(texts)).filter((text) => text !== undefined);
  }

  /** Stops all parts at once. Never throws. */
  async stop(): Promise<void> {
    await Promise.all([...this.#places.values()].map((place) => place.stop()));
    this.#places.clear();
  }
}

/** The place of one part. Whatever happens to it happens one after the other. */
class Place {
  readonly #log: Log;
  readonly #changed: () => void;
  #turn: Promise<void> = Promise.resolve();
  #plan: PartPlan | undefined;
  #part: CompanionPart | undefined;
  /** Counts starts, so that what a former one says is not heard. */
  #start = 0;
  #trouble: string | undefined;
  readonly #backoff = new Backoff({
    first: COMPANION_RETRY_MS_MIN,
    last: COMPANION_RETRY_MS_MAX,
  });
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log, changed: () => void) {
    this.#log = log;
    this.#changed = changed;
  }

  adopt(plan: PartPlan): Promise<void> {
    return this.#next(async () => {
      if (this.#part !== undefined && plan.problem !== undefined) {
        this.#say(plan.name, 'goes on with the old configuration', plan.problem);
        return;
      }
      if (this.#part !== undefined && plan.configuration === this.#plan?.configuration) return;
      await this.#end();
      this.#plan = plan;
      this.#backoff.reset();
      await this.#try(plan);
    });
  }

  stop(): Promise<void> {
    return this.#next(async () => {
      await this.#end();
      this.#plan = undefined;
    });
  }

  get summary(): string {
    return this.#part?.summary ?? `${this.#plan?.name ?? ''}: ${this.#trouble ?? 'starts'}`;
  }

  /** A part that cannot say how it is does not keep the others from being asked. */
  view(): Omit<PartView, 'name'> {
    const { summary } = this;
    const running = this.#part !== undefined;
    try {
      return { running, summary, status: this.#part?.status() ?? null };
    } catch (error) {
      return { running, summary: `${summary}: ${firstLine(error)}`, status: null };
    }
  }

  async order(order: string, body: unknown): Promise<object | undefined> {
    if (this.#part === undefined)
      throw new OperatorError(this.summary, { exitCode: EXIT.unavailable });
    const { orders = {} } = this.#part;
    return Object.hasOwn(orders, order) ? orders[order]?.(body) : undefined;
  }

  async figures(format: MetricsFormat): Promise<string | undefined> {
    try {
      return await this.#part?.figures?.(format);
    } catch {
      return undefined;
    }
  }

  /** Does it when all before is done. Never rejects: what comes after has its turn all the same. */
  #next(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn
      .then(work)
      .catch((error) => this.#say(this.#plan?.name ?? '', 'is in disorder', error));
    return this.#turn;
  }

  async #try(plan: PartPlan): Promise<void> {
    const start = ++this.#start;
    const failed = (error: unknown) => {
      inBackground(
        this.#next(async () => {
          if (start !== this.#start) return;
          await this.#end();
          this.#later(plan, error);
        }),
      );
    };
    try {
      const coming = plan.start(failed);
      const part = await within(coming, COMPANION_START_MS_MAX);
      if (part === undefined) {
        // Whenever it comes, nobody waits for it any more.
        inBackground(
          coming.then((late) => late.stop()),
          () => undefined,
        );
        throw new OperatorError('it has not started in time');
      }
      this.#part = part;
      this.#trouble = undefined;
      this.#backoff.reset();
      for (const line of plan.lines) this.#log('info', line);
    } catch (error) {
      this.#later(plan, error);
    }
    this.#changed();
  }

  #later(plan: PartPlan, error: unknown): void {
    this.#trouble = `does not run: ${firstLine(error)}`;
    const pause = this.#backoff.next();
    this.#say(plan.name, `does not run, next try in ${pause / 1000} s`, error);
    const start = this.#start;
    this.#timer = setTimeout(
      () =>
        inBackground(
          this.#next(async () => {
            if (start === this.#start) await this.#try(plan);
          }),
        ),
      pause,
    );
    this.#changed();
  }

  /** Lets go of the part, or of the wish to start it. */
  async #end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#start++;
    const part = this.#part;
    this.#part = undefined;
    if (part === undefined) return;
    try {
      if (
        (await within(
          part.stop().then(() => true),
          COMPANION_STOP_MS_MAX,
        )) === undefined
      )
        this.#log('warning', `${this.#plan?.name}: it has not stopped in time`);
    } catch (error) {
      this.#say(this.#plan?.name ?? '', 'did not stop as it should', error);
    }
  }

  #say(name: string, what: string, error: unknown): void {
    const hint = error instanceof OperatorError && error.hint ? ` (${error.hint})` : '';
    const reason = error instanceof OperatorError ? error.message : (stackOf(error) ?? '');
    for (const [index, line] of `${reason}${hint}`.split('\n').entries())
      this.#log(
        'error',
        `${name}: ${index === 0 ? `${what}: ` : ''}${escapeUntrusted(line, 4096)}`,
      );
  }
}

/** A bug is shown whole. */
function stackOf(error: unknown): string | undefined {
  return error instanceof Error ? error.stack : messageOf(error);
}

function firstLine(error: unknown): string {
  return escapeUntrusted(messageOf(error).split('\n')[0] ?? '', 400);
}

/** What a promise resolves with, or undefined when that takes longer. */
async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
