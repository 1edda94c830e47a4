/**
 * Addresses that send a packet to each of several machines every 25 ms, to a port that nobody
 * listens on: a machine that lets it in answers at once that it is closed, one that drops it does
 * not answer. So the time of a ban is seen from outside, and every packet that got in.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Machine } from './machine.js';
import { ended, until } from './shell.js';

/** A packet without an answer for so long has none, ms. */
const PATIENCE_MS = 400;
/** So long it must be the same, ms: a lost packet is no ban. */
const STEADY_MS = 300;

/** Looks once more before it gives up: on a busy machine the answer may lie there already. */
const SCRIPT = `const net = require('node:net');
let pairs = [];
require('node:readline').createInterface({ input: process.stdin })
  .on('line', (line) => { pairs = JSON.parse(line); })
  .on('close', () => process.exit());
setInterval(() => {
  for (const [from, to] of pairs) {
    const sent = Date.now();
    let isOver = false;
    const say = (isAnswered) => {
      if (!isOver) process.stdout.write(JSON.stringify({ from, to, sent, isAnswered }) + '\\n');
      isOver = true;
    };
    const socket = net.connect({ host: to, port: 9, localAddress: from });
    const giveUp = () => { say(false); socket.destroy(); };
    const patience = setTimeout(() => setImmediate(giveUp), ${PATIENCE_MS});
    socket.on('error', (error) => { clearTimeout(patience); say(error.code === 'ECONNREFUSED'); });
  }
}, 25);
`;

interface Packet {
  readonly from: string;
  readonly to: string;
  /** Milliseconds since 1970. */
  readonly sent: number;
  readonly isAnswered: boolean;
}

export class Prober {
  readonly #child: ChildProcess;
  readonly #pairs = new Map<string, readonly [string, string]>();
  readonly #packets = new Map<string, Packet[]>();

  /** Sends from the world before this machine. */
  constructor(machine: Machine) {
    const [file = '', ...args] = machine.outside([process.execPath, '-e', SCRIPT]);
    const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    createInterface({ input: child.stdout }).on('line', (line) =>
      this.#note(JSON.parse(line) as Packet),
    );
  }

  #note(packet: Packet): void {
    const packets = this.#packets.get(keyOf(packet.from, packet.to));
    if (packets === undefined) return;
    // One without an answer is told of later than one that was sent after it.
    let at = packets.length;
    while (at > 0 && (packets[at - 1]?.sent ?? 0) > packet.sent) at--;
    packets.splice(at, 0, packet);
  }

  /** From now on this address sends to these; resolves when all of them answer. */
  async begin(from: string, tos: readonly string[]): Promise<void> {
    for (const to of tos) {
      this.#pairs.set(keyOf(from, to), [from, to]);
      this.#packets.set(keyOf(from, to), []);
    }
    this.#tell();
    for (const to of tos) await this.open(from, to);
  }

  /** This address sends no more. */
  end(from: string): void {
    for (const [key, [one]] of this.#pairs) if (one === from) this.#pairs.delete(key);
    this.#tell();
  }

  #tell(): void {
    this.#child.stdin?.write(`${JSON.stringify([...this.#pairs.values()])}\n`);
  }

  /** When the first packet was sent, of those after `since`, from which on none got an answer. */
  shut(from: string, to: string, since = 0): Promise<number> {
    return until(`${to} drops what ${from} sends`, () => this.#steady(from, to, false, since), {
      timeoutMs: 60_000,
    });
  }

  /** The same of answers. */
  open(from: string, to: string, since = 0): Promise<number> {
    return until(`${to} lets ${from} in`, () => this.#steady(from, to, true, since), {
      timeoutMs: 60_000,
    });
  }

  #steady(from: string, to: string, isAnswered: boolean, since: number): number | undefined {
    const packets = this.#packets.get(keyOf(from, to)) ?? [];
    const last = packets.at(-1);
    let first: Packet | undefined;
    for (let at = packets.length - 1; at >= 0; at--) {
      const packet = packets[at];
      if (packet?.isAnswered !== isAnswered || packet.sent < since) break;
      first = packet;
    }
    // Answers come at once: what was dropped before them is known only when patience is over.
    const steady = isAnswered ? STEADY_MS + PATIENCE_MS : STEADY_MS;
    if (first === undefined || last === undefined || last.sent - first.sent < steady) return;
    return first.sent;
  }

  /** How many packets got an answer, of those that were sent after `since`. */
  answered(from: string, to: string, since: number): number {
    const packets = this.#packets.get(keyOf(from, to)) ?? [];
    return packets.filter(({ sent, isAnswered }) => isAnswered && sent > since).length;
  }

  async close(): Promise<void> {
    this.#child.stdin?.end();
    await ended(this.#child);
  }
}

function keyOf(from: string, to: string): string {
  return `${from} ${to}`;
}
