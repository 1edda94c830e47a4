/** Which parts the configuration switches on: each part's planner is a line here. */
import { OperatorError } from '../core/errors.js';
import { loadCompanionConfig } from '../setup/companion-config.js';
import { planMetrics } from './metrics.js';
import { planNotify } from './notify.js';
import type { PartHost, PartPlan, Planner } from './part.js';
import { planPolicy } from './policy.js';
import { planReport } from './report.js';
import { planShare } from './share.js';
import { planWeb } from './web.js';

const PLANNERS: readonly Planner[] = [
  planNotify,
  planReport,
  planMetrics,
  planPolicy,
  planShare,
  planWeb,
];

/**
 * The parts that are to run, by the configuration as it is now. Throws `OperatorError` when
 * companion.conf is wrong.
 */
export async function readPlans(host: PartHost): Promise<PartPlan[]> {
  const config = loadCompanionConfig(host.paths);
  const planned = await Promise.all(PLANNERS.map((plan) => plan(config, host)));
  return planned.filter((plan) => plan !== undefined);
}

/**
 * Throws when the companion has nothing to do: no part is switched on (`OperatorError`), or all of
 * them have a problem (the first of these).
 */
export function requireWork(plans: readonly PartPlan[]): void {
  if (plans.length === 0)
    throw new OperatorError(
      'the companion has nothing to do: no jail tells anybody, and companion.conf switches no part on',
      {
        hint: 'write action = %(action_mwl)s (mail with whois and log lines) or add slack[url-file=...] to action of a jail, or write enabled = true below [metrics], [share], [policy] or [web] into /etc/banjour/companion.local',
        exitCode: 78,
      },
    );
  if (plans.every(({ problem }) => problem !== undefined)) throw plans[0]?.problem;
}
