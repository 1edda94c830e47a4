/**
 * whois (RFC 3912): a question is one line on TCP port 43, the answer everything until the server
 * closes. IANA's server refers to the registry that an address belongs to. With a deadline over all
 * hops, a cache by network, and no answer (rather than a late one) when anything goes wrong. An
 * answer is a stranger's text.
 */

import { connect } from 'node:net';
import { type Address, formatPrefix, prefixOf } from '../core/address.js';
import { inBackground } from '../core/background.js';
import {
  WHOIS_ANSWER_BYTES_MAX,
  WHOIS_CACHE_MAX,
  WHOIS_HOPS_MAX,
  WHOIS_LINE_CHARS_MAX,
  WHOIS_LINES_MAX,
} from '../core/service-limits.js';
import { escapeUntrusted } from '../core/text.js';
import { WHOIS_CACHE_MS, WHOIS_DEADLINE_MS } from '../core/timeouts.js';
import { runProgram } from './program.js';

const PORT = 43;
/**
 * Networks that one answer serves: no registry gives out less to one customer without saying so in
 * the same object.
 */
const CACHE_LENGTH = { 4: 24, 6: 48 } as const;
/** Registries and their like; a referral to anything else is not followed. */
const SERVER = /^r?whois\.[a-z0-9-]+(?:\.[a-z0-9-]+){1,3}$/i;

interface WhoisServer {
  readonly host: string;
  readonly port: number;
}

export interface WhoisOptions {
  /** Asked first; IANA's when absent. */
  readonly server?: WhoisServer;
  /** A program to ask instead, given the address as its last argument, e.g. `/usr/bin/whois`. */
  readonly program?: string;
  readonly deadlineMs?: number;
  /** Where a referral leads; tests have servers on other ports. */
  readonly referral?: (host: string) => WhoisServer | undefined;
  readonly now?: () => number;
  /** Called when there is no answer, with a short reason. */
  readonly failed?: (reason: string) => void;
}

export class Whois {
  readonly #options: WhoisOptions;
  readonly #now: () => number;
  readonly #cache = new Map<
    string,
    { readonly answer: Promise<string | undefined>; readonly until: number }
  >();

  constructor(options: WhoisOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /**
   * What is known of the address, safe to show; undefined without an answer in time. Never throws.
   */
  ask(address: Address): Promise<string | undefined> {
    if (isPrivate(address)) return Promise.resolve(undefined);
    const key = formatPrefix(prefixOf(address, CACHE_LENGTH[address.family]));
    const known = this.#cache.get(key);
    if (known !== undefined && known.until > this.#now()) return known.answer;
    const answer = this.#answer(address);
    this.#cache.delete(key);
    this.#cache.set(key, { answer, until: this.#now() + WHOIS_CACHE_MS });
    for (const oldest of this.#cache.keys()) {
      if (this.#cache.size <= WHOIS_CACHE_MAX) break;
      this.#cache.delete(oldest);
    }
    // No answer is not remembered.
    inBackground(
      answer.then((text) => {
        if (text === undefined && this.#cache.get(key)?.answer === answer) this.#cache.delete(key);
      }),
    );
    return answer;
  }

  async #answer(address: Address): Promise<string | undefined> {
    const { program, failed, deadlineMs = WHOIS_DEADLINE_MS } = this.#options;
    try {
      const signal = AbortSignal.timeout(deadlineMs);
      const text =
        program === undefined
          ? await this.#follow(address, signal)
          : await asked(program, address, deadlineMs);
      return tidy(text);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      failed?.(
        typeof code === 'string' ? code : error instanceof Error ? error.message : 'no answer',
      );
      return undefined;
    }
  }

  /** From the root to the registry; the last answer that came counts. */
  async #follow(address: Address, signal: AbortSignal): Promise<string> {
    const { server = { host: 'whois.iana.org', port: PORT }, referral = registry } = this.#options;
    let next: WhoisServer | undefined = server;
    let text = '';
    const seen = new Set<string>();
    for (let hop = 0; hop < WHOIS_HOPS_MAX && next !== undefined; hop++) {
      seen.add(`${next.host}:${next.port}`);
      try {
        text = await question(next, queryFor(next.host, address), signal);
      } catch (error) {
        if (text === '') throw error;
        return text;
      }
      const host = /^(?:refer|whois|ReferralServer):[ \t]*(?:r?whois:\/\/)?([\w.-]+)/im.exec(
        text,
      )?.[1];
      const found: WhoisServer | undefined = host === undefined ? undefined : referral(host);
      next = found === undefined || seen.has(`${found.host}:${found.port}`) ? undefined : found;
    }
    return text;
  }
}

function registry(host: string): WhoisServer | undefined {
  return SERVER.test(host) ? { host, port: PORT } : undefined;
}

/**
 * ARIN lists every network that holds the address unless asked for the smallest with all its data.
 */
function queryFor(host: string, { text }: Address): string {
  return host === 'whois.arin.net' ? `n + ${text}` : text;
}

function question(
  { host, port }: WhoisServer,
  query: string,
  signal: AbortSignal,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const socket = connect({ host, port });
    const end = (error?: Error) => {
      signal.removeEventListener('abort', abort);
      socket.destroy();
      if (error === undefined)
        resolve(Buffer.concat(chunks).subarray(0, WHOIS_ANSWER_BYTES_MAX).toString('utf8'));
      else reject(error);
    };
    const abort = () => end(new Error(`${host} did not answer in time`));
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    socket.once('error', end);
    socket.once('close', () => end());
    socket.once('connect', () => socket.write(`${query}\r\n`));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > WHOIS_ANSWER_BYTES_MAX) end();
    });
  });
}

/**
 * `--` before the address: it is canonical text that begins with a digit, a letter or a colon,
 * never with a dash.
 */
async function asked(program: string, address: Address, deadlineMs: number): Promise<string> {
  const { status, output } = await runProgram([program, '--', address.text], { deadlineMs });
  if (output.trim() === '')
    throw new Error(`${program} ended with status ${status} and said nothing`);
  return output;
}

/** Lines of an answer without comments, safe to show. Undefined when nothing is left. */
function tidy(text: string): string | undefined {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.trimEnd())
    .filter(
      (line, index, all) => !/^[%#]/.test(line) && (line !== '' || (all[index - 1] ?? '') !== ''),
    )
    .map((line) => escapeUntrusted(line.replaceAll('\t', ' '), WHOIS_LINE_CHARS_MAX));
  while (lines[0] === '') lines.shift();
  if (lines.length === 0) return undefined;
  if (lines.length > WHOIS_LINES_MAX)
    lines.splice(WHOIS_LINES_MAX, Number.POSITIVE_INFINITY, '(more is left out)');
  return lines.join('\n').trimEnd();
}

/** No registry knows these (RFC 1918, 6598, 5735, 4193, 4291). */
function isPrivate({ family, text }: Address): boolean {
  return family === 4
    ? /^(?:0|10|127|169\.254|192\.168|172\.(?:1[6-9]|2\d|3[01])|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\./.test(
        text,
      )
    : /^(?:::1?$|f[cd]|fe[89ab])/i.test(text);
}
