/**
 * The order of test files. Jest begins with those that took longest the last time; in a fresh clone
 * it knows no times and goes by size, and a small file with a long test runs last, alone.
 */
import exported from '@jest/test-sequencer';

/** Its types speak of what `require` gives, which has the class one level below. */
const Sequencer = /** @type {any} */ (exported);

/** Files that take long, the slowest first, relative to `test` and without `.test.js`. */
export const SLOW = `
e2e/attack e2e/package e2e/service e2e/switch e2e/share e2e/tarball e2e/policy e2e/bridge
e2e/session e2e/web e2e/hostile e2e/million e2e/daemons e2e/chaos e2e/notify e2e/upgrade
e2e/fail2ban
filter/regex/python kernel/packets agent/death agent/restart tools/advise/advise cli/completion
filters/shipped bench/detection agent/clocks agent/evidence agent/reload agent/share bench/policy
cli/golden agent/agent journal/descriptors agent/sources agent/unsaved agent/share-decisions bench/bench
journal/remote agent/settings control/client filters/forging agent/recidive notify/service
tools/replay/what-if cli/binary tools/replay/pipe filter/regex/executors web/bounds filter/samples
native/batch control/abuse agent/policy cli/usage agent/killed-again journal/systemd/read-ahead
agent/agent-ignorecommand journal/systemd/source agent/text control/secrets tools/advise/judge
jail/edge agent/owner ledger/kill kernel/contract docs/pictures share/lapi agent/probe/copies
companion/service filters/attempts notify/ledger agent/intake/intake jail/jails setup/needs
tools/replay/honest agent/bug tools/import/values
`
  .trim()
  .split(/\s+/);

/** Place of a file in that list; behind it where it has none. */
function placeOf({ path }) {
  const place = SLOW.findIndex((name) => path.endsWith(`/test/${name}.test.js`));
  return place < 0 ? SLOW.length : place;
}

export default class SlowestFirst extends Sequencer {
  /** Jest's own order where it knows times; else the slow ones first, the rest by size. */
  sort(tests) {
    const sorted = super.sort(tests);
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    return sorted.sort((a, b) => placeOf(a) - placeOf(b));
  }
}
