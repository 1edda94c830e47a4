/**
 * Whether shared bans arrive: the agent and the companion each do a half, and each may be well
 * while nothing is shared. What the companion says of its own half is told with its other parts.
 */
import { existsSync } from 'node:fs';
import type { CompanionView } from '../companion/companion.js';
import { loadConfig } from '../config/load.js';
import { ControlClient } from '../control/client.js';
import type { ShareView } from '../control/share-views.js';
import type { Finding } from '../core/finding.js';
import { counted, escapeUntrusted } from '../core/text.js';
import { examineCompanionConfig, loadCompanionConfig } from '../setup/companion-config.js';
import type { ConfigurationRoots } from '../setup/load.js';
import type { ShareStatus } from '../share/share.js';

export interface SharePatient {
  readonly configuration: ConfigurationRoots;
  readonly statusSocket: string;
  readonly companionSocket: string;
  readonly shareSocket: string;
}

/** The companion tells the agent of all bans every ten minutes: a longer silence is a fault, ms. */
const PATIENCE_MS = 25 * 60_000;

/** Nothing where no bans are shared. What is wrong with companion.conf is told elsewhere. */
export async function checkShare(patient: SharePatient, now = Date.now()): Promise<Finding[]> {
  const { shippedRoot, adminRoot } = patient.configuration;
  const folders = { shipped: shippedRoot, config: adminRoot };
  if (examineCompanionConfig(folders).some(({ level }) => level === 'error')) return [];
  const { share } = loadCompanionConfig(folders);
  const jails = loadConfig({ shippedRoot, adminRoot }).config?.jails ?? [];
  const isJail = jails.some(({ policy }) => policy.share !== undefined);
  if (!share.enabled) return isJail ? [nobodyBrings()] : [];
  if (!isJail) return [noJail()];
  // An agent that does not answer is told of elsewhere.
  const view = await new ControlClient(patient.statusSocket).shareStatus().catch(() => undefined);
  const status = await statusOf(patient.companionSocket);
  return [
    ...(view === undefined ? [] : agentFindings(view, patient.shareSocket)),
    ...(status?.namesake === true ? [namesake(share.name)] : []),
    ...(view === undefined || status === undefined ? [] : silence(view, status, now)),
  ];
}

/** What the companion says of the part; undefined where it does not run. */
async function statusOf(socket: string): Promise<ShareStatus | undefined> {
  const view = await new ControlClient(socket)
    .read<CompanionView>('/status')
    .catch(() => undefined);
  const part = view?.parts.find(({ name, running }) => name === 'share' && running);
  return part?.status as ShareStatus | undefined;
}

function nobodyBrings(): Finding {
  return {
    level: 'warning',
    id: 'share.companion',
    message: 'the jail shared is on, and nobody brings it what other hosts decided',
    fix: 'write enabled = true and url below [share] into /etc/banjour/companion.local (docs/share.md), then: systemctl reload-or-restart banjour-companion; or take enabled = true out of [shared] in jail.local',
  };
}

function noJail(): Finding {
  return {
    level: 'warning',
    id: 'share.jail',
    message: 'companion.conf has [share] on and the jail shared is off: no ban is told or taken',
    fix: 'write enabled = true below [shared] into /etc/banjour/jail.local, then: banjour reload',
  };
}

function namesake(name: string): Finding {
  return {
    level: 'warning',
    id: 'share.name',
    message: `another host shares its bans as ${name}, too: who decided cannot be told (or this one did before its state was lost, until those bans end)`,
    fix: 'write a name of its own below [share] into /etc/banjour/companion.local on each of them, then: systemctl reload banjour-companion',
  };
}

function agentFindings(view: ShareView, socket: string): Finding[] {
  if (!view.enabled)
    return [
      {
        level: 'warning',
        id: 'share.jail',
        message: 'the agent takes nothing of other hosts: its jail shared is off, or only watches',
        fix: 'look at enabled of [shared] in /etc/banjour/jail.local, then: banjour reload',
      },
    ];
  if (!existsSync(socket))
    return [
      {
        level: 'error',
        id: 'share.socket',
        message: `${socket} is missing: the companion cannot tell the agent what other hosts decided`,
        fix: 'systemctl restart banjour',
      },
    ];
  return [{ level: 'ok', id: 'share', message: `shared bans: ${heldText(view)}` }];
}

function heldText({ inForce, lists, refused }: ShareView): string {
  const bans = inForce.reduce((sum, one) => sum + one.bans, 0);
  const hosts = inForce.map(({ host }) => escapeUntrusted(host, 64)).filter((host) => host !== '');
  const from = hosts.length === 0 ? '' : ` (${[...new Set(hosts)].slice(0, 5).join(', ')})`;
  const reasons = Object.entries(refused).map(([reason, count]) => `${reason} ${count}`);
  return [
    `${counted(bans, 'ban')} in force${from}`,
    ...(lists.inForce === 0 ? [] : [`${counted(lists.inForce, 'address', 'addresses')} of lists`]),
    ...(reasons.length === 0 ? [] : [`refused: ${reasons.join(', ')}`]),
  ].join('; ');
}

/** The engine is listened to, and the agent has heard nothing for long. */
function silence({ enabled, last }: ShareView, status: ShareStatus, now: number): Finding[] {
  const { connectedSince, trouble } = status;
  // Why the agent takes nothing is told with the part.
  if (!enabled || connectedSince === null || trouble !== null) return [];
  const since = Math.max(Date.parse(connectedSince), last === undefined ? 0 : Date.parse(last));
  if (now - since <= PATIENCE_MS) return [];
  const minutes = Math.floor((now - since) / 60_000);
  return [
    {
      level: 'warning',
      id: 'share.silent',
      message: `for ${minutes} min the companion has told the agent nothing of other hosts, not even that there is nothing`,
      fix: 'systemctl restart banjour-companion; journalctl -u banjour-companion -n 20 says what it meets',
    },
  ];
}
