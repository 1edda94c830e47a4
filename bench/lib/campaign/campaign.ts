/** A made-up month in front of a judge, and what became of it. */
import { Attackers } from './attackers.js';
import { Carriers, type Newcomer } from './carriers.js';
import { Host } from './host.js';
import { ADMINISTRATORS, People } from './people.js';
import { DAY, type Guess, type Judge, Stage, type Truth } from './stage.js';

export interface CampaignOptions {
  readonly seed: number;
  readonly days: number;
  /** Part of the attackers and of the mailboxes: 1 is the whole month. */
  readonly share: number;
  /** False: honest people alone. */
  readonly attackers: boolean;
  /** Virtual users with `auth_verbose` instead of PAM. */
  readonly verbose: boolean;
  /** With infected phones at carriers' addresses, and people who come there for the first time. */
  readonly carriers?: boolean;
}

/** How many, and how many of them. */
export interface Part {
  readonly all: number;
  readonly some: number;
}

export interface Score {
  readonly lines: number;
  readonly bans: number;
  readonly seconds: number;
  /** Guesses of the plan, and those that the server looked at. */
  readonly guesses: Part;
  readonly atMailboxes: Part;
  readonly classes: ReadonlyMap<string, Part>;
  /** Addresses of good people, and those that were ever banned while in use. */
  readonly addresses: Part;
  readonly logins: Part;
  /** Logins that the mail server was told to refuse, where no ban blocked them. */
  readonly refused: Part;
  readonly takeovers: Part;
  readonly newcomers: readonly Newcomer[];
  readonly falseAlarms: number;
  /** Hours from the first foreign login to the alarm, one for each that was told. */
  readonly alarmHours: readonly number[];
}

const MAILBOXES = 150;
/** Mailboxes that nobody uses before their owner comes to a carrier. */
const NEW_MAILBOXES = 90;

/** Plays a month to its end; the truth is the same for every judge, but for what bans stopped. */
export async function play(
  { seed, days, share, attackers, verbose, carriers = false }: CampaignOptions,
  judge: Judge,
): Promise<{ readonly truth: Truth; readonly score: Score }> {
  const started = performance.now();
  const stage = new Stage(seed, judge);
  const people = new People(stage, Math.max(20, Math.round(MAILBOXES * share)), days);
  const newNames = Array.from({ length: carriers ? NEW_MAILBOXES : 0 }, (_, n) => `newcomer${n}`);
  const users = new Set([...people.names, ...newNames, ...ADMINISTRATORS]);
  const host = new Host(stage, users, verbose);
  people.enter(host);
  if (attackers) new Attackers(stage, host, people.names, days, share).enter();
  const phones = new Carriers(stage, host, people.names, newNames, days);
  if (carriers) phones.enter();
  try {
    await stage.run();
  } finally {
    judge.close();
  }
  const { truth, lines } = stage;
  const seconds = (performance.now() - started) / 1_000;
  const { newcomers } = phones;
  return {
    truth,
    score: { ...scoreOf(truth, judge), newcomers, lines, bans: judge.bans, seconds },
  };
}

function scoreOf(
  truth: Truth,
  judge: Judge,
): Omit<Score, 'newcomers' | 'lines' | 'bans' | 'seconds'> {
  const classes = new Map<string, Guess[]>();
  for (const guess of truth.guesses) {
    const own = classes.get(guess.of);
    if (own === undefined) classes.set(guess.of, [guess]);
    else own.push(guess);
  }
  const through = (guesses: readonly Guess[]) =>
    part(guesses, (guess) => guess.through !== undefined);
  const first = new Map<string, number>();
  const told = new Set<string>();
  let falseAlarms = 0;
  for (const { user, time } of judge.alarms) {
    const since = truth.takeovers.get(user);
    if (since === undefined || time < since) {
      if (!told.has(user)) falseAlarms++;
      told.add(user);
    } else if (!first.has(user)) first.set(user, (time - since) / 3_600);
  }
  return {
    guesses: through(truth.guesses),
    atMailboxes: through(truth.guesses.filter(({ exists }) => exists)),
    classes: new Map([...classes].map(([name, guesses]) => [name, through(guesses)])),
    // Addresses go from hand to hand: half a day before and after they still count.
    addresses: part([...truth.goodAddresses], ([address, { from, to }]) =>
      judge.held(address, from - DAY / 2, to + DAY / 2),
    ),
    logins: part(truth.logins, ({ blocked }) => blocked),
    refused: part(truth.logins, ({ refused }) => refused),
    takeovers: { all: truth.takeovers.size, some: first.size },
    falseAlarms,
    alarmHours: [...first.values()],
  };
}

function part<T>(all: readonly T[], is: (one: T) => boolean): Part {
  return { all: all.length, some: all.filter(is).length };
}
