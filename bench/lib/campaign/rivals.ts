/**
 * Other programs before a made-up month. sshguard's own parser reads each line as it is written,
 * and its bans hold in the month; what can only be given a month that is over is judged afterwards.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { formatPrefix, hostPrefix } from '../../../src/core/address.js';
import { addressOf, BanTable, momentOf, NobodyJudge } from './judges.js';
import type { Judge, JudgeAlarm, LogLine, Service, Truth } from './stage.js';
import { percent } from './sums.js';

/** The line as a syslog daemon writes it, without a line break. */
function syslogLine({ time, writer, pid, message }: LogLine): string {
  const date = new Date(momentOf(time) / 1_000).toISOString();
  return `${date.replace('Z', '000+00:00')} mx1 ${writer}[${pid}]: ${message}`;
}

/** A failure of nobody: when the parser has told it, all before it is told. */
const MARK = '192.0.2.255';
const MARK_LINE = `Failed password for invalid user mark from ${MARK} port 9 ssh2`;

/** sshguard(8): points for a ban, seconds until points are forgotten, seconds of the first ban. */
const THRESHOLD = 30;
const DETECTION_TIME = 1_800;
const BLOCK_TIME = 120;
/** Each further ban of an address is so many times longer. */
const BLOCK_FACTOR = 1.5;

/**
 * sshguard with its defaults: its parser is the package's, a process; its counting is a model after
 * its manual. It bans an address on all ports.
 */
export class SshguardJudge implements Judge {
  readonly alarms: readonly JudgeAlarm[] = [];
  readonly #table = new BanTable();
  readonly #scores = new Map<string, { points: number; last: number; bans: number }>();
  readonly #parser: ChildProcessByStdio<Writable, Readable, null>;
  /** What the parser has told since the last mark: address and points. */
  #told: [string, number][] = [];
  #marked: () => void = () => undefined;
  #ended: (error: Error) => void = () => undefined;

  /** `parser`: the command of its parser. */
  constructor([program = '', ...args]: readonly string[]) {
    this.#parser = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    // SERVICE ADDRESS KIND POINTS
    createInterface({ input: this.#parser.stdout }).on('line', (line) => {
      const [, address = '', , points] = line.split(' ');
      if (address === MARK) this.#marked();
      else this.#told.push([formatPrefix(hostPrefix(addressOf(address))), Number(points)]);
    });
    this.#parser.on('exit', (status) => this.#ended(new Error(`sshg-parser ended with ${status}`)));
  }

  get bans(): number {
    return this.#table.count;
  }

  async take(line: LogLine): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#marked = resolve;
      this.#ended = reject;
      this.#parser.stdin.write(`${syslogLine(line)}\n${MARK_LINE}\n`);
    });
    for (const [address, points] of this.#told.splice(0)) this.#count(address, points, line.time);
  }

  holds(address: string, service: Service, time: number): boolean {
    return this.#table.holds(address, service, time);
  }

  held(address: string, from: number, to: number): boolean {
    return this.#table.held(address, from, to);
  }

  close(): void {
    this.#parser.stdin.end();
  }

  #count(address: string, points: number, time: number): void {
    if (this.#table.holds(address, 'ssh', time)) return;
    const score = this.#scores.get(address) ?? { points: 0, last: time, bans: 0 };
    this.#scores.set(address, score);
    if (time - score.last > DETECTION_TIME) score.points = 0;
    score.points += points;
    score.last = time;
    if (score.points < THRESHOLD) return;
    const seconds = BLOCK_TIME * BLOCK_FACTOR ** score.bans++;
    score.points = 0;
    this.#table.ban(address, {
      from: time,
      until: time + seconds,
      jail: 'sshguard',
      services: 'all',
    });
  }
}

/** A month in which nobody is stopped, and what would have been. */
export class OpenLoop implements Judge {
  readonly alarms: readonly JudgeAlarm[] = [];
  readonly #judge: Judge;
  readonly #stopped = new Set<string>();

  constructor(judge: Judge) {
    this.#judge = judge;
  }

  get bans(): number {
    return this.#judge.bans;
  }

  take(line: LogLine): Promise<void> | undefined {
    return this.#judge.take(line);
  }

  holds(address: string, service: Service, time: number): boolean {
    if (this.#judge.holds(address, service, time)) this.#stopped.add(`${time} ${address}`);
    return false;
  }

  held(address: string, from: number, to: number): boolean {
    return this.#judge.held(address, from, to);
  }

  close(): void {
    this.#judge.close();
  }

  /** Whether it would have stopped what came from there at that time. */
  stops(address: string, time: number): boolean {
    return this.#stopped.has(`${time} ${address}`);
  }
}

/** A ban of a program that was given the month when it was over, seconds since its beginning. */
export interface LateBan {
  readonly address: string;
  readonly from: number;
  readonly until: number;
}

/** Writes a month down in which nobody is stopped. */
export class Recorder extends NobodyJudge {
  readonly lines: string[] = [];

  override take(line: LogLine): undefined {
    this.lines.push(syslogLine(line));
  }
}

/** What bans on all ports would have stopped of a month that is over. */
export function stopsOf(bans: readonly LateBan[]): (address: string, time: number) => boolean {
  const table = new BanTable();
  for (const { address, from, until } of bans)
    table.ban(formatPrefix(hostPrefix(addressOf(address))), {
      from,
      until,
      jail: '',
      services: 'all',
    });
  return (address, time) => table.holds(address, 'smtp', time);
}

export interface OpenScore {
  readonly guessesThrough: number;
  readonly loginsBlocked: number;
}

/** What would have come through a month in which nobody was stopped, %, and good logins blocked. */
export function openScore(
  { guesses, logins }: Truth,
  stops: (address: string, time: number) => boolean,
): OpenScore {
  const through = guesses.filter(
    (guess) => guess.through !== undefined && !stops(guess.through.address, guess.through.time),
  );
  return {
    guessesThrough: percent({ all: guesses.length, some: through.length }),
    loginsBlocked: logins.filter(({ address, time }) => stops(address, time)).length,
  };
}
