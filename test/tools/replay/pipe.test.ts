/** `replay -`: what comes through a pipe, in its own time. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { SSHD } from '../../support/agent-host.js';
import { exportEntry, type FakeEntry, Scratch } from '../../support/journal-files.js';
import { until } from '../../support/until.js';

const HOUR = 3_600_000_000;

let scratch: Scratch;
let child: ChildProcess;
let answers: { readonly event: string; readonly address: string; readonly time: string }[];

beforeEach(() => {
  scratch = new Scratch();
  writeFileSync(
    scratch.file('jail.local'),
    '[DEFAULT]\nmaxretry = 3\nfindtime = 10m\nbantime = 1h\n[sshd]\nenabled = true\n[dovecot]\nenabled = false\n[postfix-sasl]\nenabled = false\n',
  );
  answers = [];
});
afterEach(() => {
  if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  scratch[Symbol.dispose]();
});

/** Standard input is a pipe, as in a shell; or a socket, which is what Node gives its children. */
type Input = 'a pipe' | 'a socket';

function start(input: Input): void {
  const replay = [
    process.execPath,
    join(process.cwd(), 'dist/src/main.js'),
    'replay',
    '-',
    '--json',
  ];
  const command = [...replay, '--config-dir', scratch.path];
  const [file = '', ...args] =
    input === 'a pipe' ? ['/bin/sh', '-c', 'cat | "$0" "$@"', ...command] : command;
  // A group of its own, so that all of the pipe can be ended.
  child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  let rest = '';
  child.stdout?.on('data', (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() as string;
    answers.push(...lines.map((line) => JSON.parse(line)));
  });
}

const failure = (address: string, at: number): FakeEntry => ({
  at,
  message: `Failed password for root from ${address} port 22 ssh2`,
  fields: SSHD,
});
const bans = () =>
  answers.filter(({ event }) => event === 'ban').map(({ address, time }) => [address, time]);
const ended = () => new Promise((resolve) => child.once('close', resolve));

test.each<Input>(['a pipe', 'a socket'])(
  '%s: each answer comes before the next entry is written, and has its own time',
  async (input) => {
    start(input);
    let index = 0;
    for (let i = 0; i < 4; i++)
      for (let j = 0; j < 3; j++) {
        child.stdin?.write(
          exportEntry(failure(`192.0.2.${i}`, 2 * HOUR * i + j * 1_000_000), index++),
        );
        const wanted = { found: index, ban: i + (j === 2 ? 1 : 0) };
        await until(
          () => `${JSON.stringify(wanted)} in ${JSON.stringify(answers)}`,
          () =>
            answers.filter(({ event }) => event === 'found').length === wanted.found &&
            bans().length === wanted.ban,
        );
      }
    child.stdin?.end();
    await ended();
    expect(bans()).toEqual(
      [0, 2, 4, 6].map((hour, i) => [`192.0.2.${i}`, `2026-11-21T0${hour}:00:02.000Z`]),
    );
  },
);

test.each<Input>(['a pipe', 'a socket'])('%s: a pause changes nothing', async (input) => {
  // Long enough for a reader to take the stream for live, which nothing outside it shows.
  const entries = Array.from({ length: 600 }, (_, i) =>
    failure(`192.0.2.${Math.floor(i / 150)}`, i * 60_000_000),
  );
  const bytes = entries.map((entry, i) => exportEntry(entry, i));
  const said: unknown[] = [];
  for (const pause of [0, 1_100]) {
    answers = [];
    start(input);
    child.stdin?.write(Buffer.concat(bytes.slice(0, 200)));
    await sleep(pause);
    child.stdin?.write(Buffer.concat(bytes.slice(200)));
    child.stdin?.end();
    await ended();
    said.push(answers);
  }
  expect(said[1]).toEqual(said[0]);
  expect(bans().length).toBeGreaterThan(4);
});

test('no time that an entry states ends the replay', async () => {
  const stamps = [
    '0',
    '00',
    '18446744073709551615',
    '9007199254740993',
    '99999999999999999999',
    '-1',
    'x',
    '',
  ];
  const odd = stamps.flatMap((stamp) =>
    [1, 2, 3].map((i) =>
      exportEntry(failure('198.51.100.9', i))
        .toString()
        .replace(/(?<=__REALTIME_TIMESTAMP=)\d+/, stamp),
    ),
  );
  const missing = exportEntry(failure('198.51.100.9', 4))
    .toString()
    .replace(/__REALTIME_TIMESTAMP=\d+\n/, '');
  start('a pipe');
  const good = (address: string, from: number) =>
    [0, 1, 2].map((i) => exportEntry(failure(address, (from + i) * 1_000_000)).toString());
  child.stdin?.end([...good('192.0.2.1', 0), ...odd, missing, ...good('192.0.2.2', 10)].join(''));
  const [code] = await once(child, 'close');
  expect(code).toBe(0);
  expect(bans()).toContainEqual(['192.0.2.1', '2026-11-21T00:00:02.000Z']);
  expect(bans()).toContainEqual(['192.0.2.2', '2026-11-21T00:00:12.000Z']);
});
