/** What is said of shared bans: to who told of them, in the log, and in `status`. */
import type { ShareView } from '../control/protocol.js';
import type { Log } from '../core/log.js';
import {
  SHARE_REFUSALS_TOLD_MAX,
  SHARE_STATUS_ROWS_MAX,
  SHARE_TEXT_CHARS_MAX,
} from '../core/service-limits.js';
import { SHARED_JAIL } from '../core/share.js';
import { escapeUntrusted } from '../core/text.js';
import type { JailSetup } from '../setup/setup.js';

/** What became of one request. */
export class ShareTally {
  taken = 0;
  lifted = 0;
  refusedCount = 0;
  /** New bans that there is room for; undefined before it was counted. */
  room: number | undefined;
  readonly refused: { readonly target: string; readonly why: string }[] = [];
  /** New bans by the host that decided. */
  readonly hosts = new Map<string, number>();

  /** A new ban, or another end of one. */
  take(host: string | undefined): void {
    this.taken++;
    if (this.room !== undefined) this.room--;
    this.hosts.set(host ?? '?', (this.hosts.get(host ?? '?') ?? 0) + 1);
  }

  refuse(target: string, why: string): void {
    this.refusedCount++;
    if (this.refused.length < SHARE_REFUSALS_TOLD_MAX) this.refused.push({ target, why });
  }

  /** One line of the log for all that came at once. */
  say(engine: string, log: Log): void {
    if (this.hosts.size === 0 && this.lifted === 0) return;
    const shown = (text: string) => escapeUntrusted(text, SHARE_TEXT_CHARS_MAX);
    const from = [...this.hosts].map(([host, bans]) => `${bans} of ${shown(host)}`);
    const parts = [
      ...(from.length === 0 ? [] : [`took ${from.slice(0, SHARE_STATUS_ROWS_MAX).join(', ')}`]),
      ...(this.lifted === 0 ? [] : [`${this.lifted} lifted`]),
    ];
    log('info', `Shared bans (${shown(engine)}): ${parts.join('; ')}`, {
      jail: SHARED_JAIL,
      action: 'shared',
    });
  }
}

/** What the jail `shared` takes, and which bans of the other jails it tells. */
export function takenBy(
  jails: readonly JailSetup[],
): Pick<ShareView, 'enabled' | 'accept' | 'bantimeMaxSeconds' | 'prefix' | 'publish'> {
  const own = jails.find(({ policy }) => policy.share !== undefined)?.policy;
  if (own?.share === undefined)
    return {
      enabled: false,
      accept: [],
      bantimeMaxSeconds: 0,
      prefix: [32, 128],
      publish: { jails: [], operator: false },
    };
  const { accept, bantimeMax, prefix, publish } = own.share;
  const told = jails
    .filter(({ policy }) => policy.watch !== true && policy.share === undefined)
    .map(({ policy }) => policy.jail)
    .filter((jail) => publish.jails === 'all' || publish.jails.includes(jail));
  return {
    enabled: own.watch !== true,
    accept,
    bantimeMaxSeconds: bantimeMax,
    prefix,
    publish: { jails: told, operator: publish.operator },
  };
}
