/**
 * Every call of the API, once: method, path, who may ask it, the fields of its request and the type
 * of its answer. The agent's handlers, the client, the checks and the tests of docs/api.md derive
 * from it: a new call is a row here, a method of `AgentControlHandlers` and a heading in
 * docs/api.md.
 */
import { BANJOUR_EVENTS } from '../core/decision.js';
import { OperatorError } from '../core/errors.js';
import type { AlarmView, Figures } from '../core/figures.js';
import {
  DIGEST_CHARS_MAX,
  EVENT_COUNT_MAX,
  LIVE_VALUE_CHARS_MAX,
  OPERATOR_CHARS_MAX,
  SESSION_KEY_CHARS_MAX,
  USER_CHARS_MAX,
} from '../core/limits.js';
import {
  ALARMS_KEPT_MAX,
  CONTROL_IMPORT_BANS_MAX,
  CONTROL_TARGETS_MAX,
  HISTORY_ANSWER_ROWS_MAX,
  POLICY_ADDRESS_CHARS_MAX,
  POLICY_REPORTS_MAX,
  POLICY_WORD_CHARS_MAX,
  SHARE_DECISIONS_MAX,
  SHARE_TARGET_CHARS_MAX,
  SHARE_TEXT_CHARS_MAX,
  SHARE_WORD_CHARS_MAX,
} from '../core/service-limits.js';
import {
  cutText,
  type Fields,
  flag,
  instant,
  listOf,
  oneOf,
  optional,
  orElse,
  orNull,
  type RequestOf,
  readFields,
  secondsOrNull,
  shortText,
  someOf,
  targets,
  targetsOrAll,
  text,
  whole,
  wholeInQuery,
  wordUpTo,
} from './fields.js';
import type { UserView } from './offender-views.js';
import type { PolicyFacts, RefusalView } from './policy-views.js';
import { REFUSAL_REASONS } from './policy-views.js';
import type {
  AgentView,
  AttemptAnswer,
  BanView,
  ChangeAnswer,
  CountersView,
  ExplainView,
  ImportAnswer,
  JailView,
  OptionsView,
  ReloadAnswer,
  SetAnswer,
  ShareAnswer,
  ShareView,
  StreamEvent,
} from './protocol.js';
import { API_VERSION } from './protocol.js';

/**
 * Who may ask: `read` whoever may read the status, `change` root alone, `policy` the companion too,
 * for the mail server that asks it, and `share` the companion too, for the hosts that share bans.
 */
export type Right = 'read' | 'change' | 'policy' | 'share';

/** What an answer is: JSON, a text of its own type, or events until either side ends. */
type Kind = 'json' | 'text' | 'stream';

/**
 * One call. `A` is what its handler answers; lists in it may be long and are sent piece by piece.
 */
export interface Endpoint<F extends Fields = Fields, A = unknown, K extends Kind = Kind> {
  readonly method: 'GET' | 'POST';
  readonly right: Right;
  /** Below `/v1`; `:name` is a field of the request. */
  readonly path: string;
  readonly fields: F;
  readonly kind: K;
  /** What a request must be beyond its fields; throws `OperatorError`. */
  check?(request: RequestOf<F>): void;
  /** Names the type of the answer; never there. */
  readonly answer?: A;
}

/** Any id. */
const id = wholeInQuery(0, Number.MAX_SAFE_INTEGER);
const count = orElse(whole(0, Number.MAX_SAFE_INTEGER), 0);
/** Who asks: a user of the system, as the client says. */
const operator = wordUpTo(OPERATOR_CHARS_MAX);
/** Bans of another program. */
const importedBans = listOf(
  {
    jail: text,
    target: text,
    time: instant,
    until: orNull(instant),
    failures: count,
    previousBans: count,
    user: optional(cutText(USER_CHARS_MAX)),
  },
  'bans',
);

/** A login that failed, was refused before its password was looked at, or succeeded. */
const POLICY_REPORT = {
  address: wordUpTo(POLICY_ADDRESS_CHARS_MAX),
  user: optional(cutText(USER_CHARS_MAX)),
  protocol: optional(cutText(POLICY_WORD_CHARS_MAX)),
  session: optional(shortText(SESSION_KEY_CHARS_MAX)),
  /** Stands for the password: equal for equal ones of the same user. */
  pwhash: optional(cutText(DIGEST_CHARS_MAX)),
  cause: optional(oneOf('unknown-user', 'wrong-password')),
  refused: optional(oneOf(...REFUSAL_REASONS)),
  accepted: optional(flag),
};

/**
 * A decision of another host. Its words are read one by one, so that one that makes no sense is
 * refused alone and the others are taken.
 */
const SHARED_TARGET = {
  target: cutText(SHARE_TARGET_CHARS_MAX),
  origin: cutText(SHARE_WORD_CHARS_MAX),
  host: optional(cutText(SHARE_TEXT_CHARS_MAX)),
};
const SHARED_DECISION = {
  ...SHARED_TARGET,
  until: cutText(SHARE_WORD_CHARS_MAX),
  scenario: optional(cutText(SHARE_TEXT_CHARS_MAX)),
};

