/**
 * Plays a cast against a machine and derives the truth from the clients' own results, never from
 * the log.
 */
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cast } from './cast.js';
import { type Attempt, type Job, LOGIN_SERVICES, type LoginService } from './clients/job.js';
import type { Machine } from './machine.js';
import { sleep } from './shell.js';
import type { Station } from './station.js';

export interface Deeds {
  readonly role: string;
  /** Login failures that the server answered, by service. */
  readonly failures: Map<LoginService, number>;
  /**
   * What came of attempts that ended otherwise (auth server busy, connection lost): they may be in
   * the log as failures.
   */
  readonly unclear: string[];
  successes: number;
}
export type Truth = ReadonlyMap<string, Deeds>;

/** sshd's default MaxStartups begins to drop at 10 connections that are not logged in yet. */
const SSH_AT_ONCE = 6;
const OTHERS_AT_ONCE = 24;

/**
 * Plays every player's jobs, as many at once as the services bear; with `unbounded` all at once.
 */
export async function playCast(station: Station, cast: Cast, unbounded = false): Promise<Truth> {
  const truth = new Map<string, Deeds>();
  const most = unbounded ? cast.players.length : undefined;
  const gates = { ssh: new Gate(most ?? SSH_AT_ONCE), others: new Gate(most ?? OTHERS_AT_ONCE) };
  await Promise.all(
    cast.players.map(async ({ role, address, jobs }) => {
      const deeds = truth.get(address) ?? { role, failures: new Map(), unclear: [], successes: 0 };
      truth.set(address, deeds);
      for (const job of jobs) {
        const gate = job.service.startsWith('ssh') ? gates.ssh : gates.others;
        for (const attempt of await gate.run(() => station.play(job))) note(deeds, job, attempt);
      }
    }),
  );
  // The last lines are on their way to the journal.
  await sleep(2_000);
  return truth;
}

function note(deeds: Deeds, job: Job, { result, detail = '' }: Attempt): void {
  const service = LOGIN_SERVICES.find((name) => name === job.service);
  if (result === 'ok') deeds.successes++;
  else if (result === 'failed' && service !== undefined)
    deeds.failures.set(service, (deeds.failures.get(service) ?? 0) + 1);
  else if (result !== 'failed' && result !== 'dropped') deeds.unclear.push(`${result} ${detail}`);
}

/** Who must be banned: that many failures at one service. */
export function mustBan(truth: Truth, maxretry: number): string[] {
  return [...truth]
    .filter(([, { failures }]) => Math.max(0, ...failures.values()) >= maxretry)
    .map(([address]) => address);
}

/**
 * Who must not: fewer failures at all services together, the victims of smuggled names included.
 */
export function mustNotBan(truth: Truth, cast: Cast, maxretry: number): string[] {
  const sum = ({ failures, unclear }: Deeds) =>
    [...failures.values()].reduce((a, b) => a + b, unclear.length);
  return [
    ...[...truth].filter(([, deeds]) => sum(deeds) < maxretry).map(([address]) => address),
    ...cast.victims,
  ];
}

/**
 * The journal of this boot, `journalctl -o export`, byte by byte: attackers' names need not be
 * UTF-8.
 */
export async function exportJournal(machine: Machine, path: string): Promise<void> {
  const within = 'var/tmp/session.export';
  await machine.exec(['sh', '-c', `journalctl -b -o export --no-pager > /${within}`]);
  await copyFile(join(machine.root, within), path);
}

/** Lets so many through at once. */
class Gate {
  readonly #queue: (() => void)[] = [];
  #free: number;
  constructor(size: number) {
    this.#free = size;
  }
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#queue.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
