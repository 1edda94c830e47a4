import { expect, test } from '@jest/globals';
import { type Feed, Follower, type Receiver } from '../../src/control/follower.js';
import type { BanView } from '../../src/control/protocol.js';
import { silentLog } from '../../src/core/log.js';
import { turns } from '../support/turns.js';
import { until } from '../support/until.js';

const ban = (id: number) => ({ id, state: 'in-force', origin: 'journal' }) as BanView;

/** Takes all. */
class Taker implements Receiver {
  seen = 0;
  readonly hasRoom = true;
  offer({ id }: BanView): void {
    this.seen = id;
  }
  pass(id: number): void {
    this.seen = id;
  }
  forget(): void {
    this.seen = 0;
  }
}

test.each(turns)('a ring %d turns after an answer is heard', async (wait) => {
  const taker = new Taker();
  let newest = 0;
  /** What happens after the next page was handed out. */
  let handedOut: () => void = () => undefined;
  let isOpen = false;
  const feed: Feed = {
    history: async ({ after }) =>
      Array.from({ length: newest - after }, (_, i) => ban(after + i + 1)),
    newestBan: async () => ({ id: newest }),
    events: (_, signal, { opened }) => {
      opened();
      isOpen = true;
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
    },
  };
  const follower = new Follower({
    feed,
    begin: () => [taker],
    moved: () => handedOut(),
    log: silentLog,
    pauses: { reconnectMin: 1, reconnectMax: 1, unsettled: 1, between: 1 },
  });
  const running = follower.run();
  await until('it follows', () => isOpen);
  handedOut = () => {
    handedOut = () => undefined;
    let left = wait;
    const tell = () => {
      if (left-- > 0) return queueMicrotask(tell);
      newest = 2;
      follower.ring();
    };
    tell();
  };
  newest = 1;
  follower.ring();
  await until('the second is taken', () => taker.seen === 2);
  follower.stop();
  await running;
  expect(taker.seen).toBe(2);
});
