/** Bans as tables for people. */

import type { BanView } from '../control/protocol.js';
import { OPERATOR_CHARS_MAX, USER_CHARS_MAX } from '../core/limits.js';
import { escapeUntrusted } from '../core/text.js';
import { localTime } from '../core/time.js';
import { type Column, formatTable } from '../tools/columns.js';

/** What a name from the network may take of a line on a terminal. */
const NAME_COLUMNS = 64;

interface Part {
  readonly column: Column;
  readonly cell: (ban: BanView) => string;
}

const SINCE: Part = { column: { title: 'Banned at' }, cell: ({ time }) => localTime(time) };
const JAIL: Part = { column: { title: 'Jail' }, cell: ({ jail }) => jail };
const ADDRESS: Part = { column: { title: 'Address' }, cell: ({ target }) => target };
const FAILURES: Part = {
  column: { title: 'Failures', align: 'right', optional: true },
  cell: ({ origin, failures }) => (origin === 'journal' ? String(failures) : origin),
};
const UNTIL: Part = {
  column: { title: 'Until' },
  cell: ({ until }) => (until === null ? 'for good' : localTime(until)),
};
const STATE: Part = { column: { title: 'State', shrink: true }, cell: stateOf };
const HOST: Part = {
  column: { title: 'Reported by', shrink: true, widest: NAME_COLUMNS },
  cell: ({ host }) => escapeUntrusted(host ?? '', USER_CHARS_MAX),
};
const BY: Part = {
  column: { title: 'Banned by', shrink: true, widest: NAME_COLUMNS },
  cell: ({ by }) => escapeUntrusted(by ?? '', OPERATOR_CHARS_MAX),
};
const USER: Part = {
  column: { title: 'User', shrink: true, optional: true, widest: NAME_COLUMNS },
  cell: ({ user }) => escapeUntrusted(user ?? '', USER_CHARS_MAX),
};

/** Bans of the past and the present, in `width` columns. */
export function historyTable(bans: readonly BanView[], width: number): string {
  return tableOf(
    [SINCE, JAIL, ADDRESS, FAILURES, UNTIL, STATE, ...sayers(bans), USER],
    bans,
    width,
  );
}

/** Bans in force, in `width` columns; the address stands first. */
export function bannedTable(bans: readonly BanView[], width: number): string {
  return tableOf([ADDRESS, JAIL, SINCE, UNTIL, FAILURES, ...sayers(bans), USER], bans, width);
}

/** The hosts that reported, where there are others than this one, and the people who banned. */
function sayers(bans: readonly BanView[]): Part[] {
  return [
    ...(bans.some(({ host }) => host !== undefined) ? [HOST] : []),
    ...(bans.some(({ by }) => by !== undefined) ? [BY] : []),
  ];
}

function tableOf(parts: readonly Part[], bans: readonly BanView[], width: number): string {
  return formatTable(
    parts.map(({ column }) => column),
    bans.map((ban) => parts.map(({ cell }) => cell(ban))),
    width,
  );
}

function stateOf({ ended, state }: BanView): string {
  if (ended === undefined) return state;
  return `${endOf(ended)} ${localTime(ended.time)}`;
}

/** How a ban ended: `expired`, `lifted by alice`. */
function endOf({ reason, by }: NonNullable<BanView['ended']>): string {
  if (reason !== 'operator') return reason;
  return `lifted by ${by === undefined ? 'an operator' : escapeUntrusted(by, OPERATOR_CHARS_MAX)}`;
}
