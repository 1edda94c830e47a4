/**
 * Banned hosts that knock all the time: each sends a packet every 20 ms from its own address, and
 * two chains of the machine count those that came to its network and those that came past every
 * firewall.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Machine } from './machine.js';
import { SERVER } from './mailhost.js';
import { ended, run } from './shell.js';

export interface Knock {
  readonly from: string;
  readonly port: number;
}

/** Each connection is given up at once: one SYN, and no second one. */
const SCRIPT = `const net = require('node:net');
const knocks = JSON.parse(process.argv[1]);
setInterval(() => {
  for (const { from, to, port } of knocks) {
    const socket = net.connect({ host: to, port, localAddress: from });
    socket.on('error', () => {});
    setTimeout(() => socket.destroy(), 15);
  }
}, 20);
`;

export class Knocker {
  readonly #machine: Machine;
  readonly #child: ChildProcess;

  private constructor(machine: Machine, child: ChildProcess) {
    this.#machine = machine;
    this.#child = child;
  }

  /** Begins to knock, and to count. */
  static async start(machine: Machine, knocks: readonly Knock[]): Promise<Knocker> {
    const rules = ['came', 'passed'].map((chain) =>
      knocks
        .map(
          ({ from, port }) =>
            `add rule inet knocks ${chain} ${from.includes(':') ? 'ip6' : 'ip'} saddr ${from} tcp dport ${port} counter`,
        )
        .join('\n'),
    );
    await machine.exec(['nft', '-f', '-'], {
      input: `add table inet knocks
delete table inet knocks
add table inet knocks
add chain inet knocks came { type filter hook prerouting priority -500; }
add chain inet knocks passed { type filter hook input priority 500; }
${rules.join('\n')}
`,
    });
    const told = knocks.map((knock) => ({
      ...knock,
      to: SERVER[knock.from.includes(':') ? 6 : 4],
    }));
    const [file = '', ...args] = machine.outside([
      process.execPath,
      '-e',
      SCRIPT,
      JSON.stringify(told),
    ]);
    return new Knocker(machine, spawn(file, args, { stdio: ['ignore', 'ignore', 'inherit'] }));
  }

  /** Packets that have come to the machine, and past every firewall, by source address. */
  async counted(): Promise<{ readonly came: Counts; readonly passed: Counts }> {
    const text = await run(this.#machine.inside(['nft', '-j', 'list', 'table', 'inet', 'knocks']));
    const { nftables } = JSON.parse(text) as { nftables: readonly { rule?: Rule }[] };
    const counts: Record<string, Record<string, number>> = { came: {}, passed: {} };
    for (const { rule } of nftables) {
      const of = counts[rule?.chain ?? ''];
      if (rule === undefined || of === undefined) continue;
      const from = rule.expr.find((one) => one.match !== undefined)?.match?.right ?? '';
      of[from] = rule.expr.find((one) => one.counter !== undefined)?.counter?.packets ?? 0;
    }
    return { came: counts['came'] ?? {}, passed: counts['passed'] ?? {} };
  }

  /** Counts from nothing again; resolves with false. */
  async reset(): Promise<false> {
    await this.#machine.exec(['nft', 'reset', 'rules', 'table', 'inet', 'knocks']);
    return false;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await ended(this.#child);
    await this.#machine.try(['nft', 'delete', 'table', 'inet', 'knocks']);
  }
}

type Counts = Readonly<Record<string, number>>;

interface Rule {
  readonly chain: string;
  readonly expr: readonly {
    readonly match?: { readonly right: string };
    readonly counter?: { readonly packets: number };
  }[];
}
