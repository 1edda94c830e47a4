import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { runCli } from '../../../src/cli/cli.js';
import { type EpochMicros, localTime, localZone } from '../../../src/core/time.js';
import { ReplayProgress } from '../../../src/tools/replay/replay.js';
import { caught } from '../../control/host.js';

const at = Date.UTC(2026, 10, 21, 18) * 1000;

function drawn(columns?: number): string {
  const stream = Object.assign(new PassThrough(), columns === undefined ? {} : { columns });
  new ReplayProgress(stream, true).show(1_234, at as EpochMicros, 0.5);
  return String(stream.read());
}

test('the progress of a long read is told in local time, with its zone', () => {
  const time = `${localTime((at as EpochMicros) / 1000)} ${localZone()}`;
  expect(drawn()).toBe(`[${'#'.repeat(12)}${'·'.repeat(12)}] 50 % 1,234 entries, ${time}`);
});

test('the progress never fills the line of a terminal, which would fold it', () => {
  expect(drawn(40)).toBe(drawn().slice(0, 39));
});

test('a file of text is no journal, and a folder that is not there no configuration', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-replay-'));
  const file = join(folder, 'mail.log');
  writeFileSync(file, 'Nov 21 18:00:00 mx sshd[1]: Failed password for root\n');
  try {
    const text = await caught((terminal) => runCli(['replay', file], terminal));
    expect([text.code, text.err]).toEqual([
      65,
      `banjour: ${file} holds no entry of a journal\n  journalctl -o export writes such entries; banjour test tries lines of text\n`,
    ]);
    const words = ['replay', file, '--config-dir', join(folder, 'etc')];
    const config = await caught((terminal) => runCli(words, terminal));
    expect([config.code, config.err]).toEqual([
      78,
      expect.stringContaining(`${folder}/etc:1: error: there is no such folder; correct its name`),
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
