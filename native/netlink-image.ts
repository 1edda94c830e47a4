/**
 * The structure of a table of nf_tables as the kernel tells it, kept as the bytes that make it
 * anew. Rules, sets and chains are nft's own work; this only says them once more, past nft, in one
 * transaction with the elements, when the table is gone and every millisecond lets packets in. A
 * dump has the attributes that a change has; what only a dump has (handles, uses) is left out, and
 * counters begin at nothing. Form: linux/netfilter/nf_tables.h.
 */
import { NFT_ADD_TRIES_MAX } from '../src/core/service-limits.js';
import type { NetlinkSocket } from './netlink.js';
import { SET_FLAG } from './netlink-dump.js';
import {
  type AddOptions,
  addPiece,
  cut,
  ERESTART,
  elementsMessage,
  LIST,
  NESTED,
  type NewElements,
  sizeOf,
  withSocket,
} from './netlink-elements.js';
import {
  attribute,
  attributes,
  bigEndian,
  changeMessage,
  dumpRequest,
  MESSAGE,
  type NetlinkFamily,
  type NetlinkMessage,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_CREATE_LAST,
  NLM_F_CREATE_NEW,
  nameBytes,
  textAt,
  transaction,
} from './netlink-messages.js';
import { generationOf, tableState } from './netlink-standing.js';

/** One table: the messages that make it, in their order. */
export interface TableImage {
  readonly family: NetlinkFamily;
  readonly messages: readonly Buffer[];
}

/** Attributes that a change has, of those that a dump has. */
const CHAIN = { name: 3, kept: new Set([1, 3, 4, 5, 7]) } as const;
const RULE_KEPT = new Set([1, 2, 4, 7]);
const SET = { name: 2, flags: 3, id: 10, kept: new Set([1, 2, 3, 4, 5, 8, 9, 12, 13]) } as const;
const COUNTER = { name: 2, type: 3, data: 4, kept: new Set([1, 2, 3]), number: 1 } as const;
const ELEMENT = { key: 1, flags: 3, kept: new Set([1, 3, 6, 10]) } as const;
/** What no set of ours has: data, a timeout, objects, expressions. */
const SET_FOREIGN = new Set([6, 7, 11, 15, 17, 18]);
const TABLE_NAME = 1;
/** The length of an attribute is a number of 16 bits: so many elements are surely below it. */
const ELEMENTS_PER_MESSAGE = 500;
/** All messages of a transaction have one number; nothing else is asked on its socket meanwhile. */
const SEQUENCE = 0x7fff_ffff;

/**
 * What the table is made of, without the elements of sets with timeouts. Undefined when it is not
 * there, has what is not of our making, or the ruleset changed meanwhile. Throws OperatingError
 * `ERR_NETLINK`.
 */
export function imageOf(
  family: NetlinkFamily,
  table: string,
  netns?: string,
): TableImage | undefined {
  return withSocket({ netns }, 0, (socket) => {
    const before = generationOf(socket);
    if (tableState(socket, family, table) !== 'ours') return undefined;
    const messages = new Reader(socket, family, table).read();
    return generationOf(socket) === before && messages !== undefined
      ? { family, messages }
      : undefined;
  });
}

/**
 * Makes those of the tables that are gone as they were, and adds the elements, in one transaction
 * where the socket takes it. `elements` is asked only when a table is gone. False when all of them
 * stand, one is another's, or the kernel refused something. Throws OperatingError `ERR_NETLINK`.
 */
