/**
 * Adds elements to sets of nf_tables past nft: without a child process, JSON and nft's cache 10,000
 * take some milliseconds instead of some hundred. What is there stays as it is. For bans that have
 * to come back at once after somebody else removed them.
 *
 * It is one transaction where the socket takes it whole, and several where it does not: in a user
 * namespace the system's `net.core.wmem_max` bounds it. Each is made for the generation of the
 * ruleset in which the sets were seen to be ours, so that nothing is written into a set that was
 * changed in between.
 */

import { wordOf4, wordsOf6 } from '../src/core/address.js';
import { NFT_ADD_TRIES_MAX } from '../src/core/service-limits.js';
import { NetlinkSocket } from './netlink.js';
import {
  attribute,
  changeMessage,
  MESSAGE,
  NLM_F_ACK,
  NLM_F_CREATE,
  nameBytes,
  transaction,
} from './netlink-messages.js';
import { type AddressSet, areOurs, generationOf } from './netlink-standing.js';

/** New elements of one set of addresses. */
export interface NewElements extends AddressSet {
  readonly elements: readonly NewElement[];
}

export interface NewElement {
  /** Canonical text of the address. */
  readonly key: string;
  /** Seconds; null for good. */
  readonly timeout: number | null;
}

export interface AddOptions {
  readonly netns?: string | undefined;
  /** Called with the number under which the kernel announces the change, before it is made. */
  readonly onStart?: ((port: number) => void) | undefined;
  /** Called when the change is over. */
  readonly onEnd?: ((port: number) => void) | undefined;
}

/** Attributes of NFT_MSG_NEWSETELEM (linux/netfilter/nf_tables.h). */
export const LIST = { table: 1, set: 2, elements: 3 } as const;
const ELEMENT = 1;
const KEY = 1;
const VALUE = 1;
const TIMEOUT = 4;
export const NESTED = 0x8000;
/** The length of an attribute is a number of 16 bits: so many elements are surely below it. */
const ELEMENTS_PER_MESSAGE = 1_000;
/** Of the longest element, one of IPv6 with a timeout. */
const ELEMENT_BYTES = 40;
/** Of a message without its elements: headers, and names of at most 255 bytes. */
const MESSAGE_BYTES = 600;
/** Begin and end of a transaction, with the generation. */
const BOUNDS_BYTES = 64;
/** Numbers of sockets: no process has one so high, and the kernel itself chooses higher ones. */
const FIRST_PORT = 0x4000_0000;
const PORTS = 0x4000_0000;
/** The ruleset is of another generation than the transaction was made for. */
export const ERESTART = 85;

let sequence = 1;

/**
 * Adds the elements. False when a table or set is not as we make it, the kernel refused them, or
 * the ruleset kept changing: then none of a transaction is there. Throws OperatingError
 * `ERR_NETLINK` when there was no way to the kernel.
 */
export function addElements(
  table: string,
  sets: readonly NewElements[],
  options: AddOptions = {},
): boolean {
  const filled = sets.filter(({ elements }) => elements.length > 0);
  if (filled.length === 0) return true;
  return withSocket(options, sizeOf(filled), (socket) => {
    const pieces = cut(filled, socket.sendBytesMax);
    return pieces?.every((piece) => addPiece(socket, table, piece)) ?? false;
  });
}

/** Bytes of a transaction that adds the elements, at most. */
export function sizeOf(sets: readonly NewElements[]): number {
  return sets.reduce(
    (sum, { elements: { length } }) =>
      sum + length * ELEMENT_BYTES + Math.ceil(length / ELEMENTS_PER_MESSAGE) * MESSAGE_BYTES,
    BOUNDS_BYTES,
  );
}

/** Runs `work` with a socket whose changes are announced as ours. */
export function withSocket<T>(
  { netns, onStart, onEnd }: AddOptions,
  sendBytes: number,
  work: (socket: NetlinkSocket) => T,
): T {
  const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
  const socket = new NetlinkSocket(0, netns, { port, sendBytes });
  try {
    onStart?.(port);
    return work(socket);
  } finally {
    socket.close();
    onEnd?.(port);
  }
}

