/**
 * What a person must not ban by hand without insisting: allowed addresses and very wide prefixes.
 */
import { formatPrefix, type Prefix } from '../core/address.js';
import { OperatorError } from '../core/errors.js';
import type { JailName } from '../core/names.js';
import { noneRemote, strangersIn } from '../core/networks.js';
import type { AllowSnapshot } from './snapshot.js';

/**
 * Shortest prefixes that a person may ban without insisting: a /8 is 16 million hosts, a /32 a
 * provider.
 */
const MANUAL_LENGTH_MIN = { 4: 8, 6: 32 } as const;

/**
 * Why an operator's ban is refused, or undefined when it may be made. With `force` it may be made
 * of whatever can be a remote host; the kernel still lets exempted addresses through, because its
 * allow set wins. `nat64` are the NAT64 prefixes of this network.
 */
export function refuseManualBan(
  target: Prefix,
  jail: JailName,
  snapshot: AllowSnapshot,
  force: boolean,
  nat64: readonly Prefix[] = [],
): OperatorError | undefined {
  const nowhere = noneRemote(target);
  if (nowhere !== undefined)
    return new OperatorError(`${formatPrefix(target)}: ${nowhere}`, {
      hint: 'ban the address that the packets come from',
    });
  if (force) return undefined;
  const shortest = MANUAL_LENGTH_MIN[target.family];
  if (target.length < shortest)
    return new OperatorError(
      `${formatPrefix(target)} is wider than /${shortest}: that is a large part of the internet`,
      {
        hint: 'ban a longer prefix, or add --force if you mean it',
      },
    );
  const strangers = strangersIn(target, nat64);
  if (strangers !== undefined)
    return new OperatorError(
      `${formatPrefix(target)} holds strangers: in ${formatPrefix(strangers)} each address is a host of its own`,
      { hint: 'ban the single addresses, or add --force if you mean all of them' },
    );
  const reason = snapshot.overlaps(jail, target);
  if (reason === undefined) return undefined;
  return new OperatorError(
    `${formatPrefix(target)} would shut out an address that is never banned: ${reason.text}`,
    {
      hint: 'take it out of ignoreip first, or add --force to note the ban all the same',
    },
  );
}