export const ENDPOINTS = {
  ping: reads('/ping', {}).answering<{ readonly pong: boolean }>(),
  version: reads('/version', {}).answering<{ readonly version: string; readonly api: number }>(),
  status: reads('/status', {}).answering<AgentView>(),
  jail: reads('/jails/:jail', { jail: text }).answering<{
    readonly jail: JailView;
    readonly banned: Iterable<BanView>;
  }>(),
  jailOptions: reads('/jails/:jail/options', { jail: text }).answering<OptionsView>(),
  options: reads('/options', {}).answering<OptionsView>(),
  bans: reads('/bans', { jail: optional(text), address: optional(text) }).answering<
    Iterable<BanView>
  >(),
  history: reads('/history', {
    jail: optional(text),
    address: optional(text),
    limit: optional(wholeInQuery(1, HISTORY_ANSWER_ROWS_MAX)),
    before: optional(id),
    after: optional(id),
    order: optional(oneOf('newest', 'oldest')),
  }).answering<readonly BanView[]>(),
  figures: reads('/figures', {
    since: optional(instant),
    until: optional(instant),
  }).answering<Figures>(),
  alarms: reads('/alarms', {
    since: optional(instant),
    limit: optional(wholeInQuery(1, ALARMS_KEPT_MAX)),
  }).answering<readonly AlarmView[]>(),
  newestBan: reads('/history/newest', {}).answering<{ readonly id: number }>(),
  explain: reads('/explain/:address', { address: text }).answering<ExplainView>(),
  user: reads('/users/:user', { user: wordUpTo(USER_CHARS_MAX) }).answering<UserView>(),
  counters: reads('/counters', {}).answering<CountersView>(),
  metrics: reads(
    '/metrics',
    { format: optional(oneOf('openmetrics', 'prometheus')) },
    'text',
  ).answering<{ readonly text: string; readonly contentType: string }>(),
  events: reads(
    '/events',
    { since: optional(id), only: optional(someOf(BANJOUR_EVENTS)) },
    'stream',
  ).answering<EventFeed>(),
  ban: changes('/ban', {
    jail: text,
    targets: targets(CONTROL_TARGETS_MAX),
    bantimeSeconds: optional(secondsOrNull),
    force: optional(flag),
    by: optional(operator),
  }).answering<ChangeAnswer>(),
  unban: changes('/unban', {
    jail: optional(text),
    targets: targetsOrAll(CONTROL_TARGETS_MAX),
    by: optional(operator),
  }).answering<ChangeAnswer>(),
  attempt: changes('/attempt', {
    jail: text,
    target: text,
    count: optional(whole(1, EVENT_COUNT_MAX)),
  }).answering<AttemptAnswer>(),
  set: changes('/set', {
    jail: optional(text),
    key: text,
    action: orElse(oneOf('set', 'add', 'del'), 'set'),
    value: shortText(LIVE_VALUE_CHARS_MAX),
  }).answering<SetAnswer>(),
  import: changes(
    '/import',
    { active: importedBans, history: importedBans },
    ({ active, history }) => {
      if (active.length + history.length > CONTROL_IMPORT_BANS_MAX)
        throw new OperatorError(`at most ${CONTROL_IMPORT_BANS_MAX} bans in one request`, {
          hint: 'send them in parts',
        });
    },
  ).answering<ImportAnswer>(),
  reload: changes('/reload', {
    dryRun: optional(flag),
    jail: optional(text),
    unban: optional(flag),
    by: optional(operator),
  }).answering<ReloadAnswer>(),
  flush: changes('/flush', {}).answering<{ readonly flushed: boolean }>(),
  refusals: reads('/policy/refusals', {
    user: optional(text),
    address: optional(text),
  }).answering<readonly RefusalView[]>(),
  policyLogin: asks('/policy/login', {
    address: wordUpTo(POLICY_ADDRESS_CHARS_MAX),
    user: optional(cutText(USER_CHARS_MAX)),
    protocol: optional(cutText(POLICY_WORD_CHARS_MAX)),
    pwhash: optional(cutText(DIGEST_CHARS_MAX)),
  }).answering<PolicyFacts>(),
  policyReports: asks(
    '/policy/reports',
    { reports: listOf(POLICY_REPORT, 'reports') },
    ({ reports }) => {
      if (reports.length > POLICY_REPORTS_MAX)
        throw new OperatorError(`at most ${POLICY_REPORTS_MAX} reports in one request`, {
          hint: 'send them in parts',
        });
    },
  ).answering<{ readonly taken: number }>(),
  shareStatus: reads('/share/status', {}).answering<ShareView>(),
  flushShared: changes('/share/flush', {
    by: optional(operator),
  }).answering<{ readonly lifted: number; readonly listed: number }>(),
  shareDecisions: asks(
    '/share/decisions',
    {
      // A URL with the name of a host, which may be long; only people read it.
      engine: cutText(SHARE_TEXT_CHARS_MAX),
      decisions: listOf(SHARED_DECISION, 'decisions'),
      lifted: listOf(SHARED_TARGET, 'targets'),
      snapshot: optional(wordUpTo(SHARE_WORD_CHARS_MAX)),
      begins: optional(flag),
      ends: optional(flag),
    },
    ({ decisions, lifted }) => {
      if (decisions.length + lifted.length > SHARE_DECISIONS_MAX)
        throw new OperatorError(`at most ${SHARE_DECISIONS_MAX} decisions in one request`, {
          hint: 'send them in parts',
        });
    },
    'share',
  ).answering<ShareAnswer>(),
} as const;

