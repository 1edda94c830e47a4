import { appendFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { TEXT_PROOF_BYTES, TEXT_SEEK_BYTES, TEXT_TURN_BYTES } from '../../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../../src/core/match.js';
import { type EpochMicros, epochMicros, MICROS_PER_SECOND } from '../../../src/core/time.js';
import { TEXT_DATE_OFF_SECONDS_MAX } from '../../../src/core/timeouts.js';
import { TextFile } from '../../../src/journal/text/file.js';
import type { TextReading } from '../../../src/journal/text/stream.js';
import { seekTime } from '../../../src/journal/text/stream.js';
import { Scratch } from '../../support/journal-files.js';
import { ALL, log, textSource } from '../text-support.js';

test('a place is proved by so many bytes before it and by none further back', () => {
  using scratch = new Scratch();
  const end = 1_000;
  const proof = (changed?: number) => {
    const bytes = Buffer.alloc(end, 'a');
    if (changed !== undefined) bytes[end - changed] = 0x62;
    writeFileSync(scratch.file('log'), bytes);
    const file = new TextFile(scratch.file('log'));
    try {
      return file.proofAt(end);
    } finally {
      file.close();
    }
  };
  expect(proof(TEXT_PROOF_BYTES)).not.toBe(proof());
  expect(proof(TEXT_PROOF_BYTES + 1)).toBe(proof());
});

test('a date is sought in so many bytes and no more', () => {
  using scratch = new Scratch();
  const reading = {
    now: () => epochMicros(0),
    decode: (bytes: Buffer) => bytes.toString('latin1'),
    dater: (line: string) =>
      line.startsWith('dated') ? { text: line, time: epochMicros(1) } : { text: line },
  } as unknown as TextReading;
  const found = (before: number) => {
    writeFileSync(
      scratch.file('log'),
      `${'x'.repeat(before - 1)}\ndated\n${'y\n'.repeat(TEXT_SEEK_BYTES)}`,
    );
    const file = new TextFile(scratch.file('log'));
    try {
      return seekTime(file, reading, 0 as EpochMicros);
    } finally {
      file.close();
    }
  };
  expect(found(TEXT_SEEK_BYTES - 'dated'.length)).toBe(0);
  expect(found(TEXT_SEEK_BYTES)).toBeUndefined();
});

test('one turn reads so many bytes of a line without end, and the next goes on', () => {
  using scratch = new Scratch();
  const turns = (chars: number) => {
    writeFileSync(scratch.file('log'), `${'x'.repeat(chars)}\n`);
    const source = textSource([log(scratch.file('log'))]);
    try {
      source.open(WHOLE_JOURNAL, ALL, { at: 'head' });
      for (let turn = 1; ; turn++) if (source.next(10).entries.length > 0) return turn;
    } finally {
      source.close();
    }
  };
  expect(turns(TEXT_TURN_BYTES - 1)).toBe(1);
  expect(turns(2 * TEXT_TURN_BYTES)).toBe(2);
});

test('a new line is dated by itself while its date is at most so far off, else by the clock', () => {
  using scratch = new Scratch();
  const now = epochMicros(1_700_000_000_000_000);
  const times = (off: number) => {
    writeFileSync(scratch.file('log'), '');
    const source = textSource([log(scratch.file('log'))], { now: () => now });
    try {
      source.open(WHOLE_JOURNAL, ALL, { at: 'head' });
      source.next(10);
      appendFileSync(scratch.file('log'), `${now - off} a\n`);
      return source.next(10).entries.map(({ realtime }) => realtime);
    } finally {
      source.close();
    }
  };
  const most = TEXT_DATE_OFF_SECONDS_MAX * MICROS_PER_SECOND;
  expect(times(most)).toEqual([now - most]);
  expect(times(most + 1)).toEqual([now]);
});
