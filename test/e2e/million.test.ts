/**
 * A journal of a million entries: bounded memory, and the same decisions however it is cut. No
 * container is needed.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { type MailEntry, mailServer } from '../../bench/mailserver.js';

const ENTRIES = 1_000_000;
const RSS_MIB_MAX = 256;
const UNITS: Readonly<Record<MailEntry['service'], string>> = {
  postfix: 'postfix.service',
  dovecot: 'dovecot.service',
  sshd: 'ssh.service',
};

/**
 * An export stream, made as it is read; chunks of changing length, so that batches fall
 * differently.
 */
function* exported(count: number, entriesPerChunk: number): Generator<string> {
  let chunk = '';
  let number = 0;
  for (const { service, ident, pid, message } of mailServer(count)) {
    number++;
    const time = 1_795_000_000_000_000 + number * 40_000;
    chunk +=
      `__CURSOR=s=${'a'.repeat(32)};i=${number.toString(16)};b=${'b'.repeat(32)};m=${number.toString(16)};t=${time.toString(16)};x=${number.toString(16)}\n` +
      `__REALTIME_TIMESTAMP=${time}\n__MONOTONIC_TIMESTAMP=${number}\n_BOOT_ID=${'b'.repeat(32)}\n_HOSTNAME=mx\n_UID=0\n` +
      `_SYSTEMD_UNIT=${UNITS[service]}\nSYSLOG_IDENTIFIER=${ident}\n_PID=${pid}\nMESSAGE=${message}\n\n`;
    if (number % entriesPerChunk === 0) {
      yield chunk;
      chunk = '';
    }
  }
  yield chunk;
}

/** Replays a stream; the digest of every event, their number, and the most memory it ever took. */
function replay(
  stream: Iterable<string>,
): Promise<{ digest: string; bans: number; rssMib: number; code: number | null }> {
  const child = spawn(
    process.execPath,
    [join(process.cwd(), 'dist/src/main.js'), 'replay', '-', '--json'],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const hash = createHash('sha256');
  let bans = 0;
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    hash.update(text);
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.startsWith('{"event":"ban"')) bans++;
  });
  let rssKib = 0;
  const watch = setInterval(() => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    rssKib = Math.max(rssKib, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }, 200);
  Readable.from(stream).pipe(child.stdin);
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearInterval(watch);
      resolve({ digest: hash.digest('hex'), bans, rssMib: rssKib / 1024, code });
    }),
  );
}

describe('a replay', () => {
  test('of a million entries stays within its memory', async () => {
    const { bans, rssMib, code } = await replay(exported(ENTRIES, 1_000));
    console.log(`${ENTRIES} entries: ${bans} bans, at most ${Math.round(rssMib)} MiB`);
    expect(code).toBe(0);
    expect(bans).toBeGreaterThan(100);
    expect(rssMib).toBeGreaterThan(30);
    expect(rssMib).toBeLessThanOrEqual(RSS_MIB_MAX);
  });

  test('decides the same on a stream that comes in drops', async () => {
    const large = await replay(exported(20_000, 5_000));
    const small = await replay(exported(20_000, 7));
    expect(small).toMatchObject({ digest: large.digest, bans: large.bans });
    expect(large.bans).toBeGreaterThan(0);
  });
});
