/** The event stream: server-sent events, one client each. A client that does not read is cut off, never waited for. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BanjourEvent } from '../core/decision.js';
import { CONTROL_STREAM_BACKLOG_BYTES_MAX } from '../core/limits.js';
import type { Operations, StreamEvent } from './protocol.js';

/** A comment line is sent this often, so that both sides notice a dead connection, ms. */
const HEARTBEAT_MS = 15_000;

/** What a client wants of the stream. */
export interface StreamWish {
  /** Kept events after this id first. */
  readonly since?: number;
  /** Only these; all when absent. */
  readonly only?: ReadonlySet<BanjourEvent>;
}

/** Sends what was kept after `since`, then every event as it happens. */
export function streamEvents(
  request: IncomingMessage,
  response: ServerResponse,
  operations: Operations,
  { since, only }: StreamWish,
): void {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': banjour events, version 1\n\n');
  const send = (text: string) => {
    if (response.writableLength > CONTROL_STREAM_BACKLOG_BYTES_MAX) response.destroy();
    else response.write(text);
  };
  const { missed, gap } = operations.eventsSince(since);
  if (gap) send('event: gap\ndata: {"reason":"older events are no longer kept"}\n\n');
  // What is kept is bounded, and so may be sent whole before the reader has taken any of it.
  const wanted = only === undefined ? missed : missed.filter(({ event }) => only.has(event));
  if (wanted.length > 0) response.write(wanted.map(formatEvent).join(''));
  const stop = operations.subscribe((event) => {
    if (only === undefined || only.has(event.event)) send(formatEvent(event));
  });
  const heartbeat = setInterval(() => send(': still here\n\n'), HEARTBEAT_MS);
  heartbeat.unref();
  const end = () => {
    stop();
    clearInterval(heartbeat);
  };
  request.once('close', end);
  response.once('close', end);
  response.once('error', end);
}

/** `JSON.stringify` escapes every line break, so an event is always one `data:` line. */
function formatEvent(event: StreamEvent): string {
  return `id: ${event.id}\nevent: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`;
}
