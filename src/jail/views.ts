/** What people see of the jails: numbers for `status`, and windows for `explain`. */
import { baseAddress, type Prefix } from '../core/address.js';
import type { JailName } from '../core/names.js';
import { notRemote } from '../core/networks.js';
import { type EpochMicros, MICROS_PER_SECOND } from '../core/time.js';
import { FADED } from './evidence/points.js';
import { both, type Jail } from './jail.js';
import type { JailList } from './jail-list.js';
import type { AllowContext, ComingLogin, JailStats, LoginView, WindowView } from './judgement.js';
import { keyOf } from './keys.js';
import type { WatchedBans } from './watched-bans.js';
import { failuresOf, type Weighing } from './weighing.js';

/** What `status` shows of a jail. Looks at every tracked target. */
export function statsOf(
  { policy, windows, totalFailed, totalIgnored }: Jail,
  weighing: Weighing,
  watched: WatchedBans,
  now: EpochMicros,
): JailStats {
  const name = policy.jail;
  const evidence = weighing.holds(name, now);
  return {
    currentlyFailed: windows.failing(now),
    totalFailed,
    totalIgnored,
    tracked: windows.size,
    evicted: windows.evicted,
    ...(policy.watch === true && {
      watched: { current: watched.currentOf(name, now), total: watched.totalOf(name) },
    }),
    ...(evidence !== undefined && { evidence }),
  };
}

/**
 * What is known of a login that is to come at the service of a jail; undefined where no jail weighs
 * it.
 */
export function loginViewOf(
  { jails, weighing }: { readonly jails: JailList; readonly weighing: Weighing },
  name: JailName,
  attempt: ComingLogin,
  now: EpochMicros,
  allow: AllowContext,
): LoginView | undefined {
  const jail = jails.get(name);
  const weigher = jails.get(jail?.policy.group as JailName);
  if (jail === undefined || weigher === undefined) return undefined;
  const { address } = attempt;
  const target = jail.targetOf(address, allow);
  const facts = weighing.facts(jail, { ...attempt, service: name, target, time: now });
  if (facts === undefined) return undefined;
  const allowed = notRemote(address) ?? allow.allowed(weigher.policy.jail, address);
  return {
    ...facts,
    jail: weigher.policy.jail,
    isWatching: weigher.policy.watch === true,
    target,
    ...(allowed === undefined ? {} : { allowed }),
    failures: failuresOf(jail, weigher, target, now),
    maxretry: jail.policy.maxretry,
  };
}

/** The windows that an address is counted in, one per jail that has failures of it. */
export function viewsOf(
  jails: JailList,
  weighing: Weighing,
  target: Prefix,
  now: EpochMicros,
): WindowView[] {
  const views: WindowView[] = [];
  for (const jail of jails.of()) {
    const { windows, policy } = jail;
    for (const candidate of both(jail.prefixOf(baseAddress(target)), target)) {
      const key = keyOf(candidate);
      const failures = windows.count(key, now);
      const points = weighing.pointsOf(policy.jail, candidate, now);
      // Points outlast the findtime of a jail that weighs: it is only their half-life.
      if (failures === 0 && (points ?? 0) < FADED) continue;
      const entries = windows.weighed(key, now - policy.findtime * MICROS_PER_SECOND, now);
      views.push({
        jail: policy.jail,
        target: candidate,
        failures,
        maxretry: policy.maxretry,
        needed: policy.maxretry * weighing.allowanceOf(jail, candidate, now),
        ...(points === undefined ? {} : { points, weights: entries.map((one) => one.points) }),
        last: windows.last(key) as EpochMicros | undefined,
        evidence: entries.map(({ cursor }) => cursor),
        counts: entries.map(({ count }) => count),
      });
    }
  }
  return views;
}