/** Adds elements that one transaction holds; as `addElements` does. */
export function addPiece(
  socket: NetlinkSocket,
  table: string,
  piece: readonly NewElements[],
): boolean {
  const wanted = ++sequence;
  const messages = piece.map((one) => elementsMessage(table, one, wanted));
  for (let tries = 0; tries < NFT_ADD_TRIES_MAX; tries++) {
    // The generation before the look: what changes behind it is refused by the kernel.
    const generation = generationOf(socket);
    if (!areOurs(socket, table, piece)) return false;
    const errno = socket.carryOut(transaction(wanted, messages, generation), wanted);
    if (errno !== ERESTART) return errno === 0;
  }
  return false;
}

/** The message that adds elements, which one message holds. */
export function elementsMessage(
  table: string,
  { family, set, version, elements }: NewElements,
  wanted: number,
): Buffer {
  return changeMessage(MESSAGE.NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, family, wanted, [
    attribute(LIST.table, nameBytes(table)),
    attribute(LIST.set, nameBytes(set)),
    attribute(LIST.elements | NESTED, elementsBytes(elements, version)),
  ]);
}

/**
 * The elements in messages, and those in pieces that the socket takes; undefined when it takes not
 * even one element. `taken`: bytes of the first piece that something else has; if that leaves no
 * room, the first piece is empty.
 */
export function cut(
  sets: readonly NewElements[],
  bytesMax: number,
  taken = 0,
): NewElements[][] | undefined {
  const room = bytesMax - BOUNDS_BYTES;
  const count = Math.min(ELEMENTS_PER_MESSAGE, Math.floor((room - MESSAGE_BYTES) / ELEMENT_BYTES));
  if (count < 1) return undefined;
  const pieces: NewElements[][] = [[]];
  let left = room - taken;
  for (const { elements, ...set } of sets)
    for (let at = 0; at < elements.length; at += count) {
      const some = elements.slice(at, at + count);
      const bytes = MESSAGE_BYTES + some.length * ELEMENT_BYTES;
      if (bytes > left) {
        pieces.push([]);
        left = room;
      }
      pieces.at(-1)?.push({ ...set, elements: some });
      left -= bytes;
    }
  return pieces;
}

/** The elements one behind the other, each its key and, where it has one, its timeout. */
function elementsBytes(elements: readonly NewElement[], version: 4 | 6): Buffer {
  const bytes = Buffer.allocUnsafe(elements.length * ELEMENT_BYTES);
  const width = version === 4 ? 4 : 16;
  let at = 0;
  for (const { key, timeout } of elements) {
    at = head(bytes, at, ELEMENT | NESTED, 12 + width + (timeout === null ? 0 : 12));
    at = head(bytes, at, KEY | NESTED, 8 + width);
    at = head(bytes, at, VALUE, 4 + width);
    if (version === 4) at = word(bytes, at, wordOf4(key));
    else for (const part of wordsOf6(key)) at = word(bytes, at, part);
    if (timeout === null) continue;
    at = head(bytes, at, TIMEOUT, 12);
    at = word(bytes, at, Math.floor((timeout * 1000) / 2 ** 32));
    at = word(bytes, at, (timeout * 1000) % 2 ** 32);
  }
  return bytes.subarray(0, at);
}

// Byte by byte: what Buffer has for it takes a microsecond for each of 200,000 elements.

/** Begins an attribute; returns where its value stands. */
function head(bytes: Buffer, at: number, type: number, length: number): number {
  bytes[at] = length & 255;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = type & 255;
  bytes[at + 3] = type >>> 8;
  return at + 4;
}

/** Writes a number in network order; returns where the next stands. */
function word(bytes: Buffer, at: number, value: number): number {
  bytes[at] = value >>> 24;
  bytes[at + 1] = (value >>> 16) & 255;
  bytes[at + 2] = (value >>> 8) & 255;
  bytes[at + 3] = value & 255;
  return at + 4;
}
