/** The events of this run, the newest of them kept for readers of the stream that come back. */
import type { StreamEvent, StreamStart } from '../control/protocol.js';
import { EVENTS_KEPT_MAX } from '../core/limits.js';
import type { EpochMicros } from '../core/time.js';
import type { Announcement, Announcer } from './announce.js';

export class EventLog {
  readonly #base: number;
  readonly #max: number;
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  #kept: StreamEvent[] = [];
  #last: number;

  /**
   * `startedAt` is where ids begin, so that those of a later run are higher than those of this one: no agent announces
   * a million events per second.
   */
  constructor(announcer: Announcer, startedAt: EpochMicros, max = EVENTS_KEPT_MAX) {
    this.#base = startedAt;
    this.#last = startedAt;
    this.#max = max;
    announcer.subscribe((announcement, id) => this.#take(announcement, id));
  }

  /** Kept events after `id`, all of them after 0; nothing when it is undefined. */
  since(id: number | undefined): StreamStart {
    if (id === undefined || id >= this.#last) return { missed: [], gap: false };
    const oldest = this.#kept[0]?.id ?? this.#last + 1;
    return { missed: this.#kept.filter((event) => event.id > id), gap: id > 0 && id + 1 < oldest };
  }

  /** Calls back for each event from now on; returns the way to stop. */
  subscribe(listener: (event: StreamEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #take(announcement: Announcement, id: number): void {
    const event: StreamEvent = { id: this.#base + id, ...announcement };
    this.#last = event.id;
    this.#kept.push(event);
    // Cut in one go now and then: shifting one by one would copy the list for every event.
    if (this.#kept.length > this.#max * 1.25) this.#kept = this.#kept.slice(-this.#max);
    for (const listener of this.#listeners) listener(event);
  }
}
