/** What happens now: one stream of events for all views. */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { AlarmView } from '../../core/figures.js';
import type { BanItem, LiveHello, LiveMinute, LiveTick } from '../api.js';

export interface LiveState {
  readonly isConnected: boolean;
  readonly isAgentAnswering: boolean;
  /** The last hour, oldest first. */
  readonly minutes: readonly LiveMinute[];
  /** Bans since the page was opened, newest first. */
  readonly bans: readonly BanItem[];
  readonly alarms: readonly AlarmView[];
  /** Bans that were made and that ended since then: lists that show them are old. */
  readonly changes: number;
}

const MINUTES = 60;
const NEWEST = 30;

export const NOTHING_YET: LiveState = {
  isConnected: false,
  isAgentAnswering: true,
  minutes: [],
  bans: [],
  alarms: [],
  changes: 0,
};

export const LiveContext = createContext<LiveState>(NOTHING_YET);

export const useLive = (): LiveState => useContext(LiveContext);

/** The state after a tick. */
export function afterTick(live: LiveState, tick: LiveTick): LiveState {
  const before = live.minutes.filter(({ time }) => time !== tick.minute.time);
  return {
    isConnected: true,
    isAgentAnswering: tick.isAgentAnswering,
    minutes: [...before, tick.minute].slice(-MINUTES),
    bans: [...[...tick.bans].reverse(), ...live.bans].slice(0, NEWEST),
    alarms: [...[...tick.alarms].reverse(), ...live.alarms].slice(0, NEWEST),
    changes: live.changes + tick.bansMade + tick.bansEnded,
  };
}

/** Follows the stream; the browser connects again by itself. */
export function useStream(): LiveState {
  const [live, setLive] = useState(NOTHING_YET);
  useEffect(() => {
    const source = new EventSource('/api/events');
    source.addEventListener('hello', ({ data }) => {
      const hello = JSON.parse(data) as LiveHello;
      setLive((old) => ({ ...old, ...hello, isConnected: true }));
    });
    source.addEventListener('tick', ({ data }) =>
      setLive((old) => afterTick(old, JSON.parse(data) as LiveTick)),
    );
    source.addEventListener('error', () => setLive((old) => ({ ...old, isConnected: false })));
    return () => source.close();
  }, []);
  return live;
}

/** The newest alarms, each once: those that were told of live are in the next answer too. */
export function alarmsOf(
  live: readonly AlarmView[],
  told: readonly AlarmView[],
  most: number,
): readonly AlarmView[] {
  const named = ({ time, kind, user }: AlarmView) => `${time} ${kind} ${user}`;
  return [...new Map([...told, ...live].map((alarm) => [named(alarm), alarm])).values()]
    .sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : 0))
    .slice(0, most);
}
