/**
 * What a restart makes known again from the ledger: up to when failures are settled, and what the
 * jails that weigh had weighed.
 */
import type { SettledUpTo, WeighedAttempt } from '../core/decision.js';
import type { JailName } from '../core/names.js';
import { NO_EVIDENCE } from './evidence/log.js';
import type { JailList } from './jail-list.js';
import { keyOf } from './keys.js';
import type { Weighing } from './weighing.js';

/** See `Jails.remember`. */
export function remember(
  jails: JailList,
  floors: Iterable<SettledUpTo>,
  only?: ReadonlySet<JailName>,
): void {
  for (const { jail: name, target, upTo, exact } of floors)
    for (const jail of jails.of(name)) {
      if (only?.has(jail.policy.jail) === false) continue;
      if (exact) jail.forgetExactly(target, upTo);
      else jail.forget(target, upTo);
    }
}

/** See `Jails.recall`. */
export function recall(
  jails: JailList,
  weighing: Weighing,
  attempts: Iterable<WeighedAttempt>,
  floors: Iterable<SettledUpTo>,
  only: ReadonlySet<JailName>,
): void {
  for (const name of only) weighing.renew(name);
  const pardons = [...floors].filter(({ exact }) => !exact).sort((a, b) => a.upTo - b.upTo);
  let next = 0;
  const pardonUntil = (time: number) => {
    for (; next < pardons.length && (pardons[next] as SettledUpTo).upTo < time; next++) {
      const { jail, target, upTo } = pardons[next] as SettledUpTo;
      for (const name of only)
        if (jail === undefined || jail === name) weighing.forget(target, upTo, name);
    }
  };
  for (const event of attempts) {
    const jail = jails.get(event.jail);
    if (jail?.policy.group === undefined || !only.has(jail.policy.group)) continue;
    pardonUntil(event.time);
    const target = jail.prefixOf(event.address);
    const points = weighing.weigh(jail, event, target)?.points ?? 0;
    if (points > 0)
      jails
        .get(jail.policy.group)
        ?.windows.add(keyOf(target), event.time, event.count, NO_EVIDENCE);
  }
  pardonUntil(Number.POSITIVE_INFINITY);
}
