/** (l) What gets through, and who is shut out: a made-up month in a closed loop. */
import { join } from 'node:path';
import { type CampaignOptions, play, type Score } from './lib/campaign/campaign.js';
import { BanjourJudge, Fail2banModel } from './lib/campaign/judges.js';
import { type SessionScore, scoreSession, sessionsIn } from './lib/campaign/sessions.js';
import type { Judge } from './lib/campaign/stage.js';
import { classesOf, mean, most, percent, sum } from './lib/campaign/sums.js';
import { short, whole } from './lib/numbers.js';
import type { BenchOptions, Result } from './lib/result.js';
import { jailLocal } from './lib/setup.js';

/** All that can be switched on: what the defaults leave out is named names and further jails. */
const ALL_RULES = [
  '[login]',
  'honeypot = admin test scan',
  '[recidive]',
  'enabled = true',
  '[postfix]',
  'enabled = true',
  '',
].join('\n');
/** The truth of recorded sessions is told by single addresses. */
const SINGLE = '[DEFAULT]\nipv6prefix = 128\n';

const WAYS = {
  'fail2ban, defaults': () => new Fail2banModel(5, 600, 600),
  'fail2ban, 3 in 1 h': () => new Fail2banModel(3, 3_600, 3_600),
  'Banjour without login': () => new BanjourJudge(jailLocal([])),
  Banjour: () => new BanjourJudge(''),
  'Banjour, all rules': () => new BanjourJudge(ALL_RULES),
} as const satisfies Record<string, () => Judge>;
type Way = keyof typeof WAYS;
const NAMES = Object.keys(WAYS) as Way[];
/** Those of the chart. */
const SHOWN = ['fail2ban, 3 in 1 h', 'Banjour without login', 'Banjour'] as const;

const MONTHS = {
  mixed: { attackers: true, verbose: false },
  verbose: { attackers: true, verbose: true },
  honest: { attackers: false, verbose: false },
} as const satisfies Record<string, Pick<CampaignOptions, 'attackers' | 'verbose'>>;
type Month = keyof typeof MONTHS;

type Scores = Readonly<Record<Way, Readonly<Record<Month, readonly Score[]>>>>;

export async function bench(options: BenchOptions): Promise<Result> {
  const sessions: SessionScore[] = [];
  const more = process.env['BANJOUR_SESSIONS'] ?? '';
  const folders = [join(process.cwd(), 'examples/journal'), ...(more === '' ? [] : [more])];
  for (const session of sessionsIn(folders)) sessions.push(await scoreSession(session, SINGLE));
  const scores = await playAll(options);
  const classes = [...classesOf(scores.Banjour.mixed).keys()];
  const shareOf = (way: Way, name: string) => percent(classesOf(scores[way].mixed).get(name));
  return {
    name: 'detection',
    title: 'What gets through, and who is shut out',
    method: [
      `a month of a mail host, made up from a seed: 150 mailboxes at Postfix, Dovecot and sshd, honest people and ${classes.length} kinds of attackers; ${options.runs === 1 ? 'one month' : `${options.runs} months, shares over all, numbers per month`}`,
      'closed loop: what a ban stops writes no lines; the guess is lost, or comes later from another address, as the attacker does it; the plan of all guesses is the same for everybody',
      'Banjour: filters, jails, ledger and pipeline as they are, without nftables; fail2ban: a model of how its engine counts the lines that its stock filters take (they take these lines and no others), since the real one would need minutes a month',
      'verbose: virtual users with auth_verbose instead of PAM; honest: no attackers at all',
      'all rules: with honeypot = admin test scan, recidive and postfix (what Postfix refuses)',
    ],
    tables: [
      overall(scores),
      {
        title: 'Guesses let through, by kind of attacker (%)',
        columns: ['attackers', 'guesses a month', ...NAMES],
        rows: classes.map((name) => [
          name,
          whole((classesOf(scores.Banjour.mixed).get(name)?.all ?? 0) / options.runs),
          ...NAMES.map((way) => short(shareOf(way, name))),
        ]),
      },
      recorded(sessions),
    ],
    targets: targetsOf(scores, sessions, shareOf),
    figures: figuresOf(scores, classes, shareOf),
    chart: {
      kind: 'groups',
      title: 'Guesses that get through in a month, by kind of attacker',
      unit: '%',
      whole: 100,
      series: SHOWN,
      groups: classes.map((label) => ({ label, values: SHOWN.map((way) => shareOf(way, label)) })),
    },
    missing: sessions.length > 0 ? [] : ['recorded sessions: none found'],
  };
}

/** A month, and a week of it in the smallest trials. */
function daysOf(scale: number): number {
  return scale < 0.05 ? 7 : 30;
}

async function playAll({ runs, scale, say }: BenchOptions): Promise<Scores> {
  const scores = Object.fromEntries(
    NAMES.map((way) => [way, { mixed: [], verbose: [], honest: [] }]),
  ) as unknown as Record<Way, Record<Month, Score[]>>;
  for (let seed = 1; seed <= runs; seed++)
    for (const month of Object.keys(MONTHS) as Month[])
      for (const way of NAMES) {
        const about = { seed, days: daysOf(scale), share: Math.min(1, scale), ...MONTHS[month] };
        const { score } = await play(about, WAYS[way]());
        say(
          `seed ${seed}, ${month}, ${way}: ${whole(score.lines)} lines, ${short(score.seconds)} s`,
        );
        scores[way][month].push(score);
      }
  return scores;
}

