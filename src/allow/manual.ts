import { formatPrefix, type Prefix } from '../core/address.js';
import { OperatorError } from '../core/errors.js';
import type { JailName } from '../core/names.js';
import type { AllowSnapshot } from './snapshot.js';

/** Shortest prefixes that a person may ban without insisting: a /8 is 16 million hosts, a /32 a provider. */
const MANUAL_LENGTH_MIN = { 4: 8, 6: 32 } as const;

/**
 * Why an operator's ban is refused, or undefined when it may be made. With `force` it may always be made; the kernel
 * still lets exempted addresses through, because its allow set wins.
 */
export function refuseManualBan(
  target: Prefix,
  jail: JailName,
  snapshot: AllowSnapshot,
  force: boolean,
): OperatorError | undefined {
  if (force) return undefined;
  const shortest = MANUAL_LENGTH_MIN[target.family];
  if (target.length < shortest)
    return new OperatorError(
      `${formatPrefix(target)} is wider than /${shortest}: that is a large part of the internet`,
      {
        hint: 'ban a longer prefix, or add --force if you mean it',
      },
    );
  const reason = snapshot.overlaps(jail, target);
  if (reason === undefined) return undefined;
  return new OperatorError(`${formatPrefix(target)} would shut out an address that is never banned: ${reason.text}`, {
    hint: 'take it out of ignoreip first, or add --force to note the ban all the same',
  });
}
