/** (p) What the web page costs the agent, and its bans, in a storm: with nobody, 5 and 50 viewers. */
import { type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlClient } from '../src/control/client.js';
import { LiveJournal, T0 } from '../test/support/journal-files.js';
import { failure, stranger } from './lib/lab.js';
import { fillLedger } from './lib/ledgers.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { Place, whyNoPlace } from './lib/place.js';
import { costOf } from './lib/processes.js';
import { atMost, type BenchOptions, type Result, scaled } from './lib/result.js';

const VIEWERS = [0, 5, 50] as const;
/** Entries per second of the storm, one in twenty of an attacker who is banned at the third. */
const STORM = 2_000;
const STEP_MS = 50;

interface Measured {
  readonly viewers: number;
  /** Of a core, in the storm. */
  readonly agentCpu: number;
  readonly companionCpu: number;
  /** From the write of the third failure to the event of the ban, ms. */
  readonly latencies: readonly number[];
  /** The first page of all bans, the next, and a search, ms. */
  readonly pages: readonly number[];
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = whyNoPlace();
  const seconds = scaled(options, 30, 3);
  const bans = scaled(options, 100_000, 1_000);
  const measured: Measured[] = [];
  if (reason === undefined)
    for (const viewers of VIEWERS) {
      options.say(`web page with ${viewers} viewers`);
      measured.push(await measure(viewers, seconds, bans));
    }
  const [none, five, fifty] = measured;
  return {
    name: 'web',
    title: 'The web page in a storm',
    method: [
      `an agent with ${whole(bans)} bans in a network namespace, a storm of ${whole(STORM)} failures per second for ${seconds} s, one in twenty of an attacker who is banned`,
      'viewers follow the events of the page; the first page of bans is asked when the list was never read, then a second page and a search for a network',
    ],
    tables: [
      {
        title: '',
        columns: ['viewers', 'agent %', 'companion %', 'ban median ms', '99 % ms', 'pages ms'],
        rows: measured.map(({ viewers, agentCpu, companionCpu, latencies, pages }) => [
          String(viewers),
          short(agentCpu * 100),
          short(companionCpu * 100),
          short(median(latencies)),
          short(quantile(latencies, 0.99)),
          pages.map(short).join(' / ') || '-',
        ]),
      },
    ],
    targets:
      none && five && fifty
        ? [
            atMost('five viewers, of the agent', (five.agentCpu - none.agentCpu) * 100, 2, '%'),
            atMost('the second page of bans', five.pages[1] ?? Number.NaN, 100, 'ms'),
            atMost(
              'a ban with 50 viewers, median, more than without',
              median(fifty.latencies) - median(none.latencies),
              5,
              'ms',
            ),
          ]
        : [],
    figures: Object.fromEntries(
      measured.flatMap(({ viewers, agentCpu, latencies }) => [
        [`${viewers} viewers, agent core %`, agentCpu * 100],
        [`${viewers} viewers, ban median ms`, median(latencies)],
      ]),
    ),
    chart: {
      kind: 'bars',
      title: 'The agent in a storm, by viewers of the page',
      unit: '% of a core',
      bars: measured.map(({ viewers, agentCpu }) => ({
        label: `${viewers} viewers`,
        value: agentCpu * 100,
        kind: 'ours' as const,
      })),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

async function measure(viewers: number, seconds: number, bans: number): Promise<Measured> {
  const place = new Place(['maxretry = 3']);
  const journal = new LiveJournal(place.path('journal', 'host.journal'));
  const ended = new AbortController();
  try {
    journal.append([entryOf('192.0.2.1', 0)]);
    fillLedger(place.ledger, bans);
    const pid = await place.start();
    const page = await Page.start(place);
    const pages: number[] = [];
    if (viewers > 0)
      for (const query of ['', '?offset=50', '?q=10.1.0.0/16'])
        pages.push(await page.ask(`/api/bans${query}`));
    for (let i = 0; i < viewers; i++) page.follow();
    const latencies = latenciesOf(place, ended.signal);
    const before = [costOf(pid), costOf(page.pid)];
    const began = performance.now();
    await storm(journal, seconds, latencies.wrote);
    const elapsed = (performance.now() - began) / 1000;
    const after = [costOf(pid), costOf(page.pid)];
    const share = (i: number) =>
      ((after[i]?.cpuSeconds ?? 0) - (before[i]?.cpuSeconds ?? 0)) / elapsed;
    const result = { viewers, agentCpu: share(0), companionCpu: share(1), pages };
    return { ...result, latencies: latencies.all };
  } finally {
    ended.abort();
    await journal.close();
    await place.close();
  }
}

/** Times from the write of what decides to the event of the ban. */
function latenciesOf(place: Place, signal: AbortSignal) {
  const written = new Map<string, number>();
  const all: number[] = [];
  const client = new ControlClient(place.path('run', 'status.sock'), signal);
  client
    .events(
      ({ address }) => {
        const time = written.get(address);
        if (time !== undefined) all.push(performance.now() - time);
        written.delete(address);
      },
      signal,
      { only: ['ban'] },
    )
    .catch(() => undefined);
  return { all, wrote: (address: string) => written.set(address, performance.now()) };
}

async function storm(
  journal: LiveJournal,
  seconds: number,
  wrote: (address: string) => void,
): Promise<void> {
  const began = performance.now();
  let sent = 0;
  let attacker = 0;
  while (performance.now() - began < seconds * 1000) {
    const due = ((performance.now() - began) / 1000) * STORM;
    while (sent < due) {
      const at = (Date.now() - T0 / 1000) * 1000 + (sent % 1000);
      if (sent % 60 === 0) {
        const address = stranger(500_000 + attacker++);
        journal.append([1, 2, 3].map(() => entryOf(address, at)));
        wrote(address);
        sent += 3;
      } else journal.append([entryOf(stranger(1_000_000 + sent), at)]);
      sent++;
    }
    await sleep(STEP_MS);
  }
}

function entryOf(address: string, at: number) {
  const fields = { _SYSTEMD_UNIT: 'postfix@-.service', SYSLOG_IDENTIFIER: 'postfix/smtpd' };
  return { at, message: failure(address), fields };
}

/** The companion with the page, in the place. */
class Page {
  #cookie = '';

  private constructor(
    readonly socket: string,
    readonly pid: number,
  ) {}

  static async start(place: Place): Promise<Page> {
    const socket = place.path('run-companion', 'web.sock');
    const places = ['listen =', 'origin = https://page.example', `socket = ${socket}`];
    const pid = await place.startCompanion(['[web]', 'enabled = true', ...places], 'web page on');
    const page = new Page(socket, pid);
    const companion = new ControlClient(place.path('run-companion', 'companion.sock'));
    const { url } = await companion.order<{ url: string }>('/web/link', {});
    const { pathname, search } = new URL(url);
    const { headers } = await page.#read(`${pathname}${search}`);
    page.#cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
    return page;
  }

  #get(path: string) {
    const headers = { host: 'page.example', cookie: this.#cookie };
    return request({ socketPath: this.socket, path, headers, agent: false });
  }

  /** Resolves at the end of an answer. */
  #read(path: string): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      this.#get(path)
        .once('response', (response) => {
          response.resume();
          response.once('end', () => resolve(response));
        })
        .once('error', reject)
        .end();
    });
  }

  /** Milliseconds to the end of an answer; throws for one that is no page. */
  async ask(path: string): Promise<number> {
    const began = performance.now();
    const { statusCode } = await this.#read(path);
    if (statusCode !== 200) throw new Error(`${path} is answered with ${statusCode}`);
    return performance.now() - began;
  }

  follow(): void {
    this.#get('/api/events')
      .once('response', (response) => response.resume())
      .on('error', () => undefined)
      .end();
  }
}
