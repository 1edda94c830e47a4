/** Answers on their way out: small ones whole, lists piece by piece, so that neither memory nor a turn grows with them. */
import type { ServerResponse } from 'node:http';
import { CONTROL_STALL_MS_MAX } from '../core/limits.js';

/** Characters that are sent before other work gets a turn. */
const PIECE_CHARS = 64 * 1024;

export function sendWhole(response: ServerResponse, status: number, body: unknown): void {
  sendText(response, `${JSON.stringify(body)}\n`, 'application/json', status);
}

/** A whole answer that need not be JSON. */
export function sendText(response: ServerResponse, text: string, contentType: string, status = 200): void {
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  });
  response.end(text);
}

/** Sends `before`, the items as JSON separated by commas, `after`. A client that stalls is cut off. */
export async function sendList(
  response: ServerResponse,
  before: string,
  items: Iterable<unknown>,
  after: string,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
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
