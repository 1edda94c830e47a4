/** A line-wise conversation over TCP from a given source address. */
import { connect, isIPv6, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { SERVER } from '../mailhost.js';
import type { Job } from './job.js';

/** No connection comes about. */
export class Blocked extends Error {}

/** The connection stood, and then nothing came any more. */
export class Cut extends Error {}

/** Longest line that a server may send, characters. */
const LINE_CHARS_MAX = 65_536;

export class Dialogue {
  #text = '';
  #waiting: (() => void) | undefined;
  #closed: Error | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly readMs: number,
  ) {
    socket.setEncoding('utf8');
    socket.on('data', (chunk) => {
      this.#text = (this.#text + chunk).slice(-LINE_CHARS_MAX);
      this.#waiting?.();
    });
    const close = (error?: Error) => {
      this.#closed ??= error ?? new Error('disconnected');
      this.#waiting?.();
    };
    socket.on('error', close);
    socket.on('close', () => close());
  }

  /** Connects from the job's source address; throws `Blocked` when that does not come about. */
  static async open(job: Job, port: number, tls = false): Promise<Dialogue> {
    const host = SERVER[isIPv6(job.from) ? 6 : 4];
    const plain = connect({ host, port, localAddress: job.from });
    await settled(plain, 'connect', job.connectMs ?? 1_500);
    plain.setNoDelay(true);
    if (!tls) return new Dialogue(plain, job.readMs ?? 30_000);
    const secure = connectTls({ socket: plain, rejectUnauthorized: false });
    await settled(secure, 'secureConnect', job.readMs ?? 30_000);
    return new Dialogue(secure, job.readMs ?? 30_000);
  }

  /** The next line without its end. Throws `Cut` when nothing comes in time. */
  async line(): Promise<string> {
    const deadline = performance.now() + this.readMs;
    for (;;) {
      const end = this.#text.indexOf('\n');
      if (end >= 0) {
        const line = this.#text.slice(0, end).replace(/\r$/, '');
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      if (this.#closed !== undefined) throw this.#closed;
      const left = deadline - performance.now();
      if (left <= 0) throw new Cut('stalled');
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#waiting = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  send(line: string): void {
    if (this.#closed === undefined) this.socket.write(`${line}\r\n`);
  }

  /** Says goodbye and closes; waits for the server's side so that its log line is written. */
  async close(goodbye?: string): Promise<void> {
    if (goodbye !== undefined && this.#closed === undefined) {
      this.send(goodbye);
      try {
        await this.line();
      } catch {
        // Whoever is cut off gets no farewell.
      }
    }
    this.socket.destroy();
  }
}

function settled(socket: Socket, event: string, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      clearTimeout(timer);
      socket.destroy();
      reject(new Blocked(reason));
    };
    const timer = setTimeout(() => fail('timed out'), ms);
    socket.once('error', (error) => fail((error as NodeJS.ErrnoException).code ?? error.message));
    socket.once(event, () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve();
    });
  });
}
