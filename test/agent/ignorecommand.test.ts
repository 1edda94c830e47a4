import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { IgnoreCommands } from '../../src/agent/ignorecommand.js';
import { type Prefix, parsePrefix } from '../../src/core/address.js';
import { inBackground } from '../../src/core/background.js';
import type { BanRecord } from '../../src/core/decision.js';
import {
  IGNORE_ANSWERS_MAX,
  IGNORE_COMMAND_BYTES_MAX,
  IGNORE_COMMANDS_PARALLEL_MAX,
} from '../../src/core/limits.js';
import { mustJailName } from '../../src/core/names.js';
import { epochMicros, plus } from '../../src/core/time.js';
import { IGNORE_ANSWER_MS, IGNORE_COMMAND_DEADLINE_MS } from '../../src/core/timeouts.js';
import { fakeTimers } from '../support/timeouts.js';
import { until } from '../support/until.js';

const jail = mustJailName('sshd');
const time = epochMicros(1_795_000_000_000_000);

let directory: string;
let logged: string[];
let asked: IgnoreCommands;
let command: readonly string[] | undefined;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banjour-ignore-'));
  logged = [];
  asked = make(10_000);
});
afterEach(() => {
  asked.stop();
  rmSync(directory, { recursive: true });
});

function make(deadlineMs?: number): IgnoreCommands {
  return new IgnoreCommands({
    commandOf: () => command,
    log: (level, message) => logged.push(`${level} ${message}`),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
}

function script(...lines: readonly string[]): string {
  const path = join(directory, 'ask');
  writeFileSync(path, ['#!/bin/sh', ...lines, ''].join('\n'), { mode: 0o755 });
  return path;
}

/** Children of this process whose command line names the folder. */
function children(folder: string): string[] {
  const pids = readdirSync('/proc/self/task').flatMap((task) =>
    readFileSync(`/proc/self/task/${task}/children`, 'utf8').trim().split(' '),
  );
  return pids.filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder);
    } catch {
      return false;
    }
  });
}

