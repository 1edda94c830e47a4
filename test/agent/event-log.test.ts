import { describe, expect, test } from '@jest/globals';
import { Announcer, EventLog } from '../../src/agent/announce.js';
import { type Address, parseAddress } from '../../src/core/address.js';
import type { FilterEvent } from '../../src/core/decision.js';
import { type LogLevel, silentLog } from '../../src/core/log.js';
import { cursor, mustJailName } from '../../src/core/names.js';
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

describe('a failure', () => {
  const event: FilterEvent = {
    kind: 'failure',
    jail: JAIL,
    address: parseAddress('192.0.2.1') as Address,
    count: 1,
    time: START,
    cursor: cursor('s=1'),
    regex: 0,
  };

  test('is told to those only who want all, and has its number all the same', () => {
    const announcer = new Announcer(silentLog);
    const [all, rest]: [string[], string[]] = [[], []];
    announcer.subscribe(({ event: name }, id) => all.push(`${name} ${id}`));
    const stop = announcer.subscribe(
      ({ event: name }, id) => rest.push(`${name} ${id}`),
      'no-failures',
    );
    announcer.found(event);
    announcer.ignored(event, 'ignoreip');
    announcer.unban(JAIL, '192.0.2.1', START, 'expired');
    expect(all).toEqual(['found 1', 'ignored 2', 'unban 3']);
    expect(rest).toEqual(['unban 3']);
    stop();
    announcer.unban(JAIL, '192.0.2.1', START, 'expired');
    expect(rest).toEqual(['unban 3']);
  });

  test('is handed on as it is, and makes no line that nobody would see', () => {
    const heard: unknown[] = [];
    const lines: string[] = [];
    let isWanted = false;
    const log = Object.assign((_: LogLevel, line: string) => void lines.push(line), {
      wants: () => isWanted,
    });
    const announcer = new Announcer(log, (failure, kind) => heard.push([kind, failure]));
    announcer.found(event);
    expect(lines).toEqual([]);
    isWanted = true;
    announcer.found(event);
    announcer.ignored(event, 'ignoreip');
    expect(lines).toEqual(['Found 192.0.2.1', 'Ignore 192.0.2.1 by ignoreip']);
    expect(heard).toEqual([
      ['found', event],
      ['found', event],
      ['ignored', event],
    ]);
  });
});
