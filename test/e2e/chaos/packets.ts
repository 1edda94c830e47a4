/**
 * Hosts that send a packet every 20 ms for as long as the test runs, and which of those packets the
 * machine received.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Machine } from '../lib/machine.js';
import { ended } from '../lib/shell.js';

const EVERY_MS = 20;
/** Arrivals of one host that are further apart are two openings. */
const APART_MS = 500;
/** Nothing came in for so long: shut. */
const SHUT_MS = 200;

/**
 * A time in which packets of a banned host came in; the length includes the interval in which
 * nobody can know.
 */
export interface Opening {
  readonly address: string;
  readonly fromMs: number;
  readonly lengthMs: number;
}

export class Packets {
  readonly #sender: ChildProcess;
  readonly #receiver: ChildProcess;
  readonly #victims = new Set<string>();
  #arrivals: { address: string; sentMs: number }[] = [];
  #bystander = 0;
  #lastArrivalMs = 0;
  bystanderSilenceMs = 0;

  constructor(
    machine: Machine,
    private readonly friend: string,
  ) {
    const file = fileURLToPath(new URL('./packets.child.js', import.meta.url));
    const start = (command: readonly string[], role: string) =>
      spawn(command[0] ?? '', [...command.slice(1), process.execPath, file, role], {
        stdio: ['pipe', 'pipe', 'inherit'],
      });
    this.#receiver = start(['nsenter', '-t', String(machine.leader), '-n', '--'], 'receive');
    this.#sender = start(machine.outside([]), 'send');
    if (this.#receiver.stdout !== null)
      createInterface({ input: this.#receiver.stdout }).on('line', (line) => this.#hear(line));
    this.#sender.stdin?.write(`${friend}\n`);
  }

  #hear(line: string): void {
    const [address = '', time] = line.split(' ');
    const sentMs = Number(time) / 1_000;
    if (this.#victims.has(address)) {
      this.#arrivals.push({ address, sentMs });
      this.#lastArrivalMs = sentMs;
    }
    if (address !== this.friend) return;
    if (this.#bystander !== 0)
      this.bystanderSilenceMs = Math.max(this.bystanderSilenceMs, sentMs - this.#bystander);
    this.#bystander = sentMs;
  }

  /** From now on this banned host sends, and nothing of it ought to arrive. */
  add(address: string): void {
    this.#victims.add(address);
    this.#sender.stdin?.write(`${address}\n`);
  }

  get victims(): number {
    return this.#victims.size;
  }

  /** No packet of a banned host that was sent lately has arrived. */
  isShut(): boolean {
    return Number(process.hrtime.bigint() / 1_000n) / 1_000 - this.#lastArrivalMs > SHUT_MS;
  }

  /** The openings since the last call. */
  openings(): Opening[] {
    const found: Opening[] = [];
    for (const address of this.#victims) {
      let from: number | undefined;
      let last = 0;
      const close = () => {
        if (from !== undefined)
          found.push({ address, fromMs: from, lengthMs: last - from + EVERY_MS });
        from = undefined;
      };
      for (const arrival of this.#arrivals) {
        if (arrival.address !== address) continue;
        if (from !== undefined && arrival.sentMs - last > APART_MS) close();
        from ??= arrival.sentMs;
        last = arrival.sentMs;
      }
      close();
    }
    this.#arrivals = [];
    return found;
  }

  async close(): Promise<void> {
    for (const child of [this.#sender, this.#receiver]) {
      child.stdin?.end();
      await ended(child);
    }
  }
}
