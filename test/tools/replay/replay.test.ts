import { PassThrough } from 'node:stream';
import { expect, test } from '@jest/globals';
import { type EpochMicros, isoTime } from '../../../src/core/time.js';
import { ReplayProgress } from '../../../src/tools/replay/replay.js';
import { formatTime, zone } from '../../../src/tools/terminal.js';

const at = Date.UTC(2026, 10, 21, 18) * 1000;

function drawn(columns?: number): string {
  const stream = Object.assign(new PassThrough(), columns === undefined ? {} : { columns });
  new ReplayProgress(stream, true).show(1_234, at as EpochMicros, 0.5);
  return String(stream.read());
}

test('the progress of a long read is told in local time, with its zone', () => {
  const time = `${formatTime(isoTime(at as EpochMicros))} ${zone()}`;
  expect(drawn()).toBe(`[${'#'.repeat(12)}${'·'.repeat(12)}] 50 % 1,234 entries, ${time}`);
});

test('the progress never fills the line of a terminal, which would fold it', () => {
  expect(drawn(40)).toBe(drawn().slice(0, 39));
});
