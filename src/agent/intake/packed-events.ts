/**
 * Messages with events as they go from thread to thread: one list of plain values for all events
 * of a batch. As objects each would be written and read with the names of its properties.
 */
import type { Address } from '../../core/address.js';
import type { FailureCause, FilterEvent } from '../../core/decision.js';
import { cursor, type JailName } from '../../core/names.js';
import type { EpochMicros } from '../../core/time.js';
import type { FromIntake } from './protocol.js';

type Value = string | number | undefined;

/** `VALUES` of each event, one event behind the other. */
type PackedEvents = readonly Value[];

type WithEvents = Extract<FromIntake, { readonly warm: unknown }>;
type PackedMessage<T> = T extends WithEvents
  ? Omit<T, 'warm' | 'events'> & { readonly warm: PackedEvents; readonly events: PackedEvents }
  : T;

/** A message of the intake as it is posted. */
export type PackedFromIntake = PackedMessage<FromIntake>;

const VALUES = 12;
/** Bits of the first value. */
const SUCCESS = 1;
const IPV6 = 2;
const REFUSED = 4;

type Packed =
  | ('kind' | 'jail' | 'address' | 'count' | 'time' | 'cursor' | 'regex')
  | ('user' | 'cause' | 'digest' | 'host' | 'session' | 'isRefused');
/** Does not compile while an event has a property that is not packed. */
type WholeEvent = Exclude<keyof FilterEvent, Packed> extends never ? FilterEvent : never;

export function packMessage(message: FromIntake): PackedFromIntake {
  if (message.type !== 'batch' && message.type !== 'edge') return message;
  const { warm, events } = message;
  return { ...message, warm: packEvents(warm), events: packEvents(events) };
}

export function unpackMessage(message: PackedFromIntake): FromIntake {
  if (message.type !== 'batch' && message.type !== 'edge') return message;
  const { warm, events } = message;
  return { ...message, warm: unpackEvents(warm), events: unpackEvents(events) };
}

function packEvents(events: readonly WholeEvent[]): PackedEvents {
  const values: Value[] = [];
  for (const event of events) {
    const { kind, address, isRefused } = event;
    values.push(
      (kind === 'success' ? SUCCESS : 0) |
        (address.family === 6 ? IPV6 : 0) |
        (isRefused === true ? REFUSED : 0),
      event.jail,
      address.text,
      event.count,
      event.time,
      event.cursor,
      event.regex,
      event.user,
      event.cause,
      event.digest,
      event.host,
      event.session,
    );
  }
  return values;
}

function unpackEvents(values: PackedEvents): FilterEvent[] {
  const events: FilterEvent[] = [];
  for (let at = 0; at < values.length; at += VALUES) {
    const bits = values[at] as number;
    const event: { -readonly [key in keyof FilterEvent]: FilterEvent[key] } = {
      kind: (bits & SUCCESS) === 0 ? 'failure' : 'success',
      jail: values[at + 1] as JailName,
      address: { family: (bits & IPV6) === 0 ? 4 : 6, text: values[at + 2] as string } as Address,
      count: values[at + 3] as number,
      time: values[at + 4] as EpochMicros,
      cursor: cursor(values[at + 5] as string),
      regex: values[at + 6] as number,
    };
    const [user, cause, digest, host, session] = values.slice(at + 7, at + VALUES) as string[];
    if (user !== undefined) event.user = user;
    if (cause !== undefined) event.cause = cause as FailureCause;
    if (digest !== undefined) event.digest = digest;
    if (host !== undefined) event.host = host;
    if (session !== undefined) event.session = session;
    if ((bits & REFUSED) !== 0) event.isRefused = true;
    events.push(event);
  }
  return events;
}
