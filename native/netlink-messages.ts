/**
 * Netlink messages and attributes (netlink(7), rtnetlink(3)) of nf_tables
 * (linux/netfilter/nf_tables.h), as bytes.
 */

export const NFPROTO = { inet: 1, bridge: 7 } as const;
/** nlmsghdr types of netlink itself (netlink(7)). */
export const CONTROL = { ERROR: 2, DONE: 3 } as const;
export type NetlinkFamily = keyof typeof NFPROTO;

const NFNL_SUBSYS_NFTABLES = 10;
const HEADER_BYTES = 16;
/** struct nlmsghdr and struct nfgenmsg: what stands before the attributes. */
const ATTRIBUTES_AT = 20;
const NLA_TYPE_MASK = 0x3fff;
export const NLM_F_DUMP_INTR = 0x10;
const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
/** What is made may be there: it stays as it is. */
export const NLM_F_CREATE = 0x400;
/** NLM_F_CREATE and NLM_F_APPEND: a rule behind those that are there. */
export const NLM_F_CREATE_LAST = 0xc00;
/** NLM_F_EXCL and NLM_F_CREATE: what is made must not be there. */
export const NLM_F_CREATE_NEW = 0x600;
const NLM_F_REQUEST_DUMP = 0x301;
/** Begin and end of a transaction (linux/netfilter/nfnetlink.h). */
const BATCH = { begin: 0x10, end: 0x11 } as const;
/** Attribute of the begin: the generation that the ruleset must still have. */
const BATCH_GENERATION = 1;

/** enum nf_tables_msg_types: new, get and delete follow one another. */
export const MESSAGE = {
  NEWTABLE: 0,
  GETTABLE: 1,
  DELTABLE: 2,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  DELCHAIN: 5,
  NEWRULE: 6,
  GETRULE: 7,
  DELRULE: 8,
  NEWSET: 9,
  GETSET: 10,
  DELSET: 11,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  DELSETELEM: 14,
  NEWGEN: 15,
  GETGEN: 16,
  NEWOBJ: 18,
  GETOBJ: 19,
  DELOBJ: 20,
} as const;

export interface NetlinkMessage {
  /**
   * One of MESSAGE, or -1 when it is not of nf_tables; `control` then says which of netlink's own
   * it is.
   */
  readonly type: number;
  /** 2: error or acknowledgement, 3: end of a dump. */
  readonly control: number;
  readonly flags: number;
  readonly sequence: number;
  /** Port id of the sender: the process id of the nft that did it, as a rule. */
  readonly port: number;
  readonly family: number;
  /** First byte after the headers and first byte after the message. */
  readonly from: number;
  readonly to: number;
}

/** The messages of one datagram. */
export function* messagesOf(data: Buffer): Generator<NetlinkMessage> {
  let at = 0;
  while (at + HEADER_BYTES <= data.length) {
    const length = data.readUInt32LE(at);
    if (length < HEADER_BYTES || at + length > data.length) return;
    const type = data.readUInt16LE(at + 4);
    const ours = type >> 8 === NFNL_SUBSYS_NFTABLES;
    yield {
      type: ours ? type & 0xff : -1,
      control: ours ? 0 : type,
      flags: data.readUInt16LE(at + 6),
      sequence: data.readUInt32LE(at + 8),
      port: data.readUInt32LE(at + 12),
      family: length > HEADER_BYTES ? data.readUInt8(at + HEADER_BYTES) : 0,
      from: at + (ours ? ATTRIBUTES_AT : HEADER_BYTES),
      to: at + length,
    };
    at += (length + 3) & ~3;
  }
}

/** Calls `each` with type and bounds of every attribute between `from` and `to`. */
export function attributes(
  data: Buffer,
  from: number,
  to: number,
  each: (type: number, from: number, to: number) => void,
): void {
  let at = from;
  while (at + 4 <= to) {
    const length = data.readUInt16LE(at);
    if (length < 4 || at + length > to) return;
    each(data.readUInt16LE(at + 2) & NLA_TYPE_MASK, at + 4, at + length);
    at += (length + 3) & ~3;
  }
}