function overall(scores: Scores): Result['tables'][number] {
  return {
    title: '',
    columns: [
      'way',
      'guesses through %',
      'at mailboxes %',
      'verbose %',
      'good addresses banned',
      'good logins blocked',
      'honest: addresses',
      'honest: logins',
      'takeovers alarmed',
      'false alarms',
      'bans',
      's a month',
    ],
    rows: NAMES.map((way) => {
      const { mixed, verbose, honest } = scores[way];
      const alarmed = sum(mixed, ({ takeovers }) => takeovers);
      const noise = [...mixed, ...verbose, ...honest].map(({ falseAlarms }) => falseAlarms);
      return [
        way,
        short(percent(sum(mixed, ({ guesses }) => guesses))),
        short(percent(sum(mixed, ({ atMailboxes }) => atMailboxes))),
        short(percent(sum(verbose, ({ guesses }) => guesses))),
        short(mean(mixed, ({ addresses }) => addresses.some)),
        short(mean(mixed, ({ logins }) => logins.some)),
        short(mean(honest, ({ addresses }) => addresses.some)),
        short(mean(honest, ({ logins }) => logins.some)),
        `${alarmed.some} of ${alarmed.all}`,
        String(noise.reduce((a, b) => a + b, 0)),
        whole(mean(mixed, ({ bans }) => bans)),
        short(mean(mixed, ({ seconds }) => seconds)),
      ];
    }),
  };
}

function recorded(sessions: readonly SessionScore[]): Result['tables'][number] {
  return {
    title: 'Recorded sessions, Banjour with its defaults and ipv6prefix = 128',
    columns: ['session', 'entries', 'guilty', 'of them spread', 'missed', 'wrongly banned'],
    rows: sessions.map(({ name, entries, guilty, spread, missed, wrong }) => [
      name,
      whole(entries),
      String(guilty),
      String(spread),
      String(missed.length),
      String(wrong.length),
    ]),
  };
}

/** The most of each kind that may get through with the defaults, %. */
const CLASS_TARGETS: Readonly<Record<string, number>> = {
  fast: 5,
  held: 12,
  slow: 10,
  subnet24: 5,
  neighbour: 15,
  'one password': 10,
  spread: 50,
  'v6-64': 15,
  'v6-56': 15,
  'v6-48': 15,
};

function targetsOf(
  scores: Scores,
  sessions: readonly SessionScore[],
  shareOf: (way: Way, name: string) => number,
): Result['targets'] {
  const { mixed, verbose, honest } = scores.Banjour;
  const through = (months: readonly Score[]) => percent(sum(months, ({ guesses }) => guesses));
  const faults = sessions.reduce((n, { missed, wrong }) => n + missed.length + wrong.length, 0);
  return [
    most('guesses let through, defaults', ' %', 32, through(mixed)),
    most('the same, auth_verbose', ' %', 32, through(verbose)),
    most('guesses let through, all rules', ' %', 28, through(scores['Banjour, all rules'].mixed)),
    ...Object.entries(CLASS_TARGETS).map(([name, limit]) =>
      most(`${name}, defaults`, ' %', limit, shareOf('Banjour', name)),
    ),
    most(
      'honest people alone, addresses',
      '',
      10,
      mean(honest, ({ addresses }) => addresses.some),
    ),
    most(
      'honest people alone, logins',
      '',
      20,
      mean(honest, ({ logins }) => logins.some),
    ),
    most(
      'beside attackers, addresses',
      '',
      20,
      mean(mixed, ({ addresses }) => addresses.some),
    ),
    most(
      'beside attackers, logins',
      '',
      150,
      mean(mixed, ({ logins }) => logins.some),
    ),
    most(
      'false alarms on honest people',
      '',
      1,
      mean(honest, (score) => score.falseAlarms),
    ),
    most('recorded sessions, missed or wrong', '', 0, faults),
  ];
}

function figuresOf(
  scores: Scores,
  classes: readonly string[],
  shareOf: (way: Way, name: string) => number,
): Result['figures'] {
  const figures: Record<string, number> = {};
  for (const way of NAMES) {
    const { mixed, verbose, honest } = scores[way];
    const set = (name: string, value: number) => {
      figures[`${way}: ${name}`] = value;
    };
    set('guesses through %', percent(sum(mixed, ({ guesses }) => guesses)));
    set('verbose, guesses through %', percent(sum(verbose, ({ guesses }) => guesses)));
    set(
      'good addresses banned',
      mean(mixed, ({ addresses }) => addresses.some),
    );
    set(
      'good logins blocked',
      mean(mixed, ({ logins }) => logins.some),
    );
    set(
      'honest, addresses banned',
      mean(honest, ({ addresses }) => addresses.some),
    );
    set(
      'honest, logins blocked',
      mean(honest, ({ logins }) => logins.some),
    );
    set('takeovers alarmed', sum(mixed, ({ takeovers }) => takeovers).some);
    for (const name of classes) set(`${name} through %`, shareOf(way, name));
  }
  return figures;
}
