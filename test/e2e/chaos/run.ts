/** The run: faults and attacks by a seed, a recount after every step, and the report. */
import { availableParallelism, loadavg } from 'node:os';
import { Random } from '../lib/random.js';
import { sleep, until } from '../lib/shell.js';
import { Station } from '../lib/station.js';
import { Attackers } from './attackers.js';
import { FAULTS, type Fault } from './faults.js';
import { Host } from './host.js';
import { type Opening, Packets } from './packets.js';
import { elementOf, Recount } from './recount.js';

export interface Plan {
  readonly seed: number;
  /** No further step begins after so many milliseconds. */
  readonly lastsMs: number;
  /** Hosts that are banned before the first fault. */
  readonly hosts: number;
  /** Banned hosts that send a packet every 20 ms. */
  readonly senders: number;
  readonly say: (line: string) => void;
}

interface Trouble {
  readonly step: number;
  readonly faults: string;
  readonly what: string;
}

/** How long a fault that took the table down left it open. */
export interface Torn {
  readonly ms: number;
  readonly bans: number;
  readonly faults: string;
  /**
   * Programs of the whole host that wanted a processor in the last minute, for each that it has.
   */
  readonly load: number;
  /** No other fault kept the agent from its work at the same time. */
  readonly alone: boolean;
}

export interface Report {
  readonly seed: number;
  readonly seconds: number;
  readonly steps: number;
  readonly survived: Readonly<Record<string, number>>;
  readonly failures: number;
  readonly decisions: number;
  readonly senders: number;
  /**
   * Bans of the recount that the kernel did not have when its time was up, and those that only the
   * kernel had.
   */
  readonly mismatches: readonly Trouble[];
  /** Packets of banned hosts that arrived though no fault had torn the table down. */
  readonly leaks: readonly Trouble[];
  /** Openings by faults that tore it down, the longest first. */
  readonly openings: readonly Torn[];
  readonly slowest: { ms: number; faults: string };
  readonly bystanderSilenceMs: number;
}

const FRIEND = '198.51.100.77';
/** How long the agent may take to be whole again: several restarts on a busy machine. */
const SETTLE_MS = 90_000;

/** Runs one machine through it. */
export async function chaos(plan: Plan): Promise<Report> {
  const host = await Host.boot();
  const run = new Run(plan, host);
  try {
    return await run.all();
  } finally {
    await run.close();
  }
}

class Run {
  readonly #random: Random;
  readonly #recount = new Recount();
  readonly #packets: Packets;
  readonly #station: Station;
  readonly #attackers: Attackers;
  readonly #mismatches: Trouble[] = [];
  readonly #leaks: Trouble[] = [];
  readonly #openings: Torn[] = [];
  readonly #survived: Record<string, number> = {};
  #slowest = { ms: 0, faults: 'none' };
  #steps = 0;
  #deck: Fault[] = [];

  constructor(
    private readonly plan: Plan,
    private readonly host: Host,
  ) {
    this.#random = new Random(plan.seed);
    this.#packets = new Packets(host.machine, FRIEND);
    this.#station = new Station(host.machine);
    this.#attackers = new Attackers(host.machine, this.#station, this.#recount, this.#random);
  }

