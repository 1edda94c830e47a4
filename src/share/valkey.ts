/**
 * Valkey or Redis as engine. A stream tells what happens, in order; a sorted set beside it holds
 * what is in force, for hosts that come later, by its end. Both are written in one transaction. The
 * stream is trimmed to `SHARE_STREAM_ENTRIES_MAX`; ends are counted by the server's clock.
 *
 *     banjour       stream of  host, by, jail, target, ttl (ms; `inf` for good) or lift=1
 *     banjour:held  sorted set of "host|by|jail|target", scored by its end
 *
 * `by` is the installation, which tells hosts of one name apart.
 */
import { parsePrefix } from '../core/address.js';
import { within } from '../core/background.js';
import { messageOf, OperatorError } from '../core/errors.js';
import { isHostName, jailName } from '../core/names.js';
import { SHARE_LIFTS_MAX, SHARE_STREAM_ENTRIES_MAX } from '../core/service-limits.js';
import { SHARE_ANSWER_MS_MAX } from '../core/timeouts.js';
import { ServerClock } from './clock.js';
import {
  type EngineNews,
  type EngineOptions,
  type GoneDecision,
  isInstallation,
  ownKey,
  type ShareChange,
  type SharedDecision,
  type ShareEngine,
  tlsHint,
} from './engine.js';
import { TooLargeError } from './reply-guard.js';
import { type ValkeyAccess, ValkeyClient } from './valkey-client.js';
import {
  entriesOf,
  isAfter,
  isPosition,
  listOf,
  type Reply,
  type StreamEntry,
  textOf,
} from './valkey-words.js';

export interface ValkeyOptions extends EngineOptions, ValkeyAccess {
  /** Key of the stream; the set's name begins with it. */
  readonly stream: string;
}

/** The reader waits so long for an entry before it looks round, ms. */
const BLOCK_MS = 1_000;
/** Entries of one answer. */
const READ_ENTRIES = 1_000;
/** Bans of one page of a listing. */
const LISTED_ROWS = 1_000;
const SCHEMES = { plain: 'valkey', tls: 'valkeys' };
/** After this id nobody can add an entry. */
const LAST = '18446744073709551615-18446744073709551615';
/** Before the first entry of any stream. */
const START = '0-0';

export class ValkeyEngine implements ShareEngine {
  readonly where: string;
  readonly #options: ValkeyOptions;
  readonly #now: () => number;
  readonly #clock: ServerClock;
  readonly #writer: ValkeyClient;
  readonly #reader: ValkeyClient;
  readonly #held: string;
  #mustList = true;

  constructor(options: ValkeyOptions) {
    const { address, port, isTls, stream } = options;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#clock = new ServerClock(this.#now);
    const host = address.includes(':') ? `[${address}]` : address;
    this.where = `${isTls ? 'valkeys' : 'valkey'}://${host}:${port}`;
    this.#held = `${stream}:held`;
    this.#writer = new ValkeyClient(options);
    this.#reader = new ValkeyClient(options);
  }

  async open(): Promise<void> {
    try {
      await this.#answered(Promise.all([this.#writer.connect(), this.#reader.connect()]));
      await this.heartbeat();
    } catch (error) {
      // A server with TLS hangs up on whoever has none; one without takes TLS for half a command.
      const text = messageOf(error);
      const { hint } = error as OperatorError;
      if (hint !== undefined || !/no answer in time|ECONNRESET|closed/.test(text)) throw error;
      throw new OperatorError(text, {
        hint: `look whether that port speaks TLS: if so, url of [share] begins with ${SCHEMES.tls}://, else with ${SCHEMES.plain}://`,
        cause: error,
      });
    }
  }

  listAgain(): void {
    this.#mustList = true;
  }

