/**
 * The figures of a report, and the offenders that `explain` tells of, counted in a thread of their
 * own: of a large ledger that takes seconds, in which the main thread goes on banning. The thread
 * reads the ledger's file beside the agent.
 */
import type { RequestFor } from '../control/endpoints.js';
import { OperatorError } from '../core/errors.js';
import type { AlarmView, Figures } from '../core/figures.js';
import { type EpochMicros, earlierOf, laterOf, plus, wallClock } from '../core/time.js';
import { ENTRY_MICROS_MAX, FIGURES_DEADLINE_MS } from '../core/timeouts.js';
import type { LedgerDatabase } from '../ledger/database.js';
import { oldestFigures } from '../ledger/figures.js';
import { hourOf } from '../ledger/hourly.js';
import type { OffenderAnswer, OffenderQuestion } from '../ledger/offenders.js';
import { openLedgerForReading } from '../ledger/open.js';
import { answerTask, askTask, type ThreadTask } from './probe/thread.js';

const TASK = 'figures';

/** What is to be counted. */
interface FiguresPlan extends ThreadTask {
  readonly path: string;
  readonly question: Question;
}

type Question =
  | { readonly since: EpochMicros; readonly until: EpochMicros }
  | { readonly offenders: readonly OffenderQuestion[] };

interface FiguresOptions {
  /** Called when a thread does not end after its answer. */
  readonly lost: () => void;
  /** What only tests have otherwise. */
  readonly entry?: URL;
}

/** Rejects with `OperatorError`. */
function askInThread(
  work: FiguresPlan,
  { lost, entry = new URL(import.meta.url) }: FiguresOptions,
): Promise<unknown> {
  return askTask(
    { entry, name: TASK, work, deadlineMs: FIGURES_DEADLINE_MS, lost },
    (problem) => new OperatorError(problem),
  );
}

/** What the control sockets are told of the past: one question at a time. */
export class FiguresThread {
  readonly #ledger: LedgerDatabase;
  readonly #options: FiguresOptions;
  #turn: Promise<unknown> = Promise.resolve();
  /** The last answer serves for four times as long as it took. */
  #last: { readonly key: string; readonly figures: Figures; readonly until: number } | undefined;

  constructor(ledger: LedgerDatabase, options: FiguresOptions) {
    this.#ledger = ledger;
    this.#options = options;
  }

  /** Of the last week unless the client says otherwise. */
  answer({ since, until }: RequestFor<'figures'>): Promise<Figures> {
    const now = wallClock.now();
    const end = until === undefined ? now : earlierOf(micros(until), now);
    const begin = since === undefined ? plus(end, -WEEK_SECONDS) : micros(since);
    const oldest = oldestFigures(now);
    const answer = this.#turn.then(() => this.#count(laterOf(begin, oldest), laterOf(end, oldest)));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  /** Who failed, in the order of the questions. */
  offenders(questions: readonly OffenderQuestion[]): Promise<readonly OffenderAnswer[]> {
    if (questions.length === 0) return Promise.resolve([]);
    const answer = this.#turn.then(() => this.#ask({ offenders: questions }));
    this.#turn = answer.catch(() => undefined);
    return answer as Promise<readonly OffenderAnswer[]>;
  }

  /** The newest alarms. */
  alarms({ since, limit }: RequestFor<'alarms'>): readonly AlarmView[] {
    const from = since === undefined ? (0 as EpochMicros) : micros(since);
    return this.#ledger.alarms.find(from, ENTRY_MICROS_MAX as EpochMicros, limit);
  }

  async #count(since: EpochMicros, until: EpochMicros): Promise<Figures> {
    const key = `${hourOf(since)} ${hourOf(until)}`;
    const started = performance.now();
    if (this.#last?.key === key && started < this.#last.until) return this.#last.figures;
    const { unsaved } = this.#ledger;
    const figured = (await this.#ask({ since, until })) as Figures;
    const figures =
      unsaved === undefined
        ? figured
        : { ...figured, missing: [...figured.missing, `${UNSAVED}: ${unsaved}`] };
    const ended = performance.now();
    this.#last = { key, figures, until: ended + 4 * (ended - started) };
    return figures;
  }

  async #ask(question: Question): Promise<unknown> {
    const { path, unsaved } = this.#ledger;
    // Of what the file lacks, figures say so; offenders have no place for it.
    const isInMemory = path === ':memory:' || (unsaved !== undefined && 'offenders' in question);
    if (isInMemory) return counted(this.#ledger, question);
    return askInThread({ task: TASK, path, question }, this.#options);
  }
}

const WEEK_SECONDS = 7 * 86_400;
const UNSAVED = 'what was decided since the ledger could not be written is missing';

function micros(iso: string): EpochMicros {
  return (Date.parse(iso) * 1000) as EpochMicros;
}

function counted(ledger: LedgerDatabase, question: Question): unknown {
  if ('offenders' in question) return ledger.offenders(question.offenders);
  return ledger.figures(question.since, question.until);
}

answerTask(TASK, ({ path, question }: FiguresPlan): unknown => {
  const ledger = openLedgerForReading(path);
  try {
    return counted(ledger.database, question);
  } finally {
    ledger.close();
  }
});
