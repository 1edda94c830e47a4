/**
 * What `doctor` reports about the firewall of this host: is nft there and able, and does anything
 * make bans void?
 */

import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, OperatorError } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { NFT_ERROR_BYTES_MAX, NFT_LIST_BYTES_MAX } from '../core/limits.js';
import type { FirewallPlan } from '../core/specs.js';
import { NFT_FRESH_DEADLINE_MS } from '../core/timeouts.js';
import type { BatchOutcome } from './json.js';
import { TABLE } from './names.js';
import { ownerOfTables } from './owner.js';
import { nftCommand, type RunnerOptions, reasonOf } from './runner.js';
import { makeSchema } from './schema.js';
import { type Command, run } from './spawn.js';

// What else in the ruleset sees packets before us. An accept elsewhere cannot undo our drop; what
// can are flowtables, which take packets of known flows past the forward hook, and tables that drop
// before us only spare us work.

interface BaseChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string;
  readonly prio: number;
}

/** Looks at flowtables and at the base chains of other tables on our hooks. */
async function competitors(command: Command, plan: FirewallPlan | undefined): Promise<Finding[]> {
  try {
    const findings: Finding[] = [];
    const flowtables = (await list(command, 'flowtables'))
      .map((item) => item['flowtable'])
      .filter(isFields);
    if (flowtables.length > 0 && plan?.hook !== 'input' && plan?.hook !== 'prerouting') {
      const names = flowtables
        .map((one) => `${one['family']} ${one['table']} ${one['name']}`)
        .join(', ');
      findings.push({
        level: 'warning',
        id: 'firewall.flowtable',
        message: `forwarded connections in a flowtable (${names}) pass the bans until they leave it`,
        fix: 'do not offload flows to the mail ports, or use the prerouting hook for new connections',
      });
    }
    if (plan === undefined) return findings;
    const ours = makeSchema(plan, []).flatMap((table) =>
      table.chains.flatMap(({ base }) =>
        base === undefined ? [] : [{ ...base, family: table.family }],
      ),
    );
    const earlier = (await list(command, 'chains'))
      .map((item) => item['chain'])
      .filter(isBaseChain)
      .filter((chain) => chain.table !== TABLE)
      .filter((chain) =>
        ours.some(
          ({ hook, priority, family }) =>
            hook === chain.hook &&
            chain.prio < priority &&
            (family === 'bridge') === (chain.family === 'bridge'),
        ),
      );
    if (earlier.length > 0) {
      const names = earlier
        .map((chain) => `${chain.family} ${chain.table} ${chain.name} (${chain.prio})`)
        .join(', ');
      findings.push({
        level: 'note',
        id: 'firewall.earlier',
        message: `other chains see packets earlier: ${names}; an accept there does not open a ban, a queue to a program may`,
      });
    }
    return findings;
  } catch (error) {
    return [
      {
        level: 'warning',
        id: 'firewall.competitors',
        message: `the tables of others cannot be looked at: ${messageOf(error)}`,
      },
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

export interface CheckOptions extends Pick<RunnerOptions, 'command' | 'netns'> {
  /** Where /proc and /sys are; tests give others. */
  readonly proc?: string;
  readonly sys?: string;
  /** Tries the plan's tables in the kernel without keeping them. */
  readonly trial?: (plan: FirewallPlan) => Promise<BatchOutcome>;
}

/** CAP_NET_ADMIN, capability 12 (linux/capability.h). */
const CAP_NET_ADMIN = 12n;

/** All findings about the firewall; `plan` is what is or would be in force. */
export async function checkFirewall(
  plan: FirewallPlan | undefined,
  options: CheckOptions = {},
): Promise<Finding[]> {
  const proc = options.proc ?? '/proc';
  const findings = [
    privilege(proc),
    namespace(proc),
    ...bridges(plan, proc, options.sys ?? '/sys'),
  ];
  let command: Command;
  try {
    command = nftCommand(options);
  } catch (error) {
    const fix = error instanceof OperatorError ? error.hint : undefined;
    return [finding('error', 'firewall.nft', messageOf(error), fix), ...findings];
  }
  findings.unshift(...(await version(command)));
  findings.push(...owner(options));
  if (plan !== undefined && options.trial !== undefined)
    findings.push(await kernel(plan, options.trial));
  return [...findings, ...(await competitors(command, plan))];
}

async function version(command: Command): Promise<Finding[]> {
  const limits = { deadlineMs: NFT_FRESH_DEADLINE_MS, outputBytesMax: NFT_ERROR_BYTES_MAX };
  try {
    const { stdout, stderr } = await run(command, ['-V'], {
      ...limits,
      errorBytesMax: NFT_ERROR_BYTES_MAX,
    });
    const said = /nftables v(\S+)/.exec(stdout)?.[1];
    if (said === undefined) {
      return [
        finding(
          'error',
          'firewall.nft',
          `nft -V did not say its version: ${reasonOf(stderr) ?? 'nothing'}`,
        ),
      ];
    }
    const findings = [finding('ok', 'firewall.nft', `nft ${said} is installed`)];
    if (/json:\s*no/.test(stdout)) {
      findings.push(
        finding(
          'error',
          'firewall.nft-json',
          'this nft was built without JSON',
          'apt install nftables',
        ),
      );
    }
    if (/cli:\s*no/.test(stdout)) {
      const message =
        'this nft has no interactive mode: every ban starts an nft of its own, a few milliseconds slower';
      findings.push(finding('note', 'firewall.nft-interactive', message));
    }
    return findings;
  } catch (error) {
    return [finding('error', 'firewall.nft', messageOf(error), 'apt install nftables')];
  }
}

function privilege(proc: string): Finding {
  const status = read(join(proc, 'self/status')) ?? '';
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  if (((effective >> CAP_NET_ADMIN) & 1n) === 1n)
    return finding('ok', 'firewall.privilege', 'this process has CAP_NET_ADMIN');
  const fix = 'run it by its unit, which grants AmbientCapabilities=CAP_NET_ADMIN, or as root';
  return finding(
    'error',
    'firewall.privilege',
    'this process has no CAP_NET_ADMIN, and the kernel lets nobody else ban',
    fix,
  );
}

function namespace(proc: string): Finding {
  const own = link(join(proc, 'self/ns/net'));
  const host = link(join(proc, '1/ns/net'));
  if (own === undefined || host === undefined) {
    return finding(
      'note',
      'firewall.namespace',
      'it cannot be told whether this is the network namespace of process 1',
    );
  }
  if (own === host)
    return finding(
      'ok',
      'firewall.namespace',
      'bans hold for the services of the host: this is the network namespace of process 1',
    );
  const message =
    'this is a network namespace of its own: bans hold in it, and not for the services of the host';
  return finding(
    'warning',
    'firewall.namespace',
    message,
    'give a container the network of the host (--network=host)',
  );
}

/** Whether bridged packets are judged: they reach inet's forward hook only by br_netfilter. */
function bridges(plan: FirewallPlan | undefined, proc: string, sys: string): Finding[] {
  const findings: Finding[] = [];
  if (plan?.bridge && plan.rules.some((rule) => rule.verdict === 'reject')) {
    const message =
      'jails that reject only drop in the bridge table: many kernels cannot reject there';
    findings.push(finding('note', 'firewall.bridge-reject', message));
  }
  if (plan === undefined || plan.hook === 'input' || plan.bridge) return findings;
  const names = bridgeNames(sys);
  if (names.length === 0) return findings;
  const off = ['bridge-nf-call-iptables', 'bridge-nf-call-ip6tables'].filter(
    (name) => read(join(proc, 'sys/net/bridge', name))?.trim() !== '1',
  );
  if (off.length === 0) {
    return [
      ...findings,
      finding(
        'ok',
        'firewall.br-netfilter',
        `br_netfilter judges what crosses ${names.join(', ')}`,
      ),
    ];
  }
  const message = `bans do not hold for what crosses the bridge ${names.join(', ')}: ${off.join(' and ')} is not 1`;
  const fix =
    `modprobe br_netfilter && sysctl -w ${off.map((name) => `net.bridge.${name}=1`).join(' ')}` +
    ' (and in /etc/sysctl.d), or filter bridges natively (bridge = true)';
  return [...findings, finding('warning', 'firewall.br-netfilter', message, fix)];
}

function bridgeNames(sys: string): string[] {
  try {
    const folder = join(sys, 'class/net');
    return readdirSync(folder).filter((name) => existsSync(join(folder, name, 'bridge')));
  } catch {
    return [];
  }
}

/** The process that holds the tables, where that can be seen. */
function owner({ netns, proc }: CheckOptions): Finding[] {
  const who = ownerOfTables({
    ...(netns === undefined ? {} : { netns }),
    ...(proc === undefined ? {} : { proc }),
  });
  return who === undefined
    ? []
    : [finding('ok', 'firewall.owner', `the tables are held by ${who}`)];
}

async function kernel(
  plan: FirewallPlan,
  trial: (plan: FirewallPlan) => Promise<BatchOutcome>,
): Promise<Finding> {
  try {
    const { refusal } = await trial(plan);
    if (refusal === undefined)
      return finding('ok', 'firewall.kernel', 'the kernel takes the tables');
    return finding(
      'error',
      'firewall.kernel',
      `the kernel refuses the tables: ${refusal}`,
      'banjour rules --plan',
    );
  } catch (error) {
    return finding('error', 'firewall.kernel', messageOf(error));
  }
}

function finding(level: Finding['level'], id: string, message: string, fix?: string): Finding {
  return { level, id, message, ...(fix === undefined ? {} : { fix }) };
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
