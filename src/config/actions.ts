/**
 * fail2ban's firewall actions as what they close: ports, protocols, hook, verdict. Their commands
 * are never run.
 */
import type { FilePosition } from '../core/finding.js';
import type { Hook, PortRange, Protocol } from '../core/specs.js';
import { nearest } from '../core/text.js';
import { type Call, parseCalls } from '../ini/calls.js';
import { placeOf, textOf } from '../ini/value.js';
import { isNotification, readNotification } from './notify.js';
import type { BAN_ACTION_KEYS } from './schema.js';
import type { ActionFiles, Section } from './section.js';
import type { NotifySpec } from './types.js';
import { type Parsed, parsePorts, parseProtocols, parseVerdict } from './values.js';

/** What a ban of the jail closes, as far as one action says. */
export interface BanEffect {
  readonly ports: readonly PortRange[] | 'all';
  readonly protocols: readonly Protocol[] | 'all';
  readonly verdict: 'drop' | 'reject';
  readonly hook: Hook;
}

type Reach = 'ports' | 'allports' | 'type';

/**
 * Linux firewall actions of fail2ban 1.0 and 1.1: whether they close the given ports, all, or as
 * `type=` says.
 */
const BAN_ACTIONS: readonly (readonly [RegExp, Reach])[] = [
  [/^(?:nftables|iptables|iptables-ipset|banjour)$/, 'type'],
  [/^(?:nftables|iptables|firewallcmd|shorewall)-(?:.*-)?allports$/, 'allports'],
  [/^(?:nftables|iptables|firewallcmd|shorewall)(?:-.*)?$/, 'ports'],
  [/^(?:ufw|route|hostsdeny|apf)$/, 'allports'],
];

/** True when the name is one of the firewall actions. */
export function isBanAction(name: string): boolean {
  return BAN_ACTIONS.some(([pattern]) => pattern.test(name));
}

/** Parameters that shape how fail2ban's commands look; the table here is Banjour's own. */
const IGNORED = new Set([
  'name',
  'actname',
  'table',
  'table_family',
  'chain_type',
  'chain_priority',
  'addr_type',
  'addr_set',
  'addr_family',
  'nftables',
  'iptables',
  'returntype',
  'lockingopt',
  'bantime',
  'ipsettype',
  'actiontype',
  'ipmset',
  'iptables_t',
  'actionstart_on_demand',
  'actionflush',
  'rule_match',
  'type',
  'port',
  'protocol',
  'blocktype',
  'chain',
  'chain_hook',
]);

const HOOKS: Readonly<Record<string, Hook>> = {
  input: 'input',
  forward: 'forward',
  'docker-user': 'forward',
  both: 'both',
  prerouting: 'prerouting',
};

/**
 * `input`, `forward`, `both`, `prerouting`, also as chains of iptables (`INPUT`, `DOCKER-USER`).
 */
export function parseHook(text: string): Parsed<Hook> {
  const hook = HOOKS[text.trim().toLowerCase()];
  if (hook !== undefined) return { value: hook };
  return {
    problem: 'is not a hook where packets are judged',
    fix: 'write input, forward, both or prerouting',
  };
}

/** What one firewall action of a jail closes. Wrong parameters are reported. */
export function readBanAction(
  call: Call,
  reader: Section,
  overlays: ActionFiles,
  presetHook: Hook,
): BanEffect {
  const family = call.name.split('-')[0] as string;
  const files = [...new Set([`${family}-common`, family, call.name])];
  const param = (key: string) => textOf(call.options.get(key) ?? []).trim();
  const about = (key: string) => `action ${call.name}[${key}]`;
  // The line that somebody has to mend: the parameter's, which may have come through `%(port)s`,
  // else the key's own.
  const placed = (key: string) =>
    placeOf(call.options.get(key) ?? []) ?? reader.place(key) ?? call.place;
  const read = <T>(
    key: string,
    text: string,
    parser: (text: string) => Parsed<T>,
    fallback: T,
    place = placed(key),
  ): T => {
    if (text === '') return fallback;
    const parsed = parser(text);
    if ('value' in parsed) return parsed.value;
    reader.errorAt(
      place,
      'jail.action',
      'action',
      `${about(key)} ${parsed.problem}`,
      parsed.fix,
      text,
    );
    return fallback;
  };
  for (const key of call.options.keys())
    if (!IGNORED.has(key)) {
      const fix = 'remove it; ports, protocol, blocktype, chain and type have a meaning here';
      reader.warnAt(
        placed(key),
        'jail.action-parameter',
        'action',
        `${about(key)} has no meaning here`,
        fix,
      );
    }
  const all = reachOf(call, param('type')) === 'allports';
  const ports = all ? 'all' : read('port', param('port') || reader.text('port'), parsePorts, 'all');
  const overlay = (key: (typeof BAN_ACTION_KEYS)[number]) => overlays.find(files, key)?.text ?? '';
  const overlaid = (key: (typeof BAN_ACTION_KEYS)[number], given: string) =>
    given === '' ? overlays.find(files, key)?.place : undefined;
  const fallback = reader.stated('protocol') ? reader.text('protocol') : 'tcp';
  const jailProtocol = reader.own('protocol') ? reader.text('protocol') : '';
  const protocolText = param('protocol') || jailProtocol || overlay('protocol') || fallback;
  const protocols = read<readonly Protocol[] | 'all'>('protocol', protocolText, parseProtocols, [
    'tcp',
  ]);
  const ownBlocktype = param('blocktype') || reader.text('blocktype');
  const blocktype = ownBlocktype || overlay('blocktype');
  return {
    ports,
    // Only protocols with ports can be closed by port: "all" of them, then.
    protocols:
      protocols === 'all' && ports !== 'all'
        ? ['tcp', 'udp', 'udplite', 'sctp', 'dccp']
        : protocols,
    verdict: read(
      'blocktype',
      blocktype,
      parseVerdict,
      'reject',
      overlaid('blocktype', ownBlocktype),
    ),
    hook: readHook([
      [param('chain_hook'), placed('chain_hook')],
      [reader.text('hook'), reader.place('hook')],
      [chainOf(param('chain')), placed('chain')],
      [chainOf(reader.text('chain')), reader.place('chain')],
      [overlay('chain_hook'), overlaid('chain_hook', '')],
      [chainOf(overlay('chain')), overlaid('chain', '')],
    ]),
  };

  function readHook(
    stated: readonly (readonly [text: string, place: FilePosition | undefined])[],
  ): Hook {
    const [text, place] = stated.find(([one]) => one !== '') ?? [''];
    return read('chain', text, parseHook, presetHook, place);
  }
}

