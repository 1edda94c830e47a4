/**
 * Adds elements to sets of nf_tables past nft, in one transaction: without a child process, JSON
 * and nft's cache 10,000 take some milliseconds instead of some hundred. What is there stays as it
 * is. For bans that have to come back at once after somebody else removed them.
 */

import { wordOf4, wordsOf6 } from '../src/core/address.js';
import { NetlinkSocket } from './netlink.js';
import {
  attribute,
  changeMessage,
  MESSAGE,
  type NetlinkFamily,
  NLM_F_ACK,
  NLM_F_CREATE,
  transaction,
} from './netlink-messages.js';

/** New elements of one set of addresses. */
export interface NewElements {
  readonly family: NetlinkFamily;
  readonly set: string;
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
const LIST = { table: 1, set: 2, elements: 3 } as const;
const ELEMENT = 1;
const KEY = 1;
const VALUE = 1;
const TIMEOUT = 4;
const NESTED = 0x8000;
/** The length of an attribute is a number of 16 bits: so many elements are surely below it. */
const ELEMENTS_PER_MESSAGE = 1_000;
/** Of the longest element, one of IPv6 with a timeout. */
const ELEMENT_BYTES = 40;
/** Numbers of sockets: no process has one so high, and the kernel itself chooses higher ones. */
const FIRST_PORT = 0x4000_0000;
const PORTS = 0x4000_0000;

let sequence = 1;

/**
 * Adds the elements, all or none. Returns 0 or the errno of the refusal. Throws OperatingError
 * `ERR_NETLINK` when there was no way to the kernel.
 */
export function addElements(
  table: string,
  sets: readonly NewElements[],
  { netns, onStart, onEnd }: AddOptions = {},
): number {
  const wanted = ++sequence;
  const messages = sets.flatMap(({ family, set, elements }) =>
    partsOf(elements).map((part) =>
      changeMessage(MESSAGE.NEWSETELEM, NLM_F_CREATE | NLM_F_ACK, family, wanted, [
        attribute(LIST.table, text(table)),
        attribute(LIST.set, text(set)),
        attribute(LIST.elements | NESTED, elementsBytes(part)),
      ]),
    ),
  );
  if (messages.length === 0) return 0;
  const bytes = transaction(wanted, messages);
  const port = FIRST_PORT + Math.floor(Math.random() * PORTS);
  const socket = new NetlinkSocket(0, netns, { port, sendBytes: 2 * bytes.length });
  onStart?.(port);
  try {
    return socket.carryOut(bytes, wanted);
  } finally {
    socket.close();
    onEnd?.(port);
  }
}

function partsOf(elements: readonly NewElement[]): NewElement[][] {
  const parts: NewElement[][] = [];
  for (let at = 0; at < elements.length; at += ELEMENTS_PER_MESSAGE)
    parts.push(elements.slice(at, at + ELEMENTS_PER_MESSAGE));
  return parts;
}

/** The elements one behind the other, each its key and, where it has one, its timeout. */
function elementsBytes(elements: readonly NewElement[]): Buffer {
  const bytes = Buffer.allocUnsafe(elements.length * ELEMENT_BYTES);
  let at = 0;
  for (const { key, timeout } of elements) {
    const words = key.includes(':') ? wordsOf6(key) : [wordOf4(key)];
    const width = 4 * words.length;
    at = head(bytes, at, ELEMENT | NESTED, 12 + width + (timeout === null ? 0 : 12));
    at = head(bytes, at, KEY | NESTED, 8 + width);
    at = head(bytes, at, VALUE, 4 + width);
    for (const word of words) at = bytes.writeUInt32BE(word, at);
    if (timeout === null) continue;
    at = head(bytes, at, TIMEOUT, 12);
    at = bytes.writeUInt32BE(Math.floor((timeout * 1000) / 2 ** 32), at);
    at = bytes.writeUInt32BE((timeout * 1000) % 2 ** 32, at);
  }
  return bytes.subarray(0, at);
}

/** Begins an attribute; returns where its value stands. */
function head(bytes: Buffer, at: number, type: number, length: number): number {
  bytes.writeUInt16LE(length, at);
  return bytes.writeUInt16LE(type, at + 2);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'latin1');
}
