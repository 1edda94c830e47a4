/**
 * Whose the tables are. One agent of a network namespace holds them, which a table of its own says
 * that the kernel removes when that agent ends (`native/netlink-owner.ts`). Two that repaired each
 * other's work would go on for ever.
 */
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { ownedTable, removeUnowned, TableOwner } from '../../native/netlink-owner.js';
import { EXIT, OperatingError, OperatorError } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import { isoTime, wallClock } from '../core/time.js';
import { OWNER_TABLE, TABLE } from './names.js';

/** Characters of a unit or host name that are told: a comment is short. */
const NAME_CHARS = 32;

export interface OwnerOptions {
  /** Path of a network namespace to work in instead of our own. */
  readonly netns?: string;
  /** Where /proc is; tests give another. */
  readonly proc?: string;
}

/**
 * Takes the tables of this network namespace for this process. Undefined where the kernel knows no
 * owners, and where this process may not change the firewall, which its opening tells in better
 * words. Throws OperatorError when another process has them.
 */
export function claimTables({ netns, proc = '/proc' }: OwnerOptions = {}): TableOwner | undefined {
  for (let attempt = 0; ; attempt++) {
    const claim = TableOwner.claim(OWNER_TABLE, ownText(proc), netns);
    if (claim instanceof TableOwner) return claim;
    if (claim === 'unable') return undefined;
    const table = tableOf(netns);
    if (table?.owned === true) throw refusal(table.comment, proc);
    if (attempt > 0) return undefined;
    // A table without an owner was made by hand, e.g. from a saved ruleset. No table at all: its
    // owner has just ended.
    if (table !== undefined) removeUnowned(OWNER_TABLE, netns);
  }
}

/** The holder of the tables, in words; undefined when there is none, or it cannot be seen. */
export function ownerOfTables({ netns, proc = '/proc' }: OwnerOptions = {}): string | undefined {
  const table = tableOf(netns);
  return table?.owned === true ? words(table.comment, proc) : undefined;
}

/** What a second agent is told. */
function refusal(comment: string, proc: string): OperatorError {
  return new OperatorError(`another agent holds the table inet ${TABLE}: ${words(comment, proc)}`, {
    hint: 'one network namespace has one agent: stop that one first, or give this one a network of its own',
    exitCode: EXIT.temporary,
  });
}

function tableOf(netns: string | undefined) {
  try {
    return ownedTable(OWNER_TABLE, netns);
  } catch (error) {
    if (error instanceof OperatingError) return undefined;
    throw error;
  }
}

/** `pid 4711 of banjour.service on mail1 since 2026-11-29T04:55:12Z, pidns 4026531836`. */
function ownText(proc: string): string {
  const unit = /\/([^/\n]+)\n?$/.exec(read(`${proc}/self/cgroup`))?.[1];
  const since = isoTime(wallClock.now()).replace(/\.\d+Z$/, 'Z');
  const who = `pid ${process.pid}${unit === undefined ? '' : ` of ${plain(unit)}`}`;
  return `${who} on ${plain(hostname())} since ${since}, pidns ${pidNamespace(proc)}`;
}

/** The comment for people: a number from another namespace of processes names nobody here. */
function words(comment: string, proc: string): string {
  const [, who, namespace] = /^(.*), pidns (\S+)$/.exec(comment) ?? [undefined, comment, undefined];
  const text = escapeUntrusted(who ?? '') || 'it does not say who it is';
  if (namespace === undefined || namespace === pidNamespace(proc)) return text;
  return `${text} (a number of another pid namespace: one of the two runs in a container)`;
}

function pidNamespace(proc: string): string {
  try {
    return /\[(\d+)\]/.exec(readlinkSync(`${proc}/self/ns/pid`))?.[1] ?? '?';
  } catch {
    return '?';
  }
}

/** A name without what a comment in nft's syntax cannot hold. */
function plain(name: string): string {
  const clean = name.replace(/[^\w.@:-]/g, '_');
  return clean.length > NAME_CHARS ? `${clean.slice(0, NAME_CHARS - 1)}~` : clean;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