export function makeAnew(
  table: string,
  images: readonly TableImage[],
  elements: () => readonly NewElements[],
  options: AddOptions = {},
): boolean {
  const { netns } = options;
  if (withSocket({ netns }, 0, (socket) => goneOf(socket, table, images).length === 0))
    return false;
  const filled = elements().filter((one) => one.elements.length > 0);
  const structure = bytesOf(images.flatMap(({ messages }) => messages));
  return withSocket(options, structure + sizeOf(filled), (socket) => {
    for (let tries = 0; tries < NFT_ADD_TRIES_MAX; tries++) {
      const generation = generationOf(socket);
      const gone = goneOf(socket, table, images);
      if (gone.length === 0) return false;
      const messages = gone.flatMap((image) => image.messages);
      const into = filled.filter((one) => gone.some(({ family }) => family === one.family));
      const pieces = cut(into, socket.sendBytesMax, bytesOf(messages));
      if (pieces === undefined) return false;
      const [first = [], ...others] = pieces;
      const all = [...messages, ...first.map((one) => elementsMessage(table, one, SEQUENCE))];
      const errno = socket.carryOut(transaction(SEQUENCE, all, generation), SEQUENCE);
      if (errno === 0) return others.every((piece) => addPiece(socket, table, piece));
      if (errno !== ERESTART) return false;
    }
    return false;
  });
}

/** The tables that are not there; none when one of them is another's. */
function goneOf(
  socket: NetlinkSocket,
  table: string,
  images: readonly TableImage[],
): readonly TableImage[] {
  const states = images.map(({ family }) => tableState(socket, family, table));
  return states.includes('foreign') ? [] : images.filter((_, index) => states[index] === 'absent');
}

function bytesOf(messages: readonly Buffer[]): number {
  return messages.reduce((sum, { length }) => sum + length, 0);
}

let sequence = 1;

/** Reads one table. */
class Reader {
  readonly #socket: NetlinkSocket;
  readonly #family: NetlinkFamily;
  readonly #table: string;
  #isOurs = true;

  constructor(socket: NetlinkSocket, family: NetlinkFamily, table: string) {
    this.#socket = socket;
    this.#family = family;
    this.#table = table;
  }

