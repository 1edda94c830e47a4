/** Whom to tell, as notify works with it: plain data, made from the configuration. */
import { createHash } from 'node:crypto';
import type { SecretSource } from '../core/secrets.js';

export interface MailTarget {
  readonly kind: 'mail';
  /** What the mail holds: the ban; whois data too; log lines too. */
  readonly style: 'plain' | 'whois' | 'whois-lines';
  /** Addresses; without a domain they are local. */
  readonly to: readonly string[];
  readonly sender: string;
  readonly sendername: string;
}

export interface WebTarget {
  readonly kind: 'webhook' | 'slack';
  readonly url: SecretSource;
  /** File with the key of the HMAC signature. */
  readonly secretFile: string | null;
}

interface ExecTarget {
  readonly kind: 'exec';
  readonly argv: readonly string[];
}

export type Target = MailTarget | WebTarget | ExecTarget;

/** A target and the jails whose bans it is told of. */
export interface NotifyRoute {
  readonly target: Target;
  /** Jail to the name under which the target knows it (fail2ban's `name=`). */
  readonly jails: ReadonlyMap<string, string>;
}

/** One notification of a jail, as the configuration has it. */
export interface Subscription {
  readonly jail: string;
  readonly name: string;
  readonly target: Target;
}

/** Joins what goes to the same place: one queue, one digest. */
export function routesOf(subscriptions: readonly Subscription[]): NotifyRoute[] {
  const routes = new Map<string, { target: Target; jails: Map<string, string> }>();
  for (const { jail, name, target } of subscriptions) {
    const key = keyOf(target);
    const route = routes.get(key) ?? { target, jails: new Map() };
    route.jails.set(jail, name);
    routes.set(key, route);
  }
  return [...routes.values()];
}

/** Names a target in the file of positions, without telling what it is: it may hold a secret. */
export function keyOf(target: Target): string {
  return createHash('sha256').update(JSON.stringify(target)).digest('hex').slice(0, 24);
}

/** A target for logs: never a secret. */
export function describeTarget(target: Target): string {
  switch (target.kind) {
    case 'mail':
      return `mail to ${target.to.join(', ')}`;
    case 'exec':
      return `exec ${target.argv[0] ?? ''}`;
    default:
      return `${target.kind}${'file' in target.url ? ` of ${target.url.file}` : ''}`;
  }
}