  async all(): Promise<Report> {
    const start = performance.now();
    await this.#prepare();
    while (performance.now() - start < this.plan.lastsMs) await this.#step();
    await this.#attackers.rest();
    await this.#settles('none, at the end');
    const seconds = Math.round((performance.now() - start) / 1_000);
    await this.#proveInstruments();
    return {
      seed: this.plan.seed,
      seconds,
      steps: this.#steps,
      survived: this.#survived,
      failures: this.#recount.failures,
      decisions: this.#recount.decisions,
      senders: this.#packets.victims,
      mismatches: this.#mismatches,
      leaks: this.#leaks,
      openings: this.#openings.sort((a, b) => b.ms - a.ms),
      slowest: this.#slowest,
      bystanderSilenceMs: Math.round(this.#packets.bystanderSilenceMs),
    };
  }

  async close(): Promise<void> {
    await this.#packets.close();
    await this.#station.close();
    await this.host.destroy();
  }

  /** The first bans, and the hosts among them that send all the time. */
  async #prepare(): Promise<void> {
    const hosts = this.#attackers.fresh(this.plan.hosts);
    for (let i = 0; i < hosts.length; i += 500)
      await this.#attackers.fail(hosts.slice(i, i + 500), 3);
    const faults = 'none';
    if (!(await this.#settles(faults)))
      throw new Error(`the first bans: ${JSON.stringify(this.#mismatches)}`);
    const banned = (one: { address: string }) => {
      const { element } = elementOf(one.address);
      return [...this.#recount.banned.values()].some((elements) => elements.has(element));
    };
    for (const { address } of hosts.filter(banned).slice(0, this.plan.senders))
      this.#packets.add(address);
  }

  /** Every fault once before any comes again, in an order that the seed gives. */
  #draw(): Fault {
    if (this.#deck.length === 0) this.#deck = this.#random.shuffled(FAULTS);
    return this.#deck.pop() as Fault;
  }

  /** One fault or two. */
  #drawStep(): readonly Fault[] {
    const first = this.#draw();
    if (this.#random.below(3) > 0) return [first];
    const second = this.#draw();
    const pair = [first, second];
    // With ledger and table gone at once nobody knows whom there was to ban.
    if (!pair.some(({ tears }) => tears) || !pair.some(({ forgets }) => forgets)) return pair;
    this.#deck.push(second);
    return [first];
  }

  async #step(): Promise<void> {
    const faults = this.#drawStep();
    const names = faults.map((fault) => fault.kind).join(' + ');
    const quiet = faults.some((fault) => fault.quiet);
    this.#steps++;
    const begun = performance.now();
    const halfway = quiet ? [] : this.#attackers.fresh(4);
    await this.#attackers.fail(halfway, 2);
    const attack = Promise.all([this.#attackers.fail(this.#attackers.fresh(10), 3), this.#lurk()]);
    if (quiet) {
      await attack;
      await this.#attackers.rest();
      await this.#settles(`${names}, before it`);
    } else if (this.#random.below(2) === 0) this.#attackers.guess();
    const undone = new Set<Fault>();
    const attempt = async (fault: Fault, deed: () => Promise<unknown> | undefined) => {
      try {
        await deed();
      } catch (error) {
        // Its process may be gone by another fault just now.
        undone.add(fault);
        this.plan.say(`could not be done: ${fault.kind}: ${String(error)}`);
      }
    };
    for (const fault of faults) await attempt(fault, () => fault.begin(this.host, this.#random));
    await attack;
    await this.#attackers.fail([...this.#attackers.fresh(5)], 3);
    await this.#attackers.fail(halfway, 1);
    await sleep(this.#random.below(3_000));
    for (const fault of faults.toReversed()) await attempt(fault, () => fault.end?.(this.host));
    await this.#attackers.fail(this.#attackers.fresh(2), 3);
    const whole = await this.#settles(names);
    this.#judge(this.#packets.openings(), names, faults);
    if (whole)
      for (const fault of faults)
        if (!undone.has(fault)) this.#survived[fault.kind] = (this.#survived[fault.kind] ?? 0) + 1;
    const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
    this.plan.say(
      `${this.#steps}. ${names}: ${whole ? 'equal' : 'NOT EQUAL'} after ${seconds} s, ${this.#recount.decisions} bans`,
    );
  }

  /**
   * Without agent and table the packets must arrive and the recount must differ, or neither would
   * ever have told.
   */
  async #proveInstruments(): Promise<void> {
    await this.host.sh('systemctl stop banjour; nft delete table inet banjour');
    await until('packets of banned hosts arrive without the table', () => !this.#packets.isShut());
    const { missing } = this.#recount.compare(await this.host.agent.sets());
    if (missing.length !== this.#recount.decisions)
      throw new Error('the recount does not see that the table is gone');
  }

  async #lurk(): Promise<void> {
    await sleep(this.#random.below(500));
  }

  /** Waits until the kernel has exactly what the recount says. */
  async #settles(faults: string): Promise<boolean> {
    const begun = performance.now();
    let last = { missing: [] as string[], extra: [] as string[] };
    const isEqual = async () => {
      await this.#recount.read(this.host.machine);
      last = this.#recount.compare(await this.host.agent.sets());
      const equal = last.missing.length + last.extra.length === 0 && this.#packets.isShut();
      return equal && (await this.host.agent.isActive());
    };
    try {
      await until('the kernel equals the recount', isEqual, { timeoutMs: SETTLE_MS, everyMs: 300 });
    } catch (error) {
      const shown = (list: string[]) => `${list.length} (${list.slice(0, 5).join(', ')})`;
      const state = (
        await this.host.sh('systemctl status -n 12 --no-pager banjour; banjour status')
      ).stdout;
      const what = `missing ${shown(last.missing)}, extra ${shown(last.extra)}; ${String(error)}\n${state}`;
      this.#mismatches.push({ step: this.#steps, faults, what });
      this.plan.say(`MISMATCH ${faults}: ${what}`);
      return false;
    }
    const ms = Math.round(performance.now() - begun);
    if (ms > this.#slowest.ms) this.#slowest = { ms, faults };
    return true;
  }

  #judge(openings: readonly Opening[], names: string, faults: readonly Fault[]): void {
    if (openings.length === 0) return;
    const longest = openings.reduce((a, b) => (a.lengthMs >= b.lengthMs ? a : b));
    const ms = Math.round(longest.lengthMs);
    if (faults.some((fault) => fault.tears)) {
      this.#openings.push({
        ms,
        bans: this.#recount.decisions,
        faults: names,
        load: (loadavg()[0] ?? 0) / availableParallelism(),
        alone: faults.length === 1,
      });
      this.plan.say(`open for ${ms} ms: ${names}`);
      return;
    }
    const what = `packets of ${openings.length} openings arrived, the longest ${ms} ms, from ${longest.address}`;
    this.#leaks.push({ step: this.#steps, faults: names, what });
    this.plan.say(`LEAK ${names}: ${what}`);
  }
}
