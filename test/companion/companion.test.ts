/** Parts are started, tried again and stopped each by itself: made-up parts, and time as the test has it. */
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { Companion } from '../../src/companion/companion.js';
import type { CompanionPart, PartName, PartPlan } from '../../src/companion/part.js';
import { OperatorError } from '../../src/core/errors.js';
import {
  COMPANION_RETRY_MS_MAX,
  COMPANION_RETRY_MS_MIN,
  COMPANION_START_MS_MAX,
  COMPANION_STOP_MS_MAX,
} from '../../src/core/timeouts.js';
import { fakeTimers } from '../support/timeouts.js';

let timers: Disposable;
let happened: string[];
let said: string[];
let companion: Companion;
beforeEach(() => {
  timers = fakeTimers();
  happened = [];
  said = [];
  companion = new Companion({
    version: '1',
    log: (level, message) => said.push(`${level} ${message}`),
  });
});
afterEach(async () => {
  const stopping = companion.stop();
  await pass(COMPANION_STOP_MS_MAX);
  await stopping;
  timers[Symbol.dispose]();
});

/** Lets time pass, and everything that comes of it happen. */
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

interface MadeUp {
  configuration?: string;
  problem?: unknown;
  start?: (failed: (error: unknown) => void) => Promise<void>;
  stop?: () => Promise<void>;
  figures?: CompanionPart['figures'];
}

function plan(name: PartName, made: MadeUp = {}): PartPlan {
  const configuration = made.configuration ?? '1';
  return {
    name,
    configuration,
    lines: [`${name} by ${configuration}`],
    ...(made.problem === undefined ? {} : { problem: made.problem }),
    start: async (failed) => {
      await made.start?.(failed);
      happened.push(`${name} starts by ${configuration}`);
      return {
        summary: `${name} on ${configuration}`,
        ...(made.figures === undefined ? {} : { figures: made.figures }),
        status: () => ({ configuration }),
        stop: async () => {
          happened.push(`${name} stops by ${configuration}`);
          await made.stop?.();
        },
      };
    },
  };
}

const never = () => new Promise<never>(() => undefined);
const taken = () => Promise.reject(new OperatorError('the port is taken', { hint: 'free it' }));