/** False for a process that is gone, or dead and not yet collected. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

let id = 0;
const ban = (address = '192.0.2.1', changes: Partial<BanRecord> = {}): BanRecord => ({
  id: ++id,
  jail,
  target: parsePrefix(address) as Prefix,
  time,
  until: plus(time, 60),
  failures: 3,
  evidence: [],
  origin: 'journal',
  previousBans: 0,
  state: 'wanted',
  ...changes,
});

describe('an ignorecommand', () => {
  test('forbids the ban with exit code 0 and lets it go on with any other', async () => {
    command = [script('test "$1" = 192.0.2.1'), '<ip>'];
    expect(await asked.ask(ban('192.0.2.1'))).toBe(true);
    expect(await asked.ask(ban('192.0.2.2'))).toBe(false);
    expect(logged).toEqual([]);
  });

  test('gets each placeholder in one argument, whatever a stranger wrote, and no shell sees it', async () => {
    const said = join(directory, 'said');
    command = [
      script(`for word; do echo "[$word]"; done > ${said}`),
      'x <ip>',
      '<family>',
      '<jail>',
      '<F-USER>',
      '<time>',
      '<failures>',
      '<other>',
    ];
    const user = `a b"; touch ${directory}/pwned; $(touch ${directory}/pwned)\u001b[31m\u0000`;
    await asked.ask(ban('2001:db8::/64', { user }));
    const shown = user.replace('\u001b', '\\x1b').replace('\u0000', '\\x00');
    const time = 1_795_000_000;
    expect(readFileSync(said, 'utf8')).toBe(
      `[x 2001:db8::/64]\n[inet6]\n[sshd]\n[${shown}]\n[${time}]\n[3]\n[<other>]\n`,
    );
    expect(existsSync(join(directory, 'pwned'))).toBe(false);
  });

  test.each(['--help', '-V', '--version'])(
    'is not answered by a user %s: a stranger writes no option',
    async (user) => {
      const friends = join(directory, 'friends');
      writeFileSync(friends, 'alice\n');
      command = ['/usr/bin/grep', '-qxF', '<F-USER>', friends];
      expect(await asked.ask(ban('192.0.2.1', { user }))).toBe(false);
      expect(await asked.ask(ban('192.0.2.1', { user: 'alice' }))).toBe(true);
    },
  );

  test('does not tell what it was given in its complaints', async () => {
    command = [script('echo "wrong password $2" >&2; kill -9 $$'), '<ip>', 'hunter2'];
    await asked.ask(ban());
    expect(logged[0]).toContain('it said: wrong password (hidden)');
  });

  test('runs without any capability, without new privileges and with an environment of its own', async () => {
    const said = join(directory, 'said');
    command = [
      script(`grep -E '^(Cap|NoNewPrivs)' /proc/self/status > ${said}; env | sort >> ${said}`),
    ];
    await asked.ask(ban());
    const text = readFileSync(said, 'utf8');
    for (const set of ['Inh', 'Prm', 'Eff', 'Amb'])
      expect(text).toMatch(new RegExp(`^Cap${set}:\\s0+$`, 'm'));
    expect(text).toMatch(/^NoNewPrivs:\s1$/m);
    expect(text).not.toContain('HOME=');
  });

  test('that hangs is ended with its children at the deadline, and the ban goes on', async () => {
    using _ = fakeTimers();
    const there = join(directory, 'there');
    command = [script(`(exec sleep 60) & echo $! > ${there}; wait`)];
    asked = make();
    const settled = jest.fn();
    const answer = asked.ask(ban()).finally(settled);
    await until(
      'its child runs',
      () => existsSync(there) && readFileSync(there, 'utf8').endsWith('\n'),
    );
    await jest.advanceTimersByTimeAsync(IGNORE_COMMAND_DEADLINE_MS - 1);
    expect(settled).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    expect(await answer).toBe(false);
    expect(logged).toEqual([
      expect.stringMatching(/^warning ignorecommand .* no answer after \d+ ms; the ban goes on/),
    ]);
    const child = Number(readFileSync(there, 'utf8'));
    await until('its child is gone', () => !isRunning(child));
  });

  test('that cannot be run, or dies, is said and the ban goes on', async () => {
    command = ['/nowhere/ask', '<ip>'];
    expect(await asked.ask(ban('192.0.2.1'))).toBe(false);
    command = [script('kill -9 $$'), '<ip>'];
    expect(await asked.ask(ban('192.0.2.2'))).toBe(false);
    expect(logged[0]).toContain('cannot be run');
    expect(logged[0]).toContain('No such file');
    expect(logged[1]).toContain('ended by SIGKILL');
  });

  test('may write as much as it likes: little of it is kept, escaped', async () => {
    command = [script("printf '\\033[31mred\\n' >&2; yes | head -c 20000000 >&2; kill -9 $$")];
    await asked.ask(ban());
    expect(logged[0]).toContain('\\x1b[31mred');
    // Escaped, a byte becomes four at most.
    expect(logged[0]?.length).toBeLessThan(5 * IGNORE_COMMAND_BYTES_MAX);
  });

  test('is asked once per address for a while, also when many ask at once', async () => {
    const count = join(directory, 'count');
    command = [script(`echo "$1" >> ${count}`), '<ip>'];
    const answers = await Promise.all(
      ['192.0.2.1', '192.0.2.1', '192.0.2.2'].map((one) => asked.ask(ban(one))),
    );
    expect(answers).toEqual([true, true, true]);
    expect(await asked.ask(ban('192.0.2.1', { time: plus(time, 9), failures: 8 }))).toBe(true);
    expect(readFileSync(count, 'utf8').trim().split('\n').sort()).toEqual([
      '192.0.2.1',
      '192.0.2.2',
    ]);
  });

  test('is asked again when its answer is as old as the bound says', async () => {
    using _ = fakeTimers();
    const count = join(directory, 'count');
    command = [script(`echo x >> ${count}`)];
    const times = () => readFileSync(count, 'utf8').length / 2;
    await asked.ask(ban());
    await jest.advanceTimersByTimeAsync(IGNORE_ANSWER_MS - 1);
    await asked.ask(ban());
    expect(times()).toBe(1);
    await jest.advanceTimersByTimeAsync(1);
    await asked.ask(ban());
    expect(times()).toBe(2);
  });

  test('is remembered for as many addresses as the bound says: one more, and the oldest is asked again', async () => {
    // None of them ends: who is asked about anew waits for a place.
    command = [script('sleep 60'), '<ip>'];
    asked = make(60_000);
    const of = (i: number) => `198.18.${i >> 8}.${i & 255}`;
    const ask = (i: number) => inBackground(asked.ask(ban(of(i))));
    for (let i = 0; i < IGNORE_ANSWERS_MAX; i++) ask(i);
    expect(asked.waiting).toBe(IGNORE_ANSWERS_MAX - IGNORE_COMMANDS_PARALLEL_MAX);
    ask(0);
    expect(asked.waiting).toBe(IGNORE_ANSWERS_MAX - IGNORE_COMMANDS_PARALLEL_MAX);
    ask(IGNORE_ANSWERS_MAX);
    ask(0);
    expect(asked.waiting).toBe(IGNORE_ANSWERS_MAX - IGNORE_COMMANDS_PARALLEL_MAX + 2);
  });

  test('of a jail that has none is never asked', async () => {
    command = undefined;
    expect(asked.asks(jail)).toBe(false);
    expect(await asked.ask(ban())).toBe(false);
  });

  test('runs as often at once as the bound says and no more; the next begins when one has ended', async () => {
    command = [script(`until test -e ${directory}/go.$1; do sleep 0.05; done`), '<ip>'];
    asked = make(60_000);
    const bans = Array.from({ length: IGNORE_COMMANDS_PARALLEL_MAX + 1 }, (_, i) =>
      ban(`192.0.2.${i}`),
    );
    const answers = bans.map((one) => asked.ask(one));
    // A child is there when it was asked for: nothing has to be waited for.
    expect(children(directory)).toHaveLength(IGNORE_COMMANDS_PARALLEL_MAX);
    writeFileSync(join(directory, 'go.192.0.2.0'), '');
    expect(await answers[0]).toBe(true);
    expect(children(directory)).toHaveLength(IGNORE_COMMANDS_PARALLEL_MAX);
    for (const { target } of bans) writeFileSync(join(directory, `go.${target.base}`), '');
    expect(await Promise.all(answers)).toEqual(bans.map(() => true));
  });

  test('whoever has to wait for too long goes on too', async () => {
    command = [script('sleep 30'), '<ip>'];
    asked = make(300);
    const bans = Array.from({ length: IGNORE_COMMANDS_PARALLEL_MAX + 1 }, (_, i) =>
      ban(`192.0.2.${i}`),
    );
    expect(await Promise.all(bans.map((one) => asked.ask(one)))).toEqual(bans.map(() => false));
    expect(logged).toHaveLength(bans.length);
    expect(logged.at(-1)).toContain('the ban goes on');
  });

  test('is given up when the agent stops: nobody knows the answer', async () => {
    command = [script('sleep 30')];
    const answer = asked.ask(ban());
    asked.stop();
    expect(await answer).toBeUndefined();
  });
});
