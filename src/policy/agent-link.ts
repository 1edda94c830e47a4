/**
 * The way to the agent: facts within a deadline or not at all, and reports in batches. An agent
 * that is away, slow or mute costs a login at most that deadline, and soon nothing.
 */
import { Agent, request } from 'node:http';
import type { PolicyFacts } from '../control/policy-views.js';
import { API_VERSION } from '../control/protocol.js';
import { inBackground } from '../core/background.js';
import {
  POLICY_BODY_BYTES_MAX,
  POLICY_QUEUE_MAX,
  POLICY_REPORTS_MAX,
} from '../core/service-limits.js';
import { POLICY_ANSWER_MS_MAX } from '../core/timeouts.js';
import type { AgentReport, PolicyRequest } from './request.js';

/** Connections to the agent that are kept. */
const CONNECTIONS = 4;
/** So many questions in a row without an answer, and the agent is left alone for a while. */
const TRIES = 3;
/** Pause after these, ms. */
const REST_MS = 1_000;
/** Reports are gathered for so long, ms: their lines come later, or are counted instead. */
const BATCH_MS = 25;
/** Time for the agent to take a batch of reports, ms. */
const REPORTS_MS = 2_000;

export class AgentLink {
  readonly #socket: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  readonly #lost: (reports: number) => void;
  #queue: AgentReport[] = [];
  #timer: NodeJS.Timeout | undefined;
  /** The batches under way: one after the other, or they took every connection of a slow agent. */
  #flushed: Promise<void> | undefined;
  #failures = 0;
  #restUntil = 0;

  /** `socket`: policy.sock. `lost`: so many reports did not reach the agent; their lines will. */
  constructor(socket: string, lost: (reports: number) => void) {
    this.#socket = socket;
    this.#lost = lost;
  }

  /** The agent answered last time. */
  get isAnswering(): boolean {
    return this.#failures === 0;
  }

  /** What the agent knows of a login; undefined when it does not say so in time. */
  async facts({
    address,
    user,
    protocol,
    pwhash,
  }: PolicyRequest): Promise<PolicyFacts | undefined> {
    if (performance.now() < this.#restUntil) return undefined;
    try {
      const facts = await this.#post(
        '/policy/login',
        { address, user, protocol, pwhash },
        POLICY_ANSWER_MS_MAX,
      );
      this.#failures = 0;
      return facts as PolicyFacts;
    } catch {
      this.#failures++;
      if (this.#failures >= TRIES) this.#restUntil = performance.now() + REST_MS;
      return undefined;
    }
  }

  /** Tells the agent, with others and a moment later; nobody waits for it. */
  report(report: AgentReport): void {
    this.#queue.push(report);
    if (this.#queue.length > POLICY_QUEUE_MAX) {
      this.#queue.shift();
      this.#lost(1);
    }
    if (this.#flushed !== undefined) return;
    this.#timer ??= setTimeout(() => inBackground(this.#flush()), BATCH_MS);
  }

  /** Sends what waits and lets go of the connections. Never throws. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#flush();
    this.#agent.destroy();
  }

  /** What cannot be told now is not told later: the log has a line of the same failures. */
  #flush(): Promise<void> {
    this.#timer = undefined;
    if (this.#queue.length > 0) this.#flushed ??= this.#sendAll();
    return this.#flushed ?? Promise.resolve();
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const reports = this.#queue.splice(0, POLICY_REPORTS_MAX);
      try {
        await this.#post('/policy/reports', { reports }, REPORTS_MS);
      } catch {
        this.#lost(reports.length);
      }
    }
    this.#flushed = undefined;
  }

  /** Posts; once more where a kept connection was closed by the agent meanwhile. */
  async #post(path: string, body: unknown, milliseconds: number): Promise<unknown> {
    const until = performance.now() + milliseconds;
    try {
      return await this.#try(path, body, until);
    } catch (error) {
      if (!(error instanceof StaleConnection)) throw error;
      return this.#try(path, body, until);
    }
  }

  #try(path: string, body: unknown, until: number): Promise<unknown> {
    const text = JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const error = new Error('no answer in time');
        // A call that still waits for a connection does not say that it was destroyed.
        reject(error);
        call.destroy(error);
      }, until - performance.now());
      const call = request(
        {
          socketPath: this.#socket,
          method: 'POST',
          path: `/v${API_VERSION}${path}`,
          agent: this.#agent,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(text),
          },
        },
        (response) => {
          let answer = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            answer += chunk;
            if (answer.length > POLICY_BODY_BYTES_MAX) call.destroy(new Error('no such agent'));
          });
          response.once('error', reject);
          response.once('end', () => {
            clearTimeout(timer);
            try {
              if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
              resolve(JSON.parse(answer));
            } catch (error) {
              reject(error);
            }
          });
        },
      );
      call.once('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(call.reusedSocket && error.code === 'ECONNRESET' ? new StaleConnection() : error);
      });
      call.end(text);
    });
  }
}

/** The agent had closed a connection that was kept. */
class StaleConnection extends Error {}
