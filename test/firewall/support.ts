/** Short ways to write plans and elements in tests of the firewall. */
import { type Prefix, parsePrefix } from '../../src/core/address.js';
import type { Element, ElementChange, FirewallBackend } from '../../src/core/firewall.js';
import { mustJailName } from '../../src/core/names.js';
import type { FirewallPlan, JailRule } from '../../src/core/specs.js';
import { plus, wallClock } from '../../src/core/time.js';

export function prefix(text: string): Prefix {
  const parsed = parsePrefix(text);
  if (parsed === undefined) throw new Error(`not a prefix: ${text}`);
  return parsed;
}

export function rule(jail: string, more: Partial<JailRule> = {}): JailRule {
  return {
    jail: mustJailName(jail),
    ports: [{ first: 25, last: 25 }],
    protocols: ['tcp'],
    verdict: 'drop',
    ...more,
  };
}

export function plan(
  rules: readonly (JailRule | string)[],
  more: Partial<FirewallPlan> = {},
): FirewallPlan {
  return {
    hook: 'input',
    bridge: false,
    rules: rules.map((one) => (typeof one === 'string' ? rule(one) : one)),
    allow: [],
    countersPerElement: false,
    ...more,
  };
}

/** A ban for `seconds` from now; null for good. */
export function ban(jail: string, target: string, seconds: number | null = 600): Element {
  const until = seconds === null ? null : plus(wallClock.now(), seconds);
  return { jail: mustJailName(jail), target: prefix(target), until };
}

export function put(jail: string, target: string, seconds: number | null = 600): ElementChange {
  return { kind: 'put', ...ban(jail, target, seconds) };
}

export function remove(jail: string, target: string): ElementChange {
  return { kind: 'remove', jail: mustJailName(jail), target: prefix(target) };
}

/**
 * What is in force, sorted: `jail target` and how long still, in tenths of a minute, or `for good`.
 */
export async function inForce(backend: FirewallBackend): Promise<string[]> {
  const { elements } = await backend.read();
  return elements.map(told).sort();
}

/** An element as `inForce` tells it; whole minutes above one, since a loaded machine is slow. */
export function told({ jail, target, until }: Element): string {
  const minutes = until === null ? 0 : (until - wallClock.now()) / 6e7;
  const left =
    until === null
      ? 'for good'
      : `${minutes < 1 ? Math.round(minutes * 10) / 10 : Math.round(minutes)} min`;
  return `${jail} ${target.base}/${target.length} ${left}`;
}

/** `count` different IPv4 hosts. */
export function hosts(count: number, net = 10): string[] {
  return Array.from(
    { length: count },
    (_, i) => `${net}.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`,
  );
}
