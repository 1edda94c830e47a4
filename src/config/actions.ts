/**
 * The `action` list of a jail: what it closes and whom it tells. fail2ban's firewall actions are
 * read as ports, protocols, hook and verdict. Their commands are never run.
 */
import type { FilePosition } from '../core/finding.js';
import { type Hook, mergePorts, type PortRange, type Protocol } from '../core/specs.js';
import { nearest } from '../core/text.js';
import { type Call, parseCalls } from '../ini/calls.js';
import { placeOf, textOf } from '../ini/value.js';
import { isNotification, readNotification } from './notify.js';
import type { BAN_ACTION_KEYS } from './schema.js';
import type { ActionFiles, Section } from './section.js';
import type { NotifySpec } from './types.js';
import { type Parsed, parsePorts, parseProtocols, parseVerdict } from './values.js';

/** What a ban of the jail closes, as far as one action says. */
interface BanEffect {
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
function readBanAction(
  call: Call,
  reader: Section,
  overlays: ActionFiles,
  presetHook: Hook,
): BanEffect {
  const action = new BanAction(call, reader, overlays);
  action.warnMeaningless();
  const all = reachOf(call, action.param('type')) === 'allports';
  const ports = all
    ? 'all'
    : action.read('port', action.param('port') || reader.text('port'), parsePorts, 'all');
  const blocktype = action.param('blocktype') || reader.text('blocktype');
  const [hook, hookPlace] = action.hook();
  return {
    ports,
    protocols: action.protocols(ports),
    verdict: action.read(
      'blocktype',
      blocktype || action.overlay('blocktype'),
      parseVerdict,
      'reject',
      action.overlaid('blocktype', blocktype),
    ),
    hook: action.read('chain', hook, parseHook, presetHook, hookPlace),
  };
}

/** One firewall action: its parameters, with the jail's keys and the action's file behind them. */
class BanAction {
  readonly #call: Call;
  readonly #reader: Section;
  readonly #overlays: ActionFiles;
  /** Files of fail2ban's action.d that an administrator may have changed. */
  readonly #files: readonly string[];

  constructor(call: Call, reader: Section, overlays: ActionFiles) {
    this.#call = call;
    this.#reader = reader;
    this.#overlays = overlays;
    const family = call.name.split('-')[0] as string;
    this.#files = [...new Set([`${family}-common`, family, call.name])];
  }

  param(key: string): string {
    return textOf(this.#call.options.get(key) ?? []).trim();
  }

  overlay(key: (typeof BAN_ACTION_KEYS)[number]): string {
    return this.#overlays.find(this.#files, key)?.text ?? '';
  }

  /** Where the action's file says so, when nothing before it does. */
  overlaid(key: (typeof BAN_ACTION_KEYS)[number], given: string): FilePosition | undefined {
    return given === '' ? this.#overlays.find(this.#files, key)?.place : undefined;
  }

  /** A value; what is wrong with it is reported, and the fallback counts. */
  read<T>(
    key: string,
    text: string,
    parser: (text: string) => Parsed<T>,
    fallback: T,
    place = this.#placed(key),
  ): T {
    if (text === '') return fallback;
    const parsed = parser(text);
    if ('value' in parsed) return parsed.value;
    const written = place === undefined ? undefined : this.#reader.keyAt(place);
    const isOwn = written === undefined || written === 'action';
    const message = isOwn ? `${this.#about(key)} ${parsed.problem}` : parsed.problem;
    this.#reader.errorAt(place, 'jail.action', 'action', message, parsed.fix, text);
    return fallback;
  }

  warnMeaningless(): void {
    for (const key of this.#call.options.keys()) {
      if (IGNORED.has(key)) continue;
      const fix = 'remove it; ports, protocol, blocktype, chain and type have a meaning here';
      const message = `${this.#about(key)} has no meaning here`;
      this.#reader.warnAt(this.#placed(key), 'jail.action-parameter', 'action', message, fix);
    }
  }

  /** Only protocols with ports can be closed by port: "all" of them, then. */
  protocols(ports: BanEffect['ports']): readonly Protocol[] | 'all' {
    const reader = this.#reader;
    const preset = reader.stated('protocol') ? reader.text('protocol') : 'tcp';
    const ofJail = reader.own('protocol') ? reader.text('protocol') : '';
    const text = this.param('protocol') || ofJail || this.overlay('protocol') || preset;
    const read = this.read<readonly Protocol[] | 'all'>('protocol', text, parseProtocols, ['tcp']);
    return read === 'all' && ports !== 'all' ? ['tcp', 'udp', 'udplite', 'sctp', 'dccp'] : read;
  }

  /** Where packets are judged: the first that is stated, and where it stands. */
  hook(): readonly [text: string, place: FilePosition | undefined] {
    const reader = this.#reader;
    const stated: (readonly [string, FilePosition | undefined])[] = [
      [this.param('chain_hook'), this.#placed('chain_hook')],
      [reader.text('hook'), reader.place('hook')],
      [chainOf(this.param('chain')), this.#placed('chain')],
      [chainOf(reader.text('chain')), reader.place('chain')],
      [this.overlay('chain_hook'), this.overlaid('chain_hook', '')],
      [chainOf(this.overlay('chain')), this.overlaid('chain', '')],
    ];
    return stated.find(([text]) => text !== '') ?? ['', undefined];
  }

  /**
   * The line that somebody has to mend: the parameter's, which may have come through `%(port)s`,
   * else the key's own.
   */
  #placed(key: string): FilePosition | undefined {
    const call = this.#call;
    return placeOf(call.options.get(key) ?? []) ?? this.#reader.place(key) ?? call.place;
  }

  #about(key: string): string {
    return `action ${this.#call.name}[${key}]`;
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
function joinEffects(effects: readonly BanEffect[]): BanEffect | undefined {
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

/** One hook that covers all. */
export function joinHooks(hooks: readonly Hook[]): Hook {
  const set = new Set(hooks);
  if (set.has('prerouting')) return 'prerouting';
  if (set.has('both') || (set.has('input') && set.has('forward'))) return 'both';
  return set.has('forward') ? 'forward' : 'input';
}

// The whole list, actions that close and actions that tell.

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
