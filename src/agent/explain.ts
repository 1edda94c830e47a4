/** All that the agent knows of an address. */
import type { ExplainView } from '../control/protocol.js';
import { covers, formatPrefix, type Prefix } from '../core/address.js';
import type { Element } from '../core/firewall.js';
import { EXPLAIN_BANS_MAX } from '../core/service-limits.js';
import { isoTime, wallClock } from '../core/time.js';
import { banView } from './control-views.js';
import { type AskOffenders, offendersOf } from './explain-offenders.js';
import type { Stages } from './stages.js';

/**
 * Which jails never ban it and why, its newest bans, what is counted of it, who attacked together
 * with it, and what the kernel holds: `elements` is all that is there.
 */
export async function explainView(
  stages: Stages,
  target: Prefix,
  elements: readonly Element[],
  ask: AskOffenders,
): Promise<ExplainView> {
  const { setup, allow, ledger, jails, share } = stages;
  const { snapshot } = allow;
  const allowed = setup.jails.flatMap(({ policy }) => {
    const reason = snapshot.overlaps(policy.jail, target);
    return reason === undefined ? [] : [[policy.jail, reason.text]];
  });
  const listed = share.listed(target).map((one) => ({
    ...one,
    target: formatPrefix(one.target),
    until: isoTime(one.until),
  }));
  const bans = ledger.history.find({ target, limit: EXPLAIN_BANS_MAX });
  const offenders = await offendersOf(stages, target, bans, ask);
  return {
    address: formatPrefix(target),
    allowed: Object.fromEntries(allowed),
    bans: bans.map(banView),
    windows: jails.explain(target, wallClock.now()).map(({ last, target: counted, ...window }) => ({
      ...window,
      target: formatPrefix(counted),
      ...(last === undefined ? {} : { last: isoTime(last) }),
    })),
    ...(listed.length === 0 ? {} : { listed }),
    ...(offenders.length === 0 ? {} : { offenders }),
    kernel: elements
      .filter((element) => covers(element.target, target))
      .map((element) => ({
        jail: element.jail,
        target: formatPrefix(element.target),
        until: element.until === null ? null : isoTime(element.until),
      })),
  };
}
