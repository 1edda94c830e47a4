/**
 * Addresses as a chain of proxies lists them (`X-Forwarded-For`): each adds whom it was asked by at the end, and what stands
 * in front of the administrator's own proxies is the client's to write.
 */
import { contains, type Prefix, parseAddress } from '../core/address.js';
import type { Groups } from './groups.js';

/**
 * The groups with the last address that is not one of the proxies in place of the last of all. `<F-CHAIN>` holds what stands
 * before that one. No address at all where the one that would count is none; the first where all are proxies.
 */
export function behindProxies(groups: Groups, proxies: readonly Prefix[]): Groups {
  const chain = groups['chain'];
  const last = groups['ip4'] ?? groups['ip6'];
  if (chain === undefined || last === undefined || proxies.length === 0) return groups;
  const before = chain.split(',').map((word) => word.trim());
  let address = parseAddress(last);
  while (address !== undefined && before.length > 0) {
    const proxy = address;
    if (!proxies.some((prefix) => contains(prefix, proxy))) break;
    address = parseAddress(before.pop() as string);
  }
  const none = { ...groups, ip4: undefined, ip6: undefined };
  if (address === undefined) return none;
  return address.family === 4 ? { ...none, ip4: address.text } : { ...none, ip6: address.text };
}
