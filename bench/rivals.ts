/** (r) What Debian has beside Banjour, on one host and one after the other. */
import { type BanTimes, measureBans, STORM } from './lib/ban-times.js';
import { type CampaignOptions, play } from './lib/campaign/campaign.js';
import { BanjourJudge, Fail2banModel } from './lib/campaign/judges.js';
import {
  OpenLoop,
  type OpenScore,
  openScore,
  Recorder,
  SshguardJudge,
  stopsOf,
} from './lib/campaign/rivals.js';
import type { Judge } from './lib/campaign/stage.js';
import { percent } from './lib/campaign/sums.js';
import { mailJournal } from './lib/journal.js';
import { Lab, whyNoLab } from './lib/lab.js';
import { median, quantile, short, whole } from './lib/numbers.js';
import { costOf } from './lib/processes.js';
import { type BenchOptions, type Result, scaled } from './lib/result.js';
import {
  configureRivals,
  crowdsecBans,
  SSHGUARD_PARSER,
  storeEntries,
  THROUGHPUTS,
} from './lib/rivals.js';

const WHO = ['banjour', 'fail2ban', 'sshguard', 'crowdsec'] as const;
type Rival = (typeof WHO)[number];
/** Failures that bring a ban: of the first two as configured, of the others as they come. */
const RETRIES: Readonly<Record<Rival, number>> = {
  banjour: 3,
  fail2ban: 3,
  sshguard: 3,
  crowdsec: 6,
};
/** CrowdSec's bouncer asks every ten seconds. */
const PATIENCE_MS = 30_000;

interface Live extends BanTimes {
  /** Of all its processes, after the start and behind the storm. */
  readonly pssMib: { readonly idle: number; readonly after: number };
  readonly entriesPerSecond: number;
}

interface Month {
  /** Guesses through, %, and good logins blocked; undefined where the loop cannot be closed. */
  readonly closed?: OpenScore;
  readonly open: OpenScore;
}

interface Measured {
  readonly live: ReadonlyMap<Rival, Live>;
  readonly months: ReadonlyMap<Rival, Month>;
  readonly versions: ReadonlyMap<string, string>;
  readonly entries: number;
  readonly missing: readonly string[];
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason = await whyNoLab();
  const measured = reason === undefined ? await measure(options) : undefined;
  const live = [...(measured?.live ?? [])];
  const months = [...(measured?.months ?? [])];
  return {
    name: 'rivals',
    title: 'Beside fail2ban, sshguard and CrowdSec',
    method: methodOf(options, measured),
    tables: [
      {
        title: '',
        columns: [
          'who',
          'entries/s',
          'ban after quiet ms',
          'in the storm ms',
          '99 % ms',
          'missing',
          'storm, of a core %',
          'PSS MiB',
          'after the storm',
        ],
        rows: live.map(([who, one]) => [
          who,
          whole(one.entriesPerSecond),
          short(median(one.quiet)),
          short(median(one.storm)),
          short(quantile(one.storm, 0.99)),
          String(one.missing),
          short(one.stormCpu * 100),
          short(one.pssMib.idle),
          short(one.pssMib.after),
        ]),
      },
      {
        title: 'A month of attacks',
        columns: [
          'who',
          'guesses through %',
          'good logins blocked',
          'open loop: through %',
          'blocked',
        ],
        rows: months.map(([who, { closed, open }]) => [
          who,
          closed === undefined ? '-' : short(closed.guessesThrough),
          closed === undefined ? '-' : whole(closed.loginsBlocked),
          short(open.guessesThrough),
          whole(open.loginsBlocked),
        ]),
      },
    ],
    targets: [],
    figures: Object.fromEntries([
      ...live.flatMap(([who, { entriesPerSecond, quiet, storm, pssMib }]) => [
        [`${who} entries/s`, entriesPerSecond],
        [`${who} quiet median ms`, median(quiet)],
        [`${who} storm median ms`, median(storm)],
        [`${who} PSS MiB`, pssMib.idle],
      ]),
      ...months.map(([who, { open }]) => [`${who} open loop through %`, open.guessesThrough]),
    ]),
    chart: {
      kind: 'bars',
      title: 'Journal write to element in the kernel, in a storm, median',
      unit: 'ms',
      logarithmic: true,
      bars: live.map(([who, { storm }]) => ({
        label: who,
        value: median(storm),
        kind: who === 'banjour' ? ('ours' as const) : 'theirs',
      })),
    },
    missing: reason === undefined ? (measured?.missing ?? []) : [`everything: ${reason}`],
  };
}

