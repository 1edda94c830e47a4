/**
 * (q) What bans of other hosts cost: how long a ban of this host takes while 10,000 of them arrive
 * at once and while lists of 50,000 addresses come and stand; memory, and a start with them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../src/control/client.js';
import type { RequestFor } from '../src/control/endpoints.js';
import { SHARE_DECISIONS_MAX } from '../src/core/service-limits.js';
import { LiveJournal, numbered, T0 } from '../test/support/journal-files.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { costOf } from './lib/processes.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

const RETRIES = 5;
/** Between two attackers, ms. */
const PAUSE_MS = 20;

interface Times {
  readonly when: string;
  /** From the write of the fifth failure to the event of the ban, ms. */
  readonly latencies: readonly number[];
  /** How long what came took, seconds; undefined while nothing came. */
  readonly seconds?: number;
  readonly rssMib: number;
}

type Decision = RequestFor<'shareDecisions'>['decisions'][number];

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const bans = scaled(options, 10_000, 100);
  const listed = scaled(options, 50_000, 500);
  const measured: Times[] = [];
  const starts: { readonly what: string; readonly seconds: number }[] = [];
  if (reason === undefined) await measure(options, { bans, listed }, measured, starts);
  const of = (when: string) => measured.find((one) => one.when === when);
  const [quiet, arriving, listing, standing] = [
    ...[of('quiet'), of('bans arrive'), of('lists arrive'), of('lists stand')],
  ];
  const base = median(quiet?.latencies ?? []);
  return {
    name: 'share',
    title: 'Bans of other hosts',
    method: [
      `an agent in a network namespace; over share.sock, as its companion does, ${whole(bans)} bans of other hosts at once, then a whole listing of ${whole(listed)} addresses of lists`,
      'meanwhile attackers of this host one after the other: from the write of the fifth failure into a journal file (by a pipe to systemd-journal-remote) to the ban in the event stream, when the kernel has it',
      'start: from the start of the process until the journal is read to its end',
    ],
    tables: [
      {
        title: 'A ban of this host',
        columns: [
          'when',
          'bans',
          'median ms',
          '99 % ms',
          'highest ms',
          'times quiet',
          'took s',
          'RSS MiB',
        ],
        rows: measured.map(({ when, latencies, seconds, rssMib }) => [
          when,
          whole(latencies.length),
          short(median(latencies)),
          short(quantile(latencies, 0.99)),
          short(quantile(latencies, 1)),
          short(median(latencies) / base),
          seconds === undefined ? '-' : short(seconds),
          short(rssMib),
        ]),
      },
      {
        title: 'A start',
        columns: ['with', 'ready s'],
        rows: starts.map(({ what, seconds }) => [what, short(seconds)]),
      },
    ],
    targets:
      quiet && arriving && listing && standing
        ? [
            atMost(
              'while bans arrive, median, more than quiet',
              median(arriving.latencies) - base,
              20,
              'ms',
            ),
            atMost(
              'while lists arrive, median, more than quiet',
              median(listing.latencies) - base,
              20,
              'ms',
            ),
            atMost('while lists stand, median', median(standing.latencies) / base, 1.5, 'x quiet'),
            atMost('memory for all of it', standing.rssMib - quiet.rssMib, 96, 'MiB'),
          ]
        : [],
    figures: Object.fromEntries(
      measured.flatMap(({ when, latencies, rssMib }) => [
        [`${when}: median ms`, median(latencies)],
        [`${when}: p99 ms`, quantile(latencies, 0.99)],
        [`${when}: RSS MiB`, rssMib],
      ]),
    ),
    chart: {
      kind: 'bars',
      title: 'A ban of this host, while other hosts share theirs',
      unit: 'ms',
      bars: measured.flatMap(({ when, latencies }) => [
        { label: `${when}, median`, value: median(latencies), kind: 'ours' as const },
        { label: `${when}, 99 %`, value: quantile(latencies, 0.99), kind: 'ours' as const },
      ]),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function measure(
  options: BenchOptions,
  { bans, listed }: { readonly bans: number; readonly listed: number },
  measured: Times[],
  starts: { readonly what: string; readonly seconds: number }[],
): Promise<void> {
  const place = new Place();
  mkdirSync(place.path('etc', 'jail.d'));
  writeFileSync(
    place.path('etc', 'jail.d', 'shared.conf'),
    '[shared]\nenabled = true\naccept = banjour lists\n',
  );
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  const ready = async (what: string) => {
    const began = performance.now();
    const pid = await place.start('reached the end');
    starts.push({ what, seconds: (performance.now() - began) / 1000 });
    return pid;
  };
  try {
    journal.append(numbered(1));
    let pid = await ready('nothing shared');
    const attackers = new Attackers(journal, place.path('run', 'status.sock'));
    const during = async (when: string, count: number, work?: () => Promise<void>) => {
      options.say(`a ban of this host: ${when}`);
      const began = performance.now();
      let isOver = work === undefined;
      const working = work?.().finally(() => {
        isOver = true;
      });
      const latencies: number[] = [];
      while (!isOver || (work === undefined && latencies.length < count))
        latencies.push(await attackers.next());
      await working;
      const seconds = (performance.now() - began) / 1000;
      const rssMib = costOf(pid)?.rssMib ?? 0;
      measured.push({ when, latencies, rssMib, ...(work === undefined ? {} : { seconds }) });
    };
    const alone = scaled(options, 100, 5);
    await attackers.listen();
    await during('quiet', alone);
    await during('bans arrive', 0, () => tell(place, bans, 'banjour'));
    await during('bans stand', alone);
    await during('lists arrive', 0, () => tell(place, listed, 'lists'));
    await during('lists stand', alone);
    await attackers.stop();
    await place.stop();
    pid = await ready(`${whole(bans)} bans and ${whole(listed)} addresses of lists, in the kernel`);
    await place.stop();
    place.run(['nft', 'flush', 'ruleset']);
    await ready(`${whole(bans)} bans, after a flush`);
  } finally {
    await journal.close();
    await place.close();
  }
}

/** Tells the agent what others decided, request after request; of lists a whole listing. */
async function tell(place: Place, count: number, origin: 'banjour' | 'lists'): Promise<void> {
  const client = new ControlClient(place.path('run', 'share.sock'));
  const until = new Date(Date.now() + 6 * 3_600_000).toISOString();
  // 20.0.0.0 and 30.0.0.0: nobody's own here.
  const first = origin === 'lists' ? 30 : 20;
  const decision = (n: number): Decision => ({
    target: `${first}.${n >> 16}.${(n >> 8) & 255}.${n & 255}`,
    ...{ until, origin, host: 'mx2', scenario: 'banjour/sshd' },
  });
  let taken = 0;
  for (let at = 0; at < count; at += SHARE_DECISIONS_MAX) {
    const length = Math.min(SHARE_DECISIONS_MAX, count - at);
    const answer = await client.shareDecisions({
      engine: 'bench',
      decisions: Array.from({ length }, (_, i) => decision(at + i)),
      lifted: [],
    });
    taken += answer.taken;
  }
  if (taken !== count) throw new Error(`${taken} of ${count} were taken`);
}

/** Attackers of this host, one after the other. */
class Attackers {
  readonly #journal: LiveJournal;
  readonly #client: ControlClient;
  readonly #end = new AbortController();
  readonly #waiting = new Map<string, () => void>();
  #stream: Promise<void> = Promise.resolve();
  #count = 0;

  constructor(journal: LiveJournal, socket: string) {
    this.#journal = journal;
    this.#client = new ControlClient(socket, this.#end.signal);
  }

  listen(): Promise<void> {
    return new Promise((opened) => {
      this.#stream = this.#client
        .events(({ address }) => this.#waiting.get(address)?.(), this.#end.signal, {
          only: ['ban'],
          opened,
        })
        .catch(() => undefined);
    });
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#stream;
  }

  /** Milliseconds until the next one is banned. */
  async next(): Promise<number> {
    const n = this.#count++;
    const attacker = `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
    const banned = new Promise<void>((resolve) => this.#waiting.set(attacker, resolve));
    const began = performance.now();
    const at = Date.now() * 1000 - T0;
    this.#journal.append(
      Array.from({ length: RETRIES }, (_, i) => ({
        at: at + i,
        message: `Failed password for root from ${attacker} port 22 ssh2`,
        fields: { _SYSTEMD_UNIT: 'ssh.service', SYSLOG_IDENTIFIER: 'sshd', _UID: '0', _PID: '7' },
      })),
    );
    await banned;
    this.#waiting.delete(attacker);
    const milliseconds = performance.now() - began;
    await sleep(PAUSE_MS);
    return milliseconds;
  }
}