/** Chains of fail2ban's own making, and its "as in the action file", say nothing about the hook. */
function chainOf(text: string): string {
  return /^(?:<.*>|f2b-.*)?$/i.test(text) ? '' : text;
}

function reachOf(call: Call, type: string): 'ports' | 'allports' {
  const reach = BAN_ACTIONS.find(([pattern]) => pattern.test(call.name))?.[1] ?? 'ports';
  if (reach === 'type') return type === 'allports' ? 'allports' : 'ports';
  return reach;
}

/** What several actions close together. */
export function joinEffects(effects: readonly BanEffect[]): BanEffect | undefined {
  return effects.reduce<BanEffect | undefined>((sum, one) => {
    if (sum === undefined) return one;
    return {
      ports:
        sum.ports === 'all' || one.ports === 'all'
          ? 'all'
          : mergePorts([...sum.ports, ...one.ports]),
      protocols:
        sum.protocols === 'all' || one.protocols === 'all'
          ? 'all'
          : [...new Set([...sum.protocols, ...one.protocols])],
      verdict: sum.verdict,
      hook: joinHooks([sum.hook, one.hook]),
    };
  }, undefined);
}

/** Sorted, without overlaps. */
export function mergePorts(ranges: readonly PortRange[]): readonly PortRange[] {
  const merged: PortRange[] = [];
  for (const range of [...ranges].sort((a, b) => a.first - b.first || a.last - b.last)) {
    const last = merged.at(-1);
    if (last !== undefined && range.first <= last.last)
      merged[merged.length - 1] = { first: last.first, last: Math.max(last.last, range.last) };
    else merged.push(range);
  }
  return merged;
}

/** One hook that covers all. */
export function joinHooks(hooks: readonly Hook[]): Hook {
  const set = new Set(hooks);
  if (set.has('prerouting')) return 'prerouting';
  if (set.has('both') || (set.has('input') && set.has('forward'))) return 'both';
  return set.has('forward') ? 'forward' : 'input';
}

/* The `action` list of a jail: what it closes and whom it tells. */

export interface Actions {
  readonly effect: BanEffect;
  readonly notify: readonly NotifySpec[];
}

/** Known names, for the suggestion when one is misspelled. */
const NAMES = [
  'nftables',
  'nftables-multiport',
  'nftables-allports',
  'iptables',
  'iptables-multiport',
  'iptables-allports',
  'sendmail',
  'sendmail-whois',
  'sendmail-whois-lines',
  'mail',
  'mail-whois',
  'mail-whois-lines',
  'webhook',
  'slack',
  'exec',
];

/** Reads the actions; everything that has no counterpart is reported. */
export function readActions(reader: Section, overlays: ActionFiles, presetHook: Hook): Actions {
  const calls = parseCalls(reader.value('action') ?? [], reader.report, {
    section: reader.section,
    key: 'action',
  });
  const effects: BanEffect[] = [];
  const notify: NotifySpec[] = [];
  for (const call of calls ?? []) {
    if (isBanAction(call.name)) effects.push(readBanAction(call, reader, overlays, presetHook));
    else if (isNotification(call.name)) {
      const spec = readNotification(call, reader, overlays);
      if (spec !== undefined) notify.push(spec);
    } else reportUnmapped(call, reader, overlays);
  }
  const effect = joinEffects(effects);
  const shape = ({ ports, protocols }: BanEffect) => JSON.stringify([ports, protocols]);
  const ofPorts = ({ ports }: BanEffect) => JSON.stringify(ports);
  if (new Set(effects.map(ofPorts)).size > 1 && new Set(effects.map(shape)).size > 1)
    reader.note(
      'jail.action-joined',
      'action',
      'its actions close different ports: here all of them are closed, for all of their protocols',
      'make two jails of it if that is too much',
    );
  // An action that could not be read was told already.
  if (effect === undefined && calls !== undefined && reader.value('action') !== undefined)
    reader.error(
      'jail.no-banaction',
      'action',
      'none of the actions is a firewall action, so the jail would ban nobody',
      'write action = %(action_)s, with the other actions on lines of their own below it',
      reader.text('action'),
    );
  return {
    effect: effect ?? { ports: 'all', protocols: ['tcp'], verdict: 'reject', hook: presetHook },
    notify,
  };
}

function reportUnmapped(call: Call, reader: Section, overlays: ActionFiles): void {
  const similar = nearest(call.name, NAMES);
  const own = overlays.has(call.name);
  const message = own
    ? `the commands of action.d/${call.name} are not run`
    : `there is no counterpart of the action "${call.name}"`;
  const instead =
    'use exec[command="/path <jail> <ip>"] or webhook[url=...] for programs and services';
  const fix = !own && similar !== undefined ? `did you mean ${similar}? Else ${instead}` : instead;
  reader.warnAt(call.place, 'jail.action-unmapped', 'action', message, fix);
}