type Endpoints = typeof ENDPOINTS;
export type CallName = keyof Endpoints;

/** The request of a call. */
export type RequestFor<K extends CallName> = RequestOf<Endpoints[K]['fields']>;

/** A ban of another program. */
export type ImportedBan = RequestFor<'import'>['active'][number];

type AnswerOf<K extends CallName> = NonNullable<Endpoints[K]['answer']>;

/** An answer as the client gets it: what was sent piece by piece is a list. */
export type AnswerFor<K extends CallName> =
  AnswerOf<K> extends infer A
    ? A extends readonly unknown[]
      ? A
      : A extends Iterable<infer T>
        ? readonly T[]
        : { [P in keyof A]: Listed<A[P]> }
    : never;
type Listed<V> = V extends string | readonly unknown[]
  ? V
  : V extends Iterable<infer T>
    ? readonly T[]
    : V;

/** What the agent does for each call. Throws `OperatorError` for what the client can mend. */
export type ControlHandlers = {
  [K in CallName]: (request: RequestFor<K>) => AnswerOf<K> | Promise<AnswerOf<K>>;
};

/** Where a stream of events goes on. */
export interface KeptEvents {
  /** Kept events after the id that was asked for, oldest first. */
  readonly missed: readonly StreamEvent[];
  /** True when events between that id and the oldest kept one are gone. */
  readonly gap: boolean;
}

/** The events of one client. Asked for and followed in one go, so that none is lost between. */
export interface EventFeed {
  readonly kept: () => KeptEvents;
  /** Calls back for each event from now on; returns the way to stop. */
  readonly subscribe: (listener: (event: StreamEvent) => void) => () => void;
}

/** A call that only reads: control.sock and status.sock answer it. */
function reads<F extends Fields, K extends Kind = 'json'>(
  path: string,
  fields: F,
  kind: K = 'json' as K,
) {
  const method = 'GET';
  const right = 'read';
  return { answering: <A>(): Endpoint<F, A, K> => ({ method, right, path, fields, kind }) };
}

/** A call of the companion: control.sock and the socket of the right answer it. */
function asks<F extends Fields>(
  path: string,
  fields: F,
  check: (request: RequestOf<F>) => void = () => undefined,
  right: Right = 'policy',
) {
  const call = { method: 'POST', right, path, fields, kind: 'json', check } as const;
  return { answering: <A>(): Endpoint<F, A, 'json'> => call };
}

/** A call that changes something: only control.sock answers it. */
function changes<F extends Fields>(
  path: string,
  fields: F,
  check: (request: RequestOf<F>) => void = () => undefined,
) {
  const call = { method: 'POST', right: 'change', path, fields, kind: 'json', check } as const;
  return { answering: <A>(): Endpoint<F, A, 'json'> => call };
}

/**
 * A request, checked: what comes out has exactly the type it says, or `OperatorError` is thrown.
 */
export function requestOf<F extends Fields>(
  { fields, check }: Pick<Endpoint<F>, 'fields' | 'check'>,
  values: unknown,
): RequestOf<F> {
  const request = readFields(fields, values);
  check?.(request);
  return request;
}

/** The calls by method and number of parts of their paths: a request looks at a few, not at all. */
const PATTERNS = new Map<string, { name: CallName; endpoint: Endpoint; pattern: string[] }[]>();
for (const [name, endpoint] of Object.entries(ENDPOINTS) as [CallName, Endpoint][]) {
  const pattern = endpoint.path.slice(1).split('/');
  const shape = `${endpoint.method} ${pattern.length}`;
  PATTERNS.set(shape, [...(PATTERNS.get(shape) ?? []), { name, endpoint, pattern }]);
}

/** The call of a path, with the fields that stand in the path. */
export function findEndpoint(method: string, pathname: string) {
  const prefix = `/v${API_VERSION}/`;
  if (!pathname.startsWith(prefix)) return undefined;
  const parts = pathname.slice(prefix.length).split('/');
  for (const { name, endpoint, pattern } of PATTERNS.get(`${method} ${parts.length}`) ?? []) {
    if (!pattern.every((part, index) => part.startsWith(':') || part === parts[index])) continue;
    const parameters = pattern.flatMap((part, index) =>
      part.startsWith(':') ? [[part.slice(1), decode(parts[index] ?? '')]] : [],
    );
    return { name, endpoint, parameters: Object.fromEntries(parameters) as Record<string, string> };
  }
  return undefined;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw new OperatorError(`the path is not well encoded: ${part}`);
  }
}
