/** The `action` list of a jail: what it closes and whom it tells. */
import { nearest } from '../core/nearest.js';
import type { Hook } from '../core/specs.js';
import { type Call, parseCalls } from '../ini/calls.js';
import { type BanEffect, isBanAction, joinEffects, readBanAction } from './banaction.js';
import { isNotification, readNotification } from './notify.js';
import type { Overlays } from './overlays.js';
import type { Reader } from './reader.js';
import type { NotifySpec } from './types.js';

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
export function readActions(reader: Reader, overlays: Overlays, presetHook: Hook): Actions {
  const calls = parseCalls(reader.value('action') ?? [], reader.report, { section: reader.section, key: 'action' });
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
  return { effect: effect ?? { ports: 'all', protocols: ['tcp'], verdict: 'reject', hook: presetHook }, notify };
}

function reportUnmapped(call: Call, reader: Reader, overlays: Overlays): void {
  const similar = nearest(call.name, NAMES);
  const own = overlays.has(call.name);
  const message = own
    ? `the commands of action.d/${call.name} are not run`
    : `there is no counterpart of the action "${call.name}"`;
  const instead = 'use exec[command="/path <jail> <ip>"] or webhook[url=...] for programs and services';
  const fix = !own && similar !== undefined ? `did you mean ${similar}? Else ${instead}` : instead;
  reader.warnAt(call.place, 'jail.action-unmapped', 'action', message, fix);
}
