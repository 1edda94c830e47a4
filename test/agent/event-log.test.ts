import { describe, expect, test } from '@jest/globals';
import { Announcer, EventLog } from '../../src/agent/announce.js';
import { silentLog } from '../../src/core/log.js';
import { mustJailName } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';

const START = epochMicros(1_000_000);
const JAIL = mustJailName('sshd');

function make(max: number) {
  const announcer = new Announcer(silentLog);
  const log = new EventLog(announcer, START, max);
  const say = (count: number) => {
    for (let n = 0; n < count; n++) announcer.unban(JAIL, `192.0.2.${n}`, START, 'expired');
  };
  return { log, say };
}

describe('the events that are kept', () => {
  test('have ids that rise from the time of the start, so that a later run has higher ones', () => {
    const { log, say } = make(10);
    const seen: number[] = [];
    log.subscribe(({ id }) => seen.push(id));
    say(3);
    expect(seen).toEqual([START + 1, START + 2, START + 3]);
  });

  test('are given to a reader that comes back, after the id that it saw last', () => {
    const { log, say } = make(10);
    say(5);
    expect(log.since(START + 3)).toMatchObject({
      gap: false,
      missed: [{ id: START + 4 }, { id: START + 5 }],
    });
    expect(log.since(START + 5)).toEqual({ gap: false, missed: [] });
    expect(log.since(undefined)).toEqual({ gap: false, missed: [] });
    expect(log.since(0).missed).toHaveLength(5);
  });

  test('are bounded, and a reader that missed some is told', () => {
    const { log, say } = make(10);
    say(13);
    expect(log.since(START + 1).missed.length).toBeLessThanOrEqual(12);
    const { gap, missed } = log.since(START);
    expect(gap).toBe(true);
    expect(missed.at(-1)?.id).toBe(START + 13);
    expect(missed.length).toBeGreaterThanOrEqual(10);
    expect(missed.length).toBeLessThanOrEqual(13);
  });

  test('of an earlier run are gone, and that is told', () => {
    const { log, say } = make(10);
    say(2);
    expect(log.since(START - 500)).toMatchObject({
      gap: true,
      missed: [{ id: START + 1 }, { id: START + 2 }],
    });
  });
});