  async run(
    since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let position = since !== undefined && isPosition(since) ? since : undefined;
    while (!signal.aborted) {
      if (this.#mustList) {
        this.#mustList = false;
        position = await this.#list(position, take);
      }
      const entries = await this.#read(position ?? START);
      if (entries.length === 0) {
        if (await this.#isBegunAnew(position ?? START)) this.#mustList = true;
        continue;
      }
      position = entries.at(-1)?.id ?? position;
      await take({ ...this.#newsOf(entries), ...(position === undefined ? {} : { position }) });
    }
  }

  async publish(changes: readonly ShareChange[]): Promise<void> {
    const { host, installation, stream } = this.#options;
    const now = this.#now();
    const trim = ['MAXLEN', '~', String(SHARE_STREAM_ENTRIES_MAX)];
    const commands: string[][] = [];
    for (const change of changes) {
      const { jail, target } = change;
      const member = memberOf({ host, by: installation, jail, target });
      const words = ['host', host, 'by', installation, 'jail', jail, 'target', target];
      if (change.kind === 'lift') {
        commands.push(['XADD', stream, ...trim, '*', ...words, 'lift', '1']);
        commands.push(['ZREM', this.#held, member]);
        continue;
      }
      const ttl = Math.round(change.until - now);
      if (ttl <= 0) continue;
      commands.push(['XADD', stream, ...trim, '*', ...words, 'ttl', numberText(ttl)]);
      const end = this.#clock.toServer(change.until);
      commands.push(['ZADD', this.#held, numberText(end), member]);
    }
    if (commands.length > 0) await this.#answered(this.#writer.transact(commands));
  }

  /** Learns the server's clock and takes away what is over. */
  async heartbeat(): Promise<void> {
    const asked = performance.now();
    const [seconds, micros] = listOf(await this.#ask('TIME')).map(Number);
    this.#clock.hear((seconds ?? Number.NaN) * 1_000 + (micros ?? 0) / 1_000, asked);
    await this.#ask('ZREMRANGEBYSCORE', this.#held, '-inf', numberText(this.#clock.now()));
  }

  async close(): Promise<void> {
    this.#reader.destroy();
    this.#writer.destroy();
  }

  /** All that is in force, and what was lifted since a position; resolves where to read on. */
  async #list(
    since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
  ): Promise<string> {
    await this.heartbeat();
    const end = await this.#newest();
    let cursor = '0';
    do {
      const page = listOf(
        await this.#ask('ZSCAN', this.#held, cursor, 'COUNT', String(LISTED_ROWS)),
      );
      cursor = textOf(page[0]);
      await take({ ...this.#heldNews(listOf(page[1])), listing: 'part' });
    } while (cursor !== '0');
    const gone = since === undefined ? [] : await this.#liftedBetween(since, end);
    await take({ listing: 'end', put: [], gone, own: new Map(), passedOver: 0, position: end });
    return end;
  }

  /** Id of the newest entry. */
  async #newest(): Promise<string> {
    const newest = await this.#ask('XREVRANGE', this.#options.stream, '+', '-', 'COUNT', '1');
    return entriesOf(newest)[0]?.id ?? START;
  }

  /**
   * A position ahead of the server's clock was somebody's own choice, or the clock went back. When
   * the stream is deleted and begins anew, its entries lie before it and would never be read.
   * Rejects while the stream can have no other entry: what is in force is listed again and again.
   */
  async #isBegunAnew(position: string): Promise<boolean> {
    if (timeOf(position) <= this.#clock.now()) return false;
    const newest = await this.#newest();
    if (newest === LAST)
      throw this.#explained(new Error('the stream has exhausted the last possible ID'));
    return isAfter(position, newest);
  }

  /** What was taken back while nobody listened, as far as the stream still knows. */
  async #liftedBetween(since: string, end: string): Promise<GoneDecision[]> {
    const gone = new Map<string, GoneDecision>();
    // One that begins anew is read from its beginning.
    let from = isAfter(since, end) ? START : since;
    // No longer than hosts let it become; who has the password can.
    for (let read = 0; isAfter(end, from) && read < SHARE_STREAM_ENTRIES_MAX; ) {
      const range = [`(${from}`, end, 'COUNT', String(READ_ENTRIES)];
      const entries = entriesOf(await this.#ask('XRANGE', this.#options.stream, ...range));
      for (const one of this.#newsOf(entries).gone) {
        gone.set(one.key, one);
        if (gone.size === SHARE_LIFTS_MAX) return [...gone.values()];
      }
      read += READ_ENTRIES;
      from = entries.length < READ_ENTRIES ? end : (entries.at(-1)?.id ?? end);
    }
    return [...gone.values()];
  }

  async #read(from: string): Promise<readonly StreamEntry[]> {
    const limits = ['COUNT', String(READ_ENTRIES), 'BLOCK', String(BLOCK_MS)];
    const answer = await this.#answered(
      this.#reader.ask(['XREAD', ...limits, 'STREAMS', this.#options.stream, from]),
    );
    return entriesOf(listOf(listOf(answer)[0])[1]);
  }

  #newsOf(entries: readonly StreamEntry[]): EngineNews {
    // The last word about a key counts: the agent hears of one change, not of its history.
    const put = new Map<string, SharedDecision>();
    const gone = new Map<string, GoneDecision>();
    const own = new Map<string, number>();
    let passedOver = 0;
    for (const { id, fields } of entries) {
      const word = (name: string) => fields.get(name) ?? '';
      const who = {
        ...{ host: word('host'), by: word('by') },
        ...{ jail: word('jail'), target: word('target') },
      };
      const key = memberOf(who);
      // Nothing was added later than now, whatever its id says.
      const end = Math.min(timeOf(id), this.#clock.now()) + ttlOf(word('ttl'));
      const until = this.#clock.fromServer(end);
      if (!isSound(who)) passedOver++;
      else if (this.#isOwn(who)) own.set(ownKey(who.jail, who.target), until);
      else if (fields.has('lift')) {
        put.delete(key);
        gone.set(key, { key, target: who.target, origin: 'banjour' });
      } else if (Number.isNaN(end)) passedOver++;
      else {
        gone.delete(key);
        put.set(key, decisionOf(who, until));
      }
    }
    return { put: [...put.values()], gone: [...gone.values()], own, passedOver };
  }

  /** Of members and their scores, in turn. */
  #heldNews(members: readonly Reply[]): EngineNews {
    const put: SharedDecision[] = [];
    const own = new Map<string, number>();
    let passedOver = 0;
    for (let at = 0; at + 1 < members.length; at += 2) {
      const [host = '', by = '', jail = '', target = '', more] = textOf(members[at]).split('|');
      const who = { host, by, jail, target };
      const until = this.#clock.fromServer(scoreOf(textOf(members[at + 1])));
      if (more !== undefined || Number.isNaN(until) || !isSound(who)) passedOver++;
      else if (this.#isOwn(who)) own.set(ownKey(jail, target), until);
      else put.push(decisionOf(who, until));
    }
    return { put, gone: [], own, passedOver };
  }

  #isOwn({ host, by }: Who): boolean {
    return host === this.#options.host && by === this.#options.installation;
  }

  #ask(...command: readonly string[]): Promise<Reply> {
    return this.#answered(this.#writer.ask(command));
  }

  /** An answer within the time that one may take; a cut network says nothing for long. */
  async #answered<T>(answer: Promise<T>): Promise<T> {
    try {
      return await within(answer, SHARE_ANSWER_MS_MAX, () => new Error('no answer in time'));
    } catch (error) {
      throw this.#explained(error);
    }
  }

  /** What went wrong, with the remedy where there is one. Never the password. */
  #explained(error: unknown): Error {
    if (error instanceof OperatorError) return error;
    const text = messageOf(error);
    const { password } = this.#options;
    const said = password === undefined ? text : text.replaceAll(password, '(hidden)');
    const hint = this.#remedy(error, text);
    return new OperatorError(`${this.where}: ${said}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }

  #remedy(error: unknown, text: string): string | undefined {
    const { user = 'default', stream, database } = this.#options;
    if (/^(?:WRONGPASS|NOAUTH)/.test(text))
      return 'look at user and password-file of [share], and at the ACL user on the server';
    if (/^NOPERM/.test(text))
      return `the ACL user ${user} may do too little: docs/share.md has the line for it`;
    if (/^DENIED/.test(text))
      return 'the server takes nobody from other hosts while it has no requirepass (docs/share.md)';
    // In both cases somebody put it there on purpose. To delete it loses nothing: hosts tell anew.
    const del = `on the server: valkey-cli -n ${database} DEL ${stream}`;
    const lock = 'then give its user a new password: whoever has the old one did this';
    if (/exhausted the last possible ID/.test(text))
      return `somebody added an entry with the last id that there is; ${del} (redis-cli with Redis); ${lock}`;
    if (error instanceof TooLargeError)
      return `somebody put something very large there; ${del} ${this.#held} (redis-cli with Redis); ${lock}`;
    return tlsHint(error, SCHEMES);
  }
}

/** Who decided what. */
interface Who {
  readonly host: string;
  /** The installation. */
  readonly by: string;
  readonly jail: string;
  readonly target: string;
}

function ttlOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

function scoreOf(text: string): number {
  if (text === 'inf') return Number.POSITIVE_INFINITY;
  return text === '' ? Number.NaN : Number(text);
}

function numberText(number: number): string {
  return number === Number.POSITIVE_INFINITY ? 'inf' : String(number);
}

/** When an entry was added by the server's clock, as its id says. */
function timeOf(id: string): number {
  return Number(id.split('-')[0]);
}

/** True for what may be a decision of a host, whoever wrote it. */
function isSound({ host, by, jail, target }: Who): boolean {
  const isHost = isHostName(host) && isInstallation(by);
  return isHost && jailName(jail) !== undefined && parsePrefix(target) !== undefined;
}

function decisionOf(who: Who, until: number): SharedDecision {
  const { host, jail, target } = who;
  const key = memberOf(who);
  return { key, target, until, origin: 'banjour', host, scenario: `banjour/${jail}` };
}

/** No name has a bar. */
function memberOf({ host, by, jail, target }: Who): string {
  return `${host}|${by}|${jail}|${target}`;
}
