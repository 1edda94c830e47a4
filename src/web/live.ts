/**
 * The viewers: what happens is gathered and told to all of them at once, twice a second at most.
 * One text is made for all, so a storm costs the same for one viewer as for fifty.
 */
import type { ServerResponse } from 'node:http';
import type { AgentView, StreamEvent } from '../control/protocol.js';
import type { AlarmView } from '../core/figures.js';
import { WEB_BACKLOG_BYTES_MAX, WEB_VIEWERS_MAX } from '../core/service-limits.js';
import { jsonText } from './answer.js';
import type { BanItem, LiveHello, LiveMessages, LiveTick } from './api.js';
import { itemOfEvent } from './bans.js';
import { Minutes } from './minutes.js';

/** Between two ticks, and between two when nothing happens, ms. */
const TICK_MS = 500;
const CALM_MS = 5_000;
/** Between two looks at the agent's counters while somebody looks, and while nobody does, ms. */
const LOOK_MS = 2_000;
const IDLE_LOOK_MS = 60_000;
/** Bans and alarms that one tick tells of. */
const TOLD = 20;

export interface LiveOptions {
  readonly status: () => Promise<AgentView>;
  readonly isFollowing: () => boolean;
  /** Called each time somebody looks. */
  readonly looked: () => void;
  /** The number of viewers changed. */
  readonly changed: () => void;
}

interface Viewer {
  readonly response: ServerResponse;
  /** False when its session has ended. */
  readonly isOpen: () => boolean;
}

export class LiveFeed {
  readonly #options: LiveOptions;
  readonly #minutes = new Minutes();
  readonly #viewers = new Set<Viewer>();
  #isAnswering = false;
  #bans: BanItem[] = [];
  #alarms: AlarmView[] = [];
  #made = 0;
  #ended = 0;
  #isNews = false;
  #lastTick = 0;
  #ticking: NodeJS.Timeout | undefined;
  #looking: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: LiveOptions) {
    this.#options = options;
    this.#look();
  }

  get viewers(): number {
    return this.#viewers.size;
  }

  /** Begins the stream of a viewer; false when there are too many. */
  attach(response: ServerResponse, isOpen: () => boolean): boolean {
    if (this.#viewers.size >= WEB_VIEWERS_MAX) return false;
    const viewer = { response, isOpen };
    this.#viewers.add(viewer);
    response.once('close', () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size === 0) this.#calm();
      this.#options.changed();
    });
    const hello: LiveHello = {
      isAgentAnswering: this.#isAnswering,
      minutes: this.#minutes.hour(Date.now()),
    };
    response.write(`retry: 3000\n\n${messageText('hello', hello)}`);
    this.#options.looked();
    if (this.#ticking === undefined) {
      // What happened while nobody looked stands in the lists that the viewer asks for.
      this.#calm();
      this.#ticking = setInterval(() => this.#tick(), TICK_MS);
      this.#look();
    }
    this.#options.changed();
    return true;
  }

  hear(event: StreamEvent): void {
    this.#isNews = true;
    switch (event.event) {
      case 'ban':
        this.#made++;
        this.#bans.push(itemOfEvent(event));
        if (this.#bans.length > TOLD * 2) this.#bans = this.#bans.slice(-TOLD);
        return;
      case 'unban':
        this.#ended++;
        return;
      case 'takeover':
      case 'under-attack': {
        const { event: kind, time, jail, user = '', address, count = 0 } = event;
        this.#alarms.push({ kind, time, jail, user, address, count });
        if (this.#alarms.length > TOLD * 2) this.#alarms = this.#alarms.slice(-TOLD);
        return;
      }
      default:
        return;
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#calm();
    clearTimeout(this.#looking);
    for (const { response } of this.#viewers) response.destroy();
  }

  /** Looks at the agent's counters, now and again. */
  #look(): void {
    clearTimeout(this.#looking);
    if (this.#isClosed) return;
    const next = () => {
      if (this.#isClosed) return;
      clearTimeout(this.#looking);
      const pause = this.#viewers.size > 0 ? LOOK_MS : IDLE_LOOK_MS;
      this.#looking = setTimeout(() => this.#look(), pause);
      this.#looking.unref();
    };
    this.#options.status().then(
      (view) => {
        if (this.#minutes.note(view, Date.now()) || !this.#isAnswering) this.#isNews = true;
        this.#isAnswering = true;
        next();
      },
      () => {
        if (this.#isAnswering) this.#isNews = true;
        this.#isAnswering = false;
        next();
      },
    );
  }

  #calm(): void {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
    this.#bans = [];
    this.#alarms = [];
    this.#made = 0;
    this.#ended = 0;
  }

  #tick(): void {
    const now = Date.now();
    for (const { response, isOpen } of this.#viewers) {
      if (isOpen()) continue;
      // A viewer that has not even read the end of its stream is cut off.
      if (response.writableEnded) response.destroy();
      else response.end();
    }
    if (!this.#isNews && now - this.#lastTick < CALM_MS) return;
    this.#options.looked();
    const tick: LiveTick = {
      time: new Date(now).toISOString(),
      isAgentAnswering: this.#isAnswering,
      isFollowing: this.#options.isFollowing(),
      minute: this.#minutes.at(now),
      bans: this.#bans.splice(0).slice(-TOLD),
      bansMade: this.#made,
      bansEnded: this.#ended,
      alarms: this.#alarms.splice(0).slice(-TOLD),
    };
    this.#made = 0;
    this.#ended = 0;
    this.#isNews = false;
    this.#lastTick = now;
    const text = messageText('tick', tick);
    for (const { response } of this.#viewers) {
      if (response.writableLength > WEB_BACKLOG_BYTES_MAX) response.destroy();
      else if (!response.writableEnded) response.write(text);
    }
  }
}

function messageText<K extends keyof LiveMessages>(name: K, message: LiveMessages[K]): string {
  return `event: ${name}\ndata: ${jsonText(message)}\n\n`;
}