/** A zero-terminated text. */
export function textAt(data: Buffer, from: number, to: number): string {
  return data.toString('latin1', from, to > from && data[to - 1] === 0 ? to - 1 : to);
}

/** Attribute 1, which is the table's name in every message of nf_tables. */
export function tableOf(data: Buffer, message: NetlinkMessage): string {
  let name = '';
  attributes(data, message.from, message.to, (type, from, to) => {
    if (type === 1 && name === '') name = textAt(data, from, to);
  });
  return name;
}

/** What an error or an acknowledgement says; 0 of the latter. */
export function errnoAt(data: Buffer, { from, to }: Pick<NetlinkMessage, 'from' | 'to'>): number {
  return to - from >= 4 ? -data.readInt32LE(from) : 0;
}

/** A request for a dump; texts are attributes 1, 2, ... in their order. */
export function dumpRequest(
  type: number,
  family: NetlinkFamily,
  sequence: number,
  texts: readonly string[],
): Buffer {
  return question(type, NLM_F_REQUEST_DUMP, family, sequence, texts);
}

/** A request for one object, with an acknowledgement behind it; texts as in a dump. */
export function objectRequest(
  type: number,
  family: NetlinkFamily,
  sequence: number,
  texts: readonly string[],
): Buffer {
  return question(type, NLM_F_REQUEST | NLM_F_ACK, family, sequence, texts);
}

function question(
  type: number,
  flags: number,
  family: NetlinkFamily,
  sequence: number,
  texts: readonly string[],
): Buffer {
  const parts = texts.map((text, index) => attribute(index + 1, nameBytes(text)));
  return message((NFNL_SUBSYS_NFTABLES << 8) | type, flags, NFPROTO[family], sequence, parts);
}

/** One change of nf_tables, to stand in a transaction. */
export function changeMessage(
  type: number,
  flags: number,
  family: NetlinkFamily,
  sequence: number,
  parts: readonly Buffer[],
): Buffer {
  return message(
    (NFNL_SUBSYS_NFTABLES << 8) | type,
    NLM_F_REQUEST | flags,
    NFPROTO[family],
    sequence,
    parts,
  );
}

/**
 * Changes of nf_tables as one transaction. `generation`: of the ruleset that they were made for;
 * the kernel refuses them with ERESTART when it has become another (nfnetlink.c,
 * nfnetlink_rcv_batch).
 */
export function transaction(
  sequence: number,
  changes: readonly Buffer[],
  generation?: number,
): Buffer {
  const bound = (which: number, parts: readonly Buffer[]) => {
    const bytes = message(which, NLM_F_REQUEST, 0, sequence, parts);
    // The subsystem stands in nfgenmsg's res_id, in network order.
    bytes.writeUInt16BE(NFNL_SUBSYS_NFTABLES, HEADER_BYTES + 2);
    return bytes;
  };
  const made = generation === undefined ? [] : [attribute(BATCH_GENERATION, bigEndian(generation))];
  return Buffer.concat([bound(BATCH.begin, made), ...changes, bound(BATCH.end, [])]);
}

/** A number of 32 bits as attributes have it. */
export function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A zero-terminated text as attributes have it. */
export function nameBytes(name: string): Buffer {
  return Buffer.from(`${name}\0`, 'latin1');
}

/** An attribute with its padding. */
export function attribute(type: number, value: Buffer): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3));
  bytes.writeUInt16LE(4 + value.length, 0);
  bytes.writeUInt16LE(type, 2);
  value.copy(bytes, 4);
  return bytes;
}

function message(
  type: number,
  flags: number,
  family: number,
  sequence: number,
  parts: readonly Buffer[],
): Buffer {
  const head = Buffer.alloc(ATTRIBUTES_AT);
  head.writeUInt32LE(ATTRIBUTES_AT + parts.reduce((sum, part) => sum + part.length, 0), 0);
  head.writeUInt16LE(type, 4);
  head.writeUInt16LE(flags, 6);
  head.writeUInt32LE(sequence, 8);
  head.writeUInt8(family, HEADER_BYTES);
  return Buffer.concat([head, ...parts]);
}