  read(): Buffer[] | undefined {
    const messages = [
      this.#change(MESSAGE.NEWTABLE, NLM_F_CREATE_NEW | NLM_F_ACK, [
        attribute(TABLE_NAME, nameBytes(this.#table)),
      ]),
    ];
    this.#ask(MESSAGE.GETOBJ, [this.#table], (data, message) => {
      const counter = this.#counter(data, message);
      if (counter !== undefined) messages.push(counter);
    });
    const filled: string[] = [];
    let sets = 0;
    this.#ask(MESSAGE.GETSET, [this.#table], (data, message) => {
      const { name, flags } = this.#seenSet(data, message);
      if ((flags & SET_FLAG.timeout) === 0) filled.push(name);
      const id = attribute(SET.id, bigEndian(++sets));
      const parts = [...copied(data, message, SET.kept), id];
      messages.push(this.#change(MESSAGE.NEWSET, NLM_F_CREATE_NEW, parts));
    });
    for (const name of filled) messages.push(...this.#elements(name));
    this.#ask(MESSAGE.GETCHAIN, [], (data, message) => {
      if (nameIn(data, message, TABLE_NAME) !== this.#table) return;
      const parts = copied(data, message, CHAIN.kept);
      messages.push(this.#change(MESSAGE.NEWCHAIN, NLM_F_CREATE_NEW, parts));
    });
    this.#ask(MESSAGE.GETRULE, [this.#table], (data, message) => {
      if (nameIn(data, message, TABLE_NAME) !== this.#table) return;
      const parts = copied(data, message, RULE_KEPT);
      messages.push(this.#change(MESSAGE.NEWRULE, NLM_F_CREATE_LAST, parts));
    });
    return this.#isOurs ? messages : undefined;
  }

  #counter(data: Buffer, message: NetlinkMessage): Buffer | undefined {
    let type = 0;
    attributes(data, message.from, message.to, (which, from) => {
      if (which === COUNTER.type) type = data.readUInt32BE(from);
    });
    if (type !== COUNTER.number) return undefined;
    // Bytes and packets.
    const nothing = [1, 2].map((which) => attribute(which, Buffer.alloc(8)));
    return this.#change(MESSAGE.NEWOBJ, NLM_F_CREATE_NEW, [
      ...copied(data, message, COUNTER.kept),
      attribute(COUNTER.data | NESTED, Buffer.concat(nothing)),
    ]);
  }

  #seenSet(data: Buffer, message: NetlinkMessage): { name: string; flags: number } {
    let flags = 0;
    attributes(data, message.from, message.to, (type, from) => {
      if (type === SET.flags) flags = data.readUInt32BE(from);
      if (SET_FOREIGN.has(type)) this.#isOurs = false;
    });
    return { name: nameIn(data, message, SET.name), flags };
  }

  /** The elements of a set without timeouts: numbers of ports, or who is never banned. */
  #elements(set: string): Buffer[] {
    const found: { readonly key: Buffer; readonly isEnd: boolean; readonly bytes: Buffer }[] = [];
    this.#ask(MESSAGE.GETSETELEM, [this.#table, set], (data, message) => {
      attributes(data, message.from, message.to, (type, from, to) => {
        if (type !== LIST.elements) return;
        attributes(data, from, to, (_, at, end) => found.push(elementIn(data, at, end)));
      });
    });
    // As nft sends them: from the lowest on, and where one range ends the next begins.
    found.sort((a, b) => Buffer.compare(a.key, b.key) || Number(b.isEnd) - Number(a.isEnd));
    const messages: Buffer[] = [];
    for (let at = 0; at < found.length; at += ELEMENTS_PER_MESSAGE) {
      const some = found.slice(at, at + ELEMENTS_PER_MESSAGE).map(({ bytes }) => bytes);
      messages.push(
        this.#change(MESSAGE.NEWSETELEM, NLM_F_CREATE, [
          attribute(LIST.table, nameBytes(this.#table)),
          attribute(LIST.set, nameBytes(set)),
          attribute(LIST.elements | NESTED, Buffer.concat(some)),
        ]),
      );
    }
    return messages;
  }

  #change(type: number, flags: number, parts: readonly Buffer[]): Buffer {
    return changeMessage(type, flags, this.#family, SEQUENCE, parts);
  }

  #ask(
    type: number,
    texts: readonly string[],
    each: (data: Buffer, message: NetlinkMessage) => void,
  ): void {
    const wanted = ++sequence;
    const question = dumpRequest(type, this.#family, wanted, texts);
    if (this.#socket.ask(question, wanted, each) !== 0) this.#isOurs = false;
  }
}

/** The attributes of these types, as they are. */
function copied(
  data: Buffer,
  { from, to }: Pick<NetlinkMessage, 'from' | 'to'>,
  types: ReadonlySet<number>,
): Buffer[] {
  const parts: Buffer[] = [];
  attributes(data, from, to, (type, at, end) => {
    // The header stands before the value, and the padding behind it.
    if (types.has(type)) parts.push(attribute(data.readUInt16LE(at - 2), data.subarray(at, end)));
  });
  return parts;
}

function nameIn(data: Buffer, { from, to }: NetlinkMessage, which: number): string {
  let name = '';
  attributes(data, from, to, (type, at, end) => {
    if (type === which) name = textAt(data, at, end);
  });
  return name;
}

function elementIn(data: Buffer, from: number, to: number) {
  let key: Buffer = Buffer.alloc(0);
  let isEnd = false;
  attributes(data, from, to, (type, at, end) => {
    // Nested: the value behind a header of its own.
    if (type === ELEMENT.key) key = Buffer.from(data.subarray(at + 4, end));
    else if (type === ELEMENT.flags) isEnd = (data.readUInt32BE(at) & 1) === 1;
  });
  const bytes = attribute(1 | NESTED, Buffer.concat(copied(data, { from, to }, ELEMENT.kept)));
  return { key, isEnd, bytes };
}