describe('parts', () => {
  test('are started, say what they do, and are stopped', async () => {
    await companion.adopt([plan('notify'), plan('metrics', { configuration: '2' })]);
    expect(companion.summary).toBe('notify on 1; metrics on 2');
    expect(companion.view()).toEqual({
      version: '1',
      parts: [
        { name: 'notify', running: true, summary: 'notify on 1', status: { configuration: '1' } },
        { name: 'metrics', running: true, summary: 'metrics on 2', status: { configuration: '2' } },
      ],
    });
    expect(said).toEqual(['info notify by 1', 'info metrics by 2']);
    await companion.stop();
    expect(happened.slice(2)).toEqual(['notify stops by 1', 'metrics stops by 2']);
    expect(companion.view().parts).toEqual([]);
  });

  test('one that cannot start is told with its remedy and tried again, and holds up no other', async () => {
    let free = false;
    const start = () => (free ? Promise.resolve() : taken());
    await companion.adopt([plan('metrics', { start }), plan('notify')]);
    expect(happened).toEqual(['notify starts by 1']);
    expect(said[0]).toBe(
      'error metrics: does not run, next try in 1 s: the port is taken (free it)',
    );
    expect(companion.view().parts[0]).toEqual({
      name: 'metrics',
      running: false,
      summary: 'metrics: does not run: the port is taken',
      status: null,
    });
    free = true;
    await pass(COMPANION_RETRY_MS_MIN - 1);
    expect(happened).toHaveLength(1);
    await pass(1);
    expect(happened).toEqual(['notify starts by 1', 'metrics starts by 1']);
  });

  test('the pause between two tries grows to its bound, and begins anew after a success', async () => {
    let tries = 0;
    let broken = true;
    let fail: ((error: unknown) => void) | undefined;
    const start = async (failed: (error: unknown) => void) => {
      tries++;
      fail = failed;
      if (broken) await taken();
    };
    await companion.adopt([plan('metrics', { start })]);
    for (let pause = COMPANION_RETRY_MS_MIN; pause < COMPANION_RETRY_MS_MAX; pause *= 2)
      await pass(pause);
    const before = tries;
    await pass(COMPANION_RETRY_MS_MAX - 1);
    expect(tries).toBe(before);
    broken = false;
    await pass(1);
    expect(tries).toBe(before + 1);
    fail?.(new OperatorError('gone'));
    await pass(COMPANION_RETRY_MS_MIN);
    expect(tries).toBe(before + 2);
  });

  test('one that fails later is started anew alone, and only once for many words', async () => {
    let fail: ((error: unknown) => void) | undefined;
    const start = async (failed: (error: unknown) => void) => {
      fail = failed;
    };
    await companion.adopt([plan('notify', { start }), plan('metrics')]);
    const former = fail;
    former?.(new Error('a bug'));
    former?.(new Error('a bug'));
    await pass(COMPANION_RETRY_MS_MIN);
    former?.(new Error('of the one that is gone'));
    await pass(COMPANION_RETRY_MS_MIN);
    expect(happened.slice(2)).toEqual(['notify stops by 1', 'notify starts by 1']);
    expect(said.filter((line) => line.includes('does not run'))).toHaveLength(1);
  });

  test('one that fails before it has started is started anew as well', async () => {
    let first = true;
    const start = async (failed: (error: unknown) => void) => {
      if (first) failed(new OperatorError('early'));
      first = false;
    };
    await companion.adopt([plan('notify', { start })]);
    await pass(COMPANION_RETRY_MS_MIN);
    expect(happened).toEqual(['notify starts by 1', 'notify stops by 1', 'notify starts by 1']);
  });

  test('one that hangs while it starts is given up in time, and stopped should it come after all', async () => {
    let come: () => void = () => undefined;
    let hangs = true;
    const start = () =>
      hangs ? new Promise<void>((resolve) => (come = resolve)) : Promise.resolve();
    let isReady = false;
    const ready = companion.adopt([plan('metrics', { start }), plan('notify')]).then(() => {
      isReady = true;
    });
    await pass(COMPANION_START_MS_MAX - 1);
    expect([isReady, happened]).toEqual([false, ['notify starts by 1']]);
    hangs = false;
    await pass(1);
    await ready;
    come();
    await pass(COMPANION_RETRY_MS_MIN);
    expect(happened.slice(1)).toEqual([
      'metrics starts by 1',
      'metrics stops by 1',
      'metrics starts by 1',
    ]);
  });

  test('one that hangs while it stops, or throws, holds up the end no longer than its bound', async () => {
    await companion.adopt([
      plan('notify', { stop: never }),
      plan('metrics', { stop: () => Promise.reject(new Error('no')) }),
    ]);
    let isOver = false;
    const over = companion.stop().then(() => (isOver = true));
    await pass(COMPANION_STOP_MS_MAX - 1);
    expect(isOver).toBe(false);
    await pass(1);
    await over;
    expect(said.at(-1)).toBe('warning notify: it has not stopped in time');
  });

  test('one that cannot say how it is, and a listener that throws, keep no other from their turn', async () => {
    companion = new Companion({
      version: '1',
      log: (level, message) => said.push(`${level} ${message}`),
      changed: () => {
        throw new Error('nobody listens');
      },
    });
    const broken = plan('notify');
    const start = async (failed: (error: unknown) => void) => ({
      ...(await broken.start(failed)),
      status: () => {
        throw new Error('lost');
      },
    });
    const adopting = [{ ...broken, start }, plan('metrics')];
    await companion.adopt(adopting).catch(() => undefined);
    expect(companion.view().parts).toEqual([
      { name: 'notify', running: true, summary: 'notify on 1: lost', status: null },
      { name: 'metrics', running: true, summary: 'metrics on 1', status: { configuration: '1' } },
    ]);
    await companion.adopt([plan('metrics')]).catch(() => undefined);
    expect(happened.at(-1)).toBe('notify stops by 1');
  });

  test('figures of one that cannot say them are left out', async () => {
    await companion.adopt([
      plan('notify', { figures: async (format) => `in ${format}` }),
      plan('metrics', { figures: () => Promise.reject(new Error('no')) }),
      plan('policy'),
    ]);
    expect(await companion.figures('openmetrics')).toEqual(['in openmetrics']);
  });
});

describe('a reload', () => {
  beforeEach(async () => {
    await companion.adopt([plan('notify'), plan('metrics')]);
    happened = [];
    said = [];
  });

  test('starts anew what changed, starts what is new, stops what is gone, and leaves the rest', async () => {
    await companion.adopt([plan('notify'), plan('policy')]);
    expect(happened.sort()).toEqual(['metrics stops by 1', 'policy starts by 1']);
    expect(said).toContain('info metrics: switched off');
    happened = [];
    await companion.adopt([plan('notify', { configuration: '2' }), plan('policy')]);
    expect(happened).toEqual(['notify stops by 1', 'notify starts by 2']);
  });

  test('leaves a part as it is whose new configuration is wrong', async () => {
    const problem = new OperatorError('jail.local:3: not a time\nand more', { hint: 'write 10m' });
    await companion.adopt([plan('notify', { configuration: '', problem }), plan('metrics')]);
    expect(happened).toEqual([]);
    expect(said).toEqual([
      'error notify: goes on with the old configuration: jail.local:3: not a time',
      'error notify: and more (write 10m)',
    ]);
    await companion.adopt([plan('notify'), plan('metrics')]);
    expect(happened).toEqual([]);
  });

  test('tries at once what waits, and what waited is not tried twice', async () => {
    await companion.adopt([plan('metrics', { configuration: '2', start: taken })]);
    happened = [];
    await companion.adopt([plan('metrics', { configuration: '2' })]);
    expect(happened).toEqual(['metrics starts by 2']);
    await pass(COMPANION_RETRY_MS_MAX);
    expect(happened).toEqual(['metrics starts by 2']);
  });
});
