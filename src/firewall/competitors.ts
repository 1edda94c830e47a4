/**
 * What else in the ruleset sees packets before us. An accept elsewhere cannot undo our drop; what can are flowtables,
 * which take packets of known flows past the forward hook, and tables that drop before us only spare us work.
 */
import { messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { NFT_ERROR_BYTES_MAX, NFT_FRESH_DEADLINE_MS, NFT_LIST_BYTES_MAX } from '../core/limits.js';
import type { FirewallPlan } from '../core/specs.js';
import { TABLE } from './names.js';
import { reasonOf } from './runner.js';
import { makeSchema } from './schema.js';
import { type Command, run } from './spawn.js';

interface BaseChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string;
  readonly prio: number;
}

/** Looks at flowtables and at the base chains of other tables on our hooks. */
export async function competitors(command: Command, plan: FirewallPlan | undefined): Promise<Finding[]> {
  try {
    const findings: Finding[] = [];
    const flowtables = (await list(command, 'flowtables')).map((item) => item['flowtable']).filter(isFields);
    if (flowtables.length > 0 && plan?.hook !== 'input' && plan?.hook !== 'prerouting') {
      const names = flowtables.map((one) => `${one['family']} ${one['table']} ${one['name']}`).join(', ');
      findings.push({
        level: 'warning',
        id: 'firewall.flowtable',
        message: `forwarded connections in a flowtable (${names}) pass the bans until they leave it`,
        fix: 'do not offload flows to the mail ports, or use the prerouting hook for new connections',
      });
    }
    if (plan === undefined) return findings;
    const ours = makeSchema(plan, []).flatMap((table) =>
      table.chains.flatMap(({ base }) => (base === undefined ? [] : [{ ...base, family: table.family }])),
    );
    const earlier = (await list(command, 'chains'))
      .map((item) => item['chain'])
      .filter(isBaseChain)
      .filter((chain) => chain.table !== TABLE)
      .filter((chain) =>
        ours.some(
          ({ hook, priority, family }) =>
            hook === chain.hook && chain.prio < priority && (family === 'bridge') === (chain.family === 'bridge'),
        ),
      );
    if (earlier.length > 0) {
      const names = earlier.map((chain) => `${chain.family} ${chain.table} ${chain.name} (${chain.prio})`).join(', ');
      findings.push({
        level: 'note',
        id: 'firewall.earlier',
        message: `other chains see packets earlier: ${names}; an accept there does not open a ban, a queue to a program may`,
      });
    }
    return findings;
  } catch (error) {
    return [
      { level: 'warning', id: 'firewall.competitors', message: `cannot look at other tables: ${messageOf(error)}` },
    ];
  }
}

type Fields = { readonly [key: string]: unknown };

async function list(command: Command, what: 'chains' | 'flowtables'): Promise<Fields[]> {
  const { status, stdout, stderr } = await run(command, ['-j', 'list', what], {
    deadlineMs: NFT_FRESH_DEADLINE_MS,
    outputBytesMax: NFT_LIST_BYTES_MAX,
    errorBytesMax: NFT_ERROR_BYTES_MAX,
  });
  if (status !== 0) throw new Error(reasonOf(stderr) ?? `nft ended with status ${status}`);
  const root: unknown = JSON.parse(stdout);
  const items = isFields(root) ? root['nftables'] : undefined;
  return Array.isArray(items) ? items.filter(isFields) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function isBaseChain(value: unknown): value is Fields & BaseChain {
  return isFields(value) && typeof value['hook'] === 'string' && typeof value['prio'] === 'number';
}
