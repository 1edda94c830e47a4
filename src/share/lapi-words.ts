/**
 * What CrowdSec's LAPI says of decisions, checked, and how this host's own are marked there. A list
 * of them is read one by one as they come: parsed as a whole, a list of 200,000 takes more memory
 * than the companion may have, and a made-up one of the same size any.
 */

import { JsonItems } from '../control/items.js';
import { formatPrefix, parsePrefix } from '../core/address.js';
import { isHostName, jailName } from '../core/names.js';
import {
  SHARE_ANSWER_DECISIONS_MAX,
  SHARE_DECISION_BYTES_MAX,
  SHARE_TEXT_CHARS_MAX,
} from '../core/service-limits.js';
import type { ShareOrigin } from '../core/share.js';
import { copyOf } from '../core/text.js';
import { isInstallation } from './engine.js';

/** A decision of the LAPI, after its published description (`Decision` of swagger.yaml). */
interface LapiDecision {
  readonly id: number;
  readonly origin: string;
  readonly type: string;
  readonly scope: string;
  readonly value: string;
  readonly duration: string;
  readonly scenario: string;
}

/** What is of interest of a decision. */
export interface ReadDecision {
  readonly key: string;
  readonly target: string;
  readonly origin: ShareOrigin;
  /** Less than nothing: it is over. */
  readonly leftMs: number;
  readonly scenario: string;
  /** Of a decision of a Banjour host. */
  readonly jail?: string;
  readonly host?: string;
  /** The installation, which tells hosts of one name apart. */
  readonly by?: string;
}

/** Our name for where a decision of the LAPI comes from; its own word may be any text. */
const ORIGINS: ReadonlyMap<string, ShareOrigin> = new Map([
  ['banjour', 'banjour'],
  ['crowdsec', 'crowdsec'],
  ['cscli', 'cscli'],
  ['cscli-import', 'cscli'],
  ['console', 'cscli'],
  ['CAPI', 'lists'],
  ['lists', 'lists'],
]);

/** The LAPI's names of these origins, for its filter. */
export function lapiOrigins(origins: readonly ShareOrigin[]): readonly string[] {
  // Its own decisions are listed whatever is accepted.
  const wanted = new Set<ShareOrigin>([...origins, 'banjour']);
  return [...ORIGINS].filter(([, origin]) => wanted.has(origin)).map(([name]) => name);
}

/** The mark by which a host knows what it published itself: the stream names no machine. */
export function scenarioOf(jail: string, host: string, installation: string): string {
  return `banjour/${jail}@${host}#${installation}`;
}

/** A decision that bans an address or prefix; undefined for any other, and for what is none. */
export function readDecision(value: unknown): ReadDecision | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, origin, type, scope, value: target, duration, scenario } = value as LapiDecision;
  const from = typeof origin === 'string' ? ORIGINS.get(origin) : undefined;
  const prefix = typeof target === 'string' ? parsePrefix(target) : undefined;
  const leftMs = typeof duration === 'string' ? goDurationMs(duration) : undefined;
  const isBan =
    type === 'ban' && typeof scope === 'string' && /^(?:ip|range)$/i.test(scope) && !!scenario;
  if (!isBan || typeof id !== 'number' || typeof scenario !== 'string') return undefined;
  if (from === undefined || prefix === undefined || leftMs === undefined) return undefined;
  const read = { key: String(id), target: formatPrefix(prefix), origin: from, leftMs };
  const mark = from === 'banjour' ? /^banjour\/(.+)@([^@]+)#([^#@]+)$/.exec(scenario) : null;
  const [, jail = '', host = '', by = ''] = mark ?? [];
  // Whoever writes a reason by hand writes as much as he likes: the agent takes no more than this.
  if (jailName(jail) === undefined || !isHostName(host) || !isInstallation(by))
    return { ...read, scenario: cut(scenario) };
  return { ...read, scenario: `banjour/${jail}`, jail, host, by };
}

function cut(text: string): string {
  return text.length <= SHARE_TEXT_CHARS_MAX ? text : copyOf(text.slice(0, SHARE_TEXT_CHARS_MAX));
}

const UNITS_MS: Readonly<Record<string, number>> = {
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  ns: 1e-6,
};

/** A length of time as Go writes it, `3h59m58.7s` or `-5.2s`; undefined when it is none. */
export function goDurationMs(text: string): number | undefined {
  const [, sign = '', all = ''] =
    /^(-?)((?:\d+(?:\.\d+)?(?:h|ms|m|us|µs|ns|s))+)$/.exec(text) ?? [];
  if (all === '' || text.length > 64) return undefined;
  const parts = all.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|us|µs|ns|s)/g);
  const sum = [...parts].reduce(
    (ms, [, number, unit = '']) => ms + Number(number) * (UNITS_MS[unit] ?? 0),
    0,
  );
  return sign === '-' ? -sum : sum;
}

/** A decision with its end by this host's clock, ms since 1970. */
export type HeardDecision = ReadDecision & { readonly until: number };

/** The decisions of an answer, `{"new": [...], "deleted": [...]}`. */
export class DecisionList {
  readonly put: HeardDecision[] = [];
  readonly gone: ReadDecision[] = [];
  /** Decisions of `new` that are no ban of an address or prefix. */
  passedOver = 0;
  readonly #now: () => number;
  readonly #scenarios = new Map<string, string>();
  readonly #items = new JsonItems((json, list) => this.#keep(json, list), {
    level: 2,
    bytesMax: SHARE_DECISION_BYTES_MAX,
    tooLarge: `it has a decision of more than ${SHARE_DECISION_BYTES_MAX} bytes`,
  });

  constructor(now: () => number) {
    this.#now = now;
  }

  /** True when the answer has ended as it should. */
  get isWhole(): boolean {
    return this.#items.isOver;
  }

  /** Takes a piece of the answer. Throws for a decision that is too large, and for too many. */
  take(piece: Buffer): void {
    this.#items.take(piece);
  }

  #keep(json: string, list: string): void {
    if (this.put.length + this.gone.length === SHARE_ANSWER_DECISIONS_MAX)
      throw new Error(`its answer has more than ${SHARE_ANSWER_DECISIONS_MAX} decisions`);
    const read = readDecision(JSON.parse(json));
    if (list === 'deleted') {
      if (read !== undefined) this.gone.push(read);
    } else if (list !== 'new') return;
    else if (read === undefined) this.passedOver++;
    else {
      // Thousands have the same reason.
      const scenario = this.#scenarios.get(read.scenario) ?? read.scenario;
      this.#scenarios.set(scenario, scenario);
      this.put.push({ ...read, scenario, until: this.#now() + read.leftMs });
    }
  }
}
