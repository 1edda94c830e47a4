/** (m) What is looked at when the mail server asks first: the month of `detection`, asked. */
import { type CampaignOptions, type Part, play, type Score } from './lib/campaign/campaign.js';
import { BanjourJudge } from './lib/campaign/judges.js';
import { newcomersTable } from './lib/campaign/newcomers.js';
import { PolicyJudge } from './lib/campaign/policy-judge.js';
import { classesOf, mean, most, percent, sum } from './lib/campaign/sums.js';
import { short, whole } from './lib/numbers.js';
import type { BenchOptions, Result } from './lib/result.js';

const WAYS = {
  'bans alone': () => new BanjourJudge(''),
  'asked first': () => new PolicyJudge(''),
} as const;
type Way = keyof typeof WAYS;
const NAMES = Object.keys(WAYS) as Way[];

const MONTHS = {
  mixed: { attackers: true, verbose: false },
  verbose: { attackers: true, verbose: true },
  honest: { attackers: false, verbose: false },
  'honest, verbose': { attackers: false, verbose: true },
} as const satisfies Record<string, Pick<CampaignOptions, 'attackers' | 'verbose'>>;
type Month = keyof typeof MONTHS;
const MONTH_NAMES = Object.keys(MONTHS) as Month[];

type Scores = Readonly<Record<Way, Readonly<Record<Month, readonly Score[]>>>>;

/** Kinds of attackers and the most of their guesses that may be looked at, %. */
const CLASS_TARGETS = { spread: 5, 'once, dead name': 15, infected: 10 } as const;

export async function bench(options: BenchOptions): Promise<Result> {
  const { runs, scale, say } = options;
  const scores = Object.fromEntries(
    NAMES.map((way) => [way, Object.fromEntries(MONTH_NAMES.map((month) => [month, []]))]),
  ) as unknown as Record<Way, Record<Month, Score[]>>;
  const refusals = new Map<string, number>();
  for (let seed = 1; seed <= runs; seed++)
    for (const month of MONTH_NAMES)
      for (const way of NAMES) {
        const days = scale < 0.05 ? 7 : 30;
        const judge = WAYS[way]();
        const about = { seed, days, share: Math.min(1, scale), ...MONTHS[month] };
        const { score } = await play(about, judge);
        say(`seed ${seed}, ${month}, ${way}: ${short(score.seconds)} s`);
        scores[way][month].push(score);
        if (judge instanceof PolicyJudge)
          for (const [reason, count] of judge.refusals)
            refusals.set(`${month}: ${reason}`, (refusals.get(`${month}: ${reason}`) ?? 0) + count);
      }
  const newcomers = await newcomersTable(options);
  const classes = [...classesOf(scores['asked first'].verbose).keys()];
  return {
    name: 'policy',
    title: 'What is looked at when the mail server asks first',
    method: [
      'the month of the benchmark `detection`, in which Postfix and Dovecot ask before each password, and report what was wrong (docs/policy.md); sshd asks nobody',
      'a refused guess is one that its attacker believes to be wrong; delays count as served',
    ],
    tables: [
      {
        title: '',
        columns: [
          'month',
          'way',
          'guesses looked at %',
          'at mailboxes %',
          'good addresses banned',
          'good logins blocked',
          'of them refused',
        ],
        rows: MONTH_NAMES.flatMap((month) =>
          NAMES.map((way) => rowOf(month, way, scores[way][month])),
        ),
      },
      {
        title: 'Guesses looked at, by kind of attacker (%)',
        columns: [
          'attackers',
          ...MONTHS_WITH.flatMap((month) => NAMES.map((way) => `${month}, ${way}`)),
        ],
        rows: classes.map((name) => [
          name,
          ...MONTHS_WITH.flatMap((month) =>
            NAMES.map((way) => short(percent(classesOf(scores[way][month]).get(name)))),
          ),
        ]),
      },
      newcomers,
      {
        title: 'Refusals of a month',
        columns: ['month and reason', 'refusals'],
        rows: [...refusals].map(([what, count]) => [what, whole(count / runs)]),
      },
    ],
    targets: targetsOf(scores),
    figures: Object.fromEntries(
      NAMES.map((way) => [`${way}: verbose %`, percent(guessesOf(scores[way].verbose))]),
    ),
    chart: {
      kind: 'groups',
      title: 'Guesses that are looked at in a month, by kind of attacker',
      unit: '%',
      whole: 100,
      series: NAMES,
      groups: classes.map((label) => ({
        label,
        values: NAMES.map((way) => percent(classesOf(scores[way].verbose).get(label))),
      })),
    },
    missing: [],
  };
}

const MONTHS_WITH = ['mixed', 'verbose'] as const;

function rowOf(month: Month, way: Way, months: readonly Score[]): string[] {
  return [
    month,
    way,
    short(percent(guessesOf(months))),
    short(percent(sum(months, ({ atMailboxes }) => atMailboxes))),
    short(mean(months, ({ addresses }) => addresses.some)),
    short(mean(months, ({ logins }) => logins.some)),
    short(mean(months, ({ refused }) => refused.some)),
  ];
}

function targetsOf(scores: Scores): Result['targets'] {
  const { verbose, honest, 'honest, verbose': told } = scores['asked first'];
  const classes = classesOf(verbose);
  return [
    most('guesses looked at, auth_verbose', ' %', 18, percent(guessesOf(verbose))),
    most('at mailboxes', ' %', 30, percent(sum(verbose, ({ atMailboxes }) => atMailboxes))),
    ...Object.entries(CLASS_TARGETS).map(([name, limit]) =>
      most(name, ' %', limit, percent(classes.get(name))),
    ),
    most(
      'honest people alone, logins refused',
      '',
      0,
      mean([...honest, ...told], ({ refused }) => refused.some),
    ),
  ];
}

function guessesOf(months: readonly Score[]): Part {
  return sum(months, ({ guesses }) => guesses);
}
