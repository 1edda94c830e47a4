/**
 * Answers on their way out: small ones whole, lists piece by piece, events as they happen. Neither
 * memory nor a turn grows with them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { BanjourEvent } from '../core/decision.js';
import { CONTROL_STREAM_BACKLOG_BYTES_MAX } from '../core/service-limits.js';
import { CONTROL_STALL_MS_MAX } from '../core/timeouts.js';
import type { EventFeed } from './endpoints.js';
import type { StreamEvent } from './protocol.js';

/** Characters that are sent before other work gets a turn. */
const PIECE_CHARS = 64 * 1024;

export function sendWhole(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, `${JSON.stringify(body)}\n`, 'application/json', status);
}

/** A whole answer that need not be JSON. */
export function sendText(
  response: ServerResponse,
  text: string,
  contentType: string,
  status = 200,
): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

/**
 * Sends an answer as JSON: whole, but a list that is made while it is read (the answer itself, or
 * its last field) piece by piece.
 */
export async function sendAnswer(response: ServerResponse, answer: unknown): Promise<void> {
  if (isMadeWhileRead(answer)) return sendList(response, '[', answer, ']');
  const fields = Object.entries(answer as Readonly<Record<string, unknown>>);
  const [name, last] = fields.at(-1) ?? ['', undefined];
  if (!isMadeWhileRead(last)) return sendWhole(response, 200, answer);
  const before = JSON.stringify(Object.fromEntries(fields.slice(0, -1))).slice(0, -1);
  const comma = fields.length > 1 ? ',' : '';
  return sendList(response, `${before}${comma}${JSON.stringify(name)}:[`, last, ']}');
}

function isMadeWhileRead(value: unknown): value is Iterable<unknown> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && Symbol.iterator in value
  );
}

/**
 * Sends `before`, the items as JSON separated by commas, `after`. A client that stalls is cut off.
 */
async function sendList(
  response: ServerResponse,
  before: string,
  items: Iterable<unknown>,
  after: string,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  let piece = before;
  let first = true;
  for (const item of items) {
    piece += first ? JSON.stringify(item) : `,${JSON.stringify(item)}`;
    first = false;
    if (piece.length < PIECE_CHARS) continue;
    if (!(await sendPiece(response, piece))) return;
    piece = '';
  }
  response.end(`${piece}${after}\n`);
}

/** False when the client is gone. */
async function sendPiece(response: ServerResponse, piece: string): Promise<boolean> {
  if (response.destroyed) return false;
  if (response.write(piece)) {
    await new Promise(setImmediate);
    return !response.destroyed;
  }
  return new Promise((resolve) => {
    const done = (alive: boolean) => {
      clearTimeout(timer);
      response.off('drain', drained);
      response.off('close', closed);
      resolve(alive);
    };
    const drained = () => done(true);
    const closed = () => done(false);
    const timer = setTimeout(() => {
      response.destroy();
      done(false);
    }, CONTROL_STALL_MS_MAX);
    response.once('drain', drained);
    response.once('close', closed);
  });
}

// The event stream: server-sent events, one client each. A client that does not read is cut off,
// never waited for.

/** A comment line is sent this often, so that both sides notice a dead connection, ms. */
const HEARTBEAT_MS = 15_000;

/** Sends what was missed, then every event as it happens; only these kinds, or all. */
export function streamEvents(
  request: IncomingMessage,
  response: ServerResponse,
  { kept, subscribe }: EventFeed,
  kinds: readonly BanjourEvent[] | undefined,
): void {
  const only = kinds && new Set(kinds);
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(': banjour events, version 1\n\n');
  const send = (text: string) => {
    if (response.writableLength > CONTROL_STREAM_BACKLOG_BYTES_MAX) response.destroy();
    else response.write(text);
  };
  const { missed, gap } = kept();
  if (gap) send('event: gap\ndata: {"reason":"older events are no longer kept"}\n\n');
  // What is kept is bounded, and so may be sent whole before the reader has taken any of it.
  const wanted = only === undefined ? missed : missed.filter(({ event }) => only.has(event));
  if (wanted.length > 0) response.write(wanted.map(formatEvent).join(''));
  const stop = subscribe((event) => {
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