function methodOf({ runs }: BenchOptions, measured: Measured | undefined): string[] {
  const versions = [...(measured?.versions ?? [])].map(([name, version]) => `${name} ${version}`);
  return [
    `a booted Debian 13 (systemd-nspawn), each of them as its package comes, alone, on Postfix, Dovecot and sshd: ${versions.join(', ') || '-'}`,
    `entries/s: ${whole(measured?.entries ?? 0)} stored entries of the three, whole programs by the clock, medians of ${runs}: banjour replay; fail2ban-regex, three filters in turn; journalctl into sshguard's parser; journalctl into a file and crowdsec over it`,
    `time to ban: from the send of the entry that decides (the third failure; CrowdSec's sixth) to the kernel announcing the element, after about a second of quiet and among ${whole(STORM)} entries a second`,
    'CrowdSec has its bouncer beside it, which asks every ten seconds, and what its package brings of parsers and scenarios; it is told nothing by its makers',
    'PSS: all processes together, a page that n of them have counts an n-th',
    'a month: that of the bench detection, everything at its defaults. What a ban stops writes no lines, and the guess is lost or comes from elsewhere. Banjour is itself without nftables, fail2ban a model of its counting, sshguard its own parser and a model of its counting',
    'open loop: a month in which nobody was stopped, judged afterwards: the only way for CrowdSec, which takes time from lines in files alone; it looks better than it is, since an attacker who is stopped does not go on from elsewhere',
  ];
}

async function measure(options: BenchOptions): Promise<Measured> {
  const live = new Map<Rival, Live>();
  const missing: string[] = [];
  const versions = new Map<string, string>();
  const count = scaled(options, 200_000, 1_000);
  const folder = await mailJournal(count, options.say);
  const lab = await Lab.open(options.say, true);
  try {
    await configureRivals(lab);
    await storeEntries(lab, folder);
    // One entry in five is of another service.
    const entries = count - Math.floor(count / 5);
    let next = 0;
    for (const who of WHO)
      try {
        live.set(who, await liveOf(lab, who, options, { entries, next: () => next++ }));
      } catch (error) {
        missing.push(`${who}: ${String(error)}`);
      }
    for (const name of ['fail2ban', 'sshguard', 'crowdsec', 'crowdsec-firewall-bouncer'])
      versions.set(name, await lab.version(name));
    const months = await monthsOf(lab, options, missing);
    return { live, months, versions, entries, missing };
  } finally {
    await lab.close();
  }
}

async function liveOf(
  lab: Lab,
  who: Rival,
  options: BenchOptions,
  { entries, next }: { readonly entries: number; readonly next: () => number },
): Promise<Live> {
  options.say(`${who}: bans`);
  await lab.start(who);
  const pids = await lab.processesOf(who);
  const pss = () => pids.reduce((sum, pid) => sum + (costOf(pid)?.pssMib ?? 0), 0);
  const idle = pss();
  const times = await measureBans(lab, pids, {
    bans: scaled(options, 30, 5),
    next,
    retries: RETRIES[who],
    patience: PATIENCE_MS,
  });
  const after = pss();
  await lab.stop(who);
  options.say(`${who}: stored entries`);
  const seconds: number[] = [];
  for (let run = 0; run < options.runs; run++) seconds.push(await THROUGHPUTS[who](lab));
  return { ...times, pssMib: { idle, after }, entriesPerSecond: entries / median(seconds) };
}

/** One month of the plan of all guesses, before each of them. */
async function monthsOf(
  lab: Lab,
  { scale, say }: BenchOptions,
  missing: string[],
): Promise<ReadonlyMap<Rival, Month>> {
  const about: CampaignOptions = {
    seed: 1,
    days: scale < 0.05 ? 7 : 30,
    share: Math.min(1, scale),
    attackers: true,
    verbose: false,
  };
  const judges: Readonly<Partial<Record<Rival, () => Judge>>> = {
    banjour: () => new BanjourJudge(''),
    fail2ban: () => new Fail2banModel(5, 600, 600),
    sshguard: () => new SshguardJudge(lab.inside([SSHGUARD_PARSER])),
  };
  const months = new Map<Rival, Month>();
  for (const who of WHO)
    try {
      say(`${who}: a month`);
      const judge = judges[who];
      if (judge === undefined) months.set(who, { open: await lateMonth(lab, about) });
      else {
        const { score } = await play(about, judge());
        const open = new OpenLoop(judge());
        const { truth } = await play(about, open);
        months.set(who, {
          closed: { guessesThrough: percent(score.guesses), loginsBlocked: score.logins.some },
          open: openScore(truth, (address, time) => open.stops(address, time)),
        });
      }
    } catch (error) {
      missing.push(`${who}, a month: ${String(error)}`);
    }
  return months;
}

/** The month before CrowdSec, when it is over. */
async function lateMonth(lab: Lab, about: CampaignOptions): Promise<OpenScore> {
  const recorder = new Recorder();
  const { truth } = await play(about, recorder);
  return openScore(truth, stopsOf(await crowdsecBans(lab, recorder.lines)));
}
