/**
 * `ignorecommand`: the administrator's program that may forbid a ban. It runs beside everything
 * else: without a shell, without a capability, with a deadline. Whatever goes wrong with it, the
 * ban goes on.
 *
 * setpriv(1) of util-linux takes the capabilities away: the ambient ones, which the agent has to
 * reach nftables, are handed on to every program otherwise (capabilities(7), "Transformation of
 * capabilities during execve()").
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { formatPrefix, type Prefix } from '../core/address.js';
import { inBackground } from '../core/background.js';
import { type BanRecord, banKey } from '../core/decision.js';
import { messageOf } from '../core/errors.js';
import {
  IGNORE_ANSWERS_MAX,
  IGNORE_COMMAND_BYTES_MAX,
  IGNORE_COMMANDS_PARALLEL_MAX,
  USER_CHARS_MAX,
} from '../core/limits.js';
import type { Log } from '../core/log.js';
import type { JailName } from '../core/names.js';
import { redactArguments } from '../core/secrets.js';
import { escapeUntrusted, fillArguments } from '../core/text.js';
import { MICROS_PER_SECOND } from '../core/time.js';
import { IGNORE_ANSWER_MS, IGNORE_COMMAND_DEADLINE_MS } from '../core/timeouts.js';
import type { Ledger } from '../ledger/ledger.js';

/**
 * Takes every capability away. The bounding set, which matters for root alone, can be emptied by
 * root alone.
 */
const NO_PRIVILEGE = ['--ambient-caps=-all', '--inh-caps=-all', '--no-new-privs'];
const ROOT_TOO = process.getuid?.() === 0 ? ['--bounding-set=-all'] : [];

export interface IgnoreOptions {
  /** The command of a jail; another after a reload. */
  readonly commandOf: (jail: JailName) => readonly string[] | undefined;
  readonly log: Log;
  readonly deadlineMs?: number;
}

/** A command with less time left than this is not started, ms: it could not answer. */
const START_MS = 50;

interface Waiting {
  readonly due: number;
  readonly run: () => void;
  readonly giveUp: () => void;
}

export class IgnoreCommands {
  readonly #options: IgnoreOptions;
  readonly #deadlineMs: number;
  /** Answers, also those that are awaited, by what was asked; the oldest first. */
  readonly #answers = new Map<string, Promise<boolean>>();
  readonly #children = new Set<ChildProcess>();
  readonly #waiting = new Set<Waiting>();
  #stopped = false;

  constructor(options: IgnoreOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? IGNORE_COMMAND_DEADLINE_MS;
  }

  /** True when bans of the jail are to be asked about. */
  asks(jail: JailName): boolean {
    return this.#options.commandOf(jail) !== undefined;
  }

  /**
   * Asks about one ban; the answer is there after the deadline at the latest. True: it must not be
   * put in force. Undefined: the agent stops, and nobody knows.
   */
  async ask(ban: BanRecord): Promise<boolean | undefined> {
    const command = this.#options.commandOf(ban.jail);
    if (command === undefined) return false;
    const question = JSON.stringify([
      ban.jail,
      fill(command, { ...ban, time: 0 as BanRecord['time'], failures: 0 }),
    ]);
    let answer = this.#answers.get(question);
    if (answer === undefined) {
      answer = this.#run(fill(command, ban), ban);
      this.#remember(question, answer);
    }
    const ignored = await answer;
    return this.#stopped ? undefined : ignored;
  }

