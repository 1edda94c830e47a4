/**
 * What is refused to people who come to a mobile carrier's network for the first time, after
 * infected phones have guessed from the same addresses (docs/policy.md).
 */
import { short } from '../numbers.js';
import type { BenchOptions, Result } from '../result.js';
import { type Part, play, type Score } from './campaign.js';
import { GIVES_UP_HOURS, isMadeUp, NEWCOMER_HOURS, type Newcomer } from './carriers.js';
import { PolicyJudge } from './policy-judge.js';
import { percent, sum } from './sums.js';

/** What the reports of either release say of a failure. */
const RELEASES = {
  'Dovecot 2.3': () => ({}),
  'Dovecot 2.4': (user: string) => ({
    cause: isMadeUp(user) ? ('unknown-user' as const) : ('wrong-password' as const),
  }),
} as const;
type Release = keyof typeof RELEASES;

/** What became of people who came to a carrier's address at which a phone had guessed. */
interface CarrierMonths {
  readonly phones: Part;
  readonly newcomers: readonly Newcomer[];
}

/** Months without other attackers, in which infected phones guess from carriers' addresses. */
async function carrierMonths(
  release: Release,
  { runs, scale, say }: BenchOptions,
): Promise<CarrierMonths> {
  const scores: Score[] = [];
  for (let seed = 1; seed <= runs; seed++) {
    const month = { seed, days: scale < 0.05 ? 7 : 30, share: Math.min(1, scale) };
    const judge = new PolicyJudge('', {}, RELEASES[release]);
    const { score } = await play(
      { ...month, attackers: false, verbose: true, carriers: true },
      judge,
    );
    say(`seed ${seed}, carriers, ${release}: ${short(score.seconds)} s`);
    scores.push(score);
  }
  return {
    phones: sum(scores, ({ guesses }) => guesses),
    newcomers: scores.flatMap(({ newcomers }) => newcomers),
  };
}

/** By how long ago somebody guessed there. */
function newcomerRows(release: Release, { phones, newcomers }: CarrierMonths): string[][] {
  return NEWCOMER_HOURS.flatMap((hours) => {
    const own = newcomers.filter(({ after }) => after === hours);
    if (own.length === 0) return [];
    const refused = own.filter(({ isRefused }) => isRefused).length;
    const waited = own.reduce((all, one) => all + (one.waited ?? GIVES_UP_HOURS), 0) / own.length;
    const who = own.some(({ isNewName }) => isNewName) ? 'new mailboxes' : 'users';
    const parts = [short((100 * refused) / own.length), short(waited), short(percent(phones))];
    return [[release, short(hours), who, ...parts]];
  });
}

/** By release of Dovecot, and by how long ago somebody guessed at the address. */
export async function newcomersTable(options: BenchOptions): Promise<Result['tables'][number]> {
  const rows: string[][] = [];
  for (const release of Object.keys(RELEASES) as Release[])
    rows.push(...newcomerRows(release, await carrierMonths(release, options)));
  return {
    title: "People who come to a carrier's address for the first time, after guesses there",
    columns: [
      'reports of',
      'hours after the last guess',
      'who',
      'refused at first %',
      'hours until served',
      'guesses looked at %',
    ],
    rows,
  };
}