  /** Questions whose program has not begun. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Ends what runs; what is waited for is answered with undefined. */
  stop(): void {
    this.#stopped = true;
    for (const { giveUp } of this.#waiting) giveUp();
    for (const child of this.#children) kill(child);
  }

  #remember(question: string, answer: Promise<boolean>): void {
    this.#answers.set(question, answer);
    if (this.#answers.size > IGNORE_ANSWERS_MAX) {
      const oldest = this.#answers.keys().next();
      if (oldest.done !== true) this.#answers.delete(oldest.value);
    }
    inBackground(
      answer.then(() => {
        setTimeout(() => {
          if (this.#answers.get(question) === answer) this.#answers.delete(question);
        }, IGNORE_ANSWER_MS).unref();
      }),
    );
  }

  #run(argv: readonly string[], ban: BanRecord): Promise<boolean> {
    return new Promise((resolve) => {
      let child: ChildProcess | undefined;
      let output = '';
      let over = false;
      const warn = (problem: string) => {
        const said =
          output === ''
            ? ''
            : `; it said: ${escapeUntrusted(redactArguments(output.trim(), argv))}`;
        const text = `ignorecommand ${argv[0]} about ${formatPrefix(ban.target)}: ${problem}; the ban goes on${said}`;
        this.#options.log('warning', text, { jail: ban.jail });
      };
      const finish = (ignored: boolean, problem?: string) => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        this.#waiting.delete(waiting);
        if (child !== undefined) {
          this.#children.delete(child);
          kill(child);
        }
        if (problem !== undefined && !this.#stopped) warn(problem);
        resolve(ignored);
        this.#next();
      };
      const timer = setTimeout(
        () =>
          finish(
            false,
            child === undefined ? 'others took too long' : `no answer after ${this.#deadlineMs} ms`,
          ),
        this.#deadlineMs,
      );
      const waiting: Waiting = {
        due: performance.now() + this.#deadlineMs,
        run: () => {
          this.#waiting.delete(waiting);
          child = launch(argv);
          this.#children.add(child);
          child.once('error', (error) => finish(false, messageOf(error)));
          child.once('close', (code, signal) => {
            // 126 and 127 are setpriv's: the program cannot be executed, or is not there.
            const problem =
              signal !== null
                ? `ended by ${signal}`
                : code === 126 || code === 127
                  ? 'cannot be run'
                  : undefined;
            finish(code === 0, problem);
          });
          child.stderr?.setEncoding('utf8').on('data', (text: string) => {
            output = `${output}${text}`.slice(0, IGNORE_COMMAND_BYTES_MAX);
          });
        },
        giveUp: () => finish(false),
      };
      this.#waiting.add(waiting);
      this.#next();
    });
  }

  #next(): void {
    for (const { run, due } of this.#waiting) {
      if (this.#stopped || this.#children.size >= IGNORE_COMMANDS_PARALLEL_MAX) return;
      if (due - performance.now() > START_MS) run();
    }
  }
}

/** The command line for one ban. */
function fill(command: readonly string[], ban: BanRecord): string[] {
  const target = formatPrefix(ban.target);
  const values: Readonly<Record<string, string>> = {
    ip: target,
    'ip-host': target,
    'F-ID': target,
    family: ban.target.family === 4 ? 'inet4' : 'inet6',
    'F-USER': escapeUntrusted(ban.user ?? '', USER_CHARS_MAX),
    jail: ban.jail,
    name: ban.jail,
    time: String(Math.floor(ban.time / MICROS_PER_SECOND)),
    failures: String(ban.failures),
  };
  return fillArguments(command, (name) => (Object.hasOwn(values, name) ? values[name] : undefined));
}

/** A process group of its own, so that its children end with it. */
function launch(argv: readonly string[]): ChildProcess {
  return spawn('setpriv', [...NO_PRIVILEGE, ...ROOT_TOO, '--', ...argv], {
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
}

function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is over already.
  }
}

// Bans that wait for the answer of an ignorecommand. No other ban waits for it. They are in the
// ledger as wanted; until the answer comes, the kernel does not have them.

export interface PendingIgnoreDeps {
  /** A replay asks nobody. */
  readonly ignore: Pick<IgnoreCommands, 'asks' | 'ask' | 'stop'> | undefined;
  readonly ledger: Ledger;
  /** The ban goes on. `replaced`: what it extends. */
  readonly goOn: (ban: BanRecord, replaced: readonly BanRecord[]) => Promise<unknown>;
  /** The ban is forbidden. `isOut`: what it extended was not in the kernel either. */
  readonly forbid: (ban: BanRecord, isOut: boolean) => void;
  readonly failed: (error: unknown) => void;
}

export class PendingIgnoreChecks {
  readonly #parts: PendingIgnoreDeps;
  readonly #asking = new Set<Promise<unknown>>();
  /** Targets that are not in the kernel while they are asked about, and the ban. */
  readonly #held = new Map<string, number>();

  constructor(parts: PendingIgnoreDeps) {
    this.#parts = parts;
  }

  mustAsk({ jail, origin }: BanRecord): boolean {
    return origin === 'journal' && this.#parts.ignore?.asks(jail) === true;
  }

  /** True while the kernel must not have this target. */
  isHeld(jail: JailName, target: Prefix): boolean {
    // Asked of every ban at a start, and hardly ever is one held.
    return this.#held.size > 0 && this.#held.has(banKey(jail, target));
  }

  /**
   * Keeps those of the bans that must be asked about out of the kernel; returns them. `ask` comes
   * later.
   */
  hold(bans: readonly BanRecord[]): readonly BanRecord[] {
    const held = bans.filter((ban) => this.mustAsk(ban));
    for (const { jail, target, id } of held) this.#held.set(banKey(jail, target), id);
    return held;
  }

  /** Another ban of the target goes into the kernel without a question. */
  release(jail: JailName, target: Prefix): void {
    this.#held.delete(banKey(jail, target));
  }

  /** Asks about a ban of the ledger and carries it on or not. */
  ask(ban: BanRecord, replaced: readonly BanRecord[]): void {
    const key = banKey(ban.jail, ban.target);
    if (replaced.length === 0 || this.#held.has(key)) this.#held.set(key, ban.id);
    const asking = this.#answer(ban, replaced, key)
      .catch(this.#parts.failed)
      .finally(() => this.#asking.delete(asking));
    this.#asking.add(asking);
  }

  /** Asks no more; bans without an answer stay wanted, and the next start asks about them. */
  async stop(): Promise<void> {
    this.#parts.ignore?.stop();
    await Promise.allSettled([...this.#asking]);
  }

  async #answer(ban: BanRecord, replaced: readonly BanRecord[], key: string): Promise<void> {
    const { ignore, ledger, goOn, forbid } = this.#parts;
    const ignored = await ignore?.ask(ban);
    if (ignored === undefined) return;
    const wasHeld = this.#held.get(key) === ban.id && this.#held.delete(key);
    // A ban that has ended meanwhile (by an operator, by time, by a later ban) needs no answer.
    if (ledger.openBan(ban.jail, ban.target)?.id !== ban.id) return;
    if (ignored) forbid(ban, wasHeld && replaced.length > 0);
    else await goOn(ban, replaced);
  }
}
