import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Position, TEXT_LOG_FIELD, type TextLog } from '../../src/core/entry.js';
import { FIELD_BYTES_MAX, MESSAGE_CHARS_MAX, TEXT_FILES_MAX } from '../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor } from '../../src/core/names.js';
import type { EpochMicros } from '../../src/core/time.js';
import type { TextTools } from '../../src/journal/source.js';
import { findEntry } from '../../src/journal/systemd/find.js';
import { until } from '../support/until.js';
import { ALL, log, TextReader, textSource } from './text-support.js';

let folder: string;
let path: string;
const readers: TextReader[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-text-'));
  path = join(folder, 'mail.log');
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.source.close();
  rmSync(folder, { recursive: true, force: true });
});

const HEAD: Position = { at: 'head' };
const now = () => Date.now() * 1000;
const at = (secondsAgo: number) => now() - secondsAgo * 1_000_000;
const from = (secondsAgo: number): Position => ({
  at: 'time',
  time: at(secondsAgo) as EpochMicros,
});

function reader(
  logs: readonly TextLog[] = [log(path)],
  start: Position = HEAD,
  more: Partial<TextTools> = {},
) {
  const made = new TextReader(logs, start, more);
  readers.push(made);
  return made;
}

describe('following a log file', () => {
  test('delivers lines that are there and lines that come, each once', () => {
    writeFileSync(path, 'one\ntwo\n');
    const following = reader();
    expect(following.read()).toEqual(['one', 'two']);
    expect(following.read()).toEqual([]);
    appendFileSync(path, 'three\n');
    expect(following.read()).toEqual(['three']);
  });

  test('waits for the rest of a line that has not ended', () => {
    writeFileSync(path, 'one\nhalf');
    const following = reader();
    expect(following.read()).toEqual(['one']);
    appendFileSync(path, ' a li');
    expect(following.read()).toEqual([]);
    appendFileSync(path, 'ne\n');
    expect(following.read()).toEqual(['half a line']);
  });

  test('says that the message is the whole line, and of which log it is', () => {
    writeFileSync(path, 'one\r\n\n\r\n# two\n');
    const following = reader();
    expect(following.read()).toEqual(['one', '# two']);
    expect(following.entries[0]?.whole).toBe(true);
    expect(following.entries[0]?.fields.get(TEXT_LOG_FIELD)).toBe(path);
  });

  test('reads a file that appears later from its beginning, and says that it waits', () => {
    const following = reader([log(path)], from(60));
    expect(following.read()).toEqual([]);
    expect(following.notices.join()).toContain('does not exist');
    writeFileSync(path, 'one\n');
    expect(following.read()).toEqual(['one']);
  });

  test('finds files of a glob, also those that come later, and leaves hidden ones alone', () => {
    mkdirSync(join(folder, 'a'));
    writeFileSync(join(folder, 'a/x.log'), 'x\n');
    writeFileSync(join(folder, 'a/.hidden.log'), 'hidden\n');
    const following = reader([log(join(folder, '*/*.log'))]);
    expect(following.read()).toEqual(['x']);
    mkdirSync(join(folder, 'b'));
    writeFileSync(join(folder, 'b/y.log'), 'y\n');
    // Globs are expanded once a second.
    const end = performance.now() + 30_000;
    while (following.read().length === 0 && performance.now() < end);
    expect(following.entries.map(({ message }) => message)).toEqual(['x', 'y']);
  });

  test('keeps a line at the bound whole, and head and tail of a longer one; what follows is not lost', () => {
    const whole = 'w'.repeat(MESSAGE_CHARS_MAX);
    for (const size of [
      MESSAGE_CHARS_MAX + 1,
      FIELD_BYTES_MAX,
      FIELD_BYTES_MAX + 1,
      300_000,
      3_000_000,
    ]) {
      writeFileSync(path, `${whole}\nbegin ${'x'.repeat(size - 10)} end\nnext\n`);
      const following = reader();
      const [first, long, next] = following.read();
      expect([first, next]).toEqual([whole, 'next']);
      expect(long).toHaveLength(MESSAGE_CHARS_MAX);
      expect([long?.startsWith('begin xxx'), long?.endsWith('xxx end')]).toEqual([true, true]);
      expect(following.entries[1]?.cutAt).toBe(long?.indexOf('\n'));
    }
  });

  test('a long line that comes piece by piece is the same line', () => {
    writeFileSync(path, 'begin ');
    const following = reader();
    for (let i = 0; i < 40; i++) {
      appendFileSync(path, 'x'.repeat(3_000));
      expect(following.read()).toEqual([]);
    }
    appendFileSync(path, ' end\n');
    const [line] = following.read();
    expect([line?.length, line?.slice(0, 7), line?.slice(-5)]).toEqual([
      MESSAGE_CHARS_MAX,
      'begin x',
      'x end',
    ]);
  });

  test('keeps NUL, replaces invalid bytes, and skips the hole that a truncation under a writer leaves', () => {
    writeFileSync(
      path,
      Buffer.concat([Buffer.alloc(100_000), Buffer.from([0x61, 0, 0xff, 0x62, 0x0a])]),
    );
    expect(reader().read()).toEqual(['a\0\ufffdb']);
  });

  test('passes the gate on to lines, and remembers those that did not pass', () => {
    writeFileSync(path, 'good\nbad\ngood\n');
    const following = new TextReader([log(path)], HEAD, {}, { literals: ['bad'], fields: [] });
    readers.push(following);
    expect(following.read()).toEqual(['bad']);
    following.restart();
    following.read();
    expect(following.fresh()).toEqual([]);
  });

  test('a line whose date makes the dater throw is an undated one; that is told once, and the reader goes on', () => {
    writeFileSync(path, '');
    const dater: TextTools['dater'] = () => (line) => {
      if (line.includes('bad')) throw new RangeError('no such time');
      return { text: line };
    };
    const lines = reader([log(path)], HEAD, { dater });
    appendFileSync(path, 'good 1\nbad 1\nbad 2\ngood 2\n');
    expect(lines.read()).toEqual(['good 1', 'bad 1', 'bad 2', 'good 2']);
    lines.read();
    expect(lines.notices).toEqual([
      expect.stringMatching(/log: the date of a line .*no such time/),
    ]);
  });

  test('says so when a file may not be read', () => {
    mkdirSync(path);
    writeFileSync(join(folder, 'other.log'), 'x\n');
    expect(reader([log(path), log(join(folder, 'other.log'))]).read()).toEqual(['x']);
  });

  test(`follows ${TEXT_FILES_MAX} files and says that there are more`, () => {
    for (let i = 0; i <= TEXT_FILES_MAX; i++)
      writeFileSync(join(folder, `${1000 + i}.log`), `${i}\n`);
    const following = reader([log(join(folder, '*.log'))]);
    expect(following.read()).toHaveLength(TEXT_FILES_MAX);
    expect(following.notices.join()).toContain(`more than ${TEXT_FILES_MAX} files`);
  });
});

describe('encodings', () => {
  test.each([
    [
      'utf-16le',
      Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from('één\nŊ\u010a\u0a0a!\n', 'utf16le')]),
      ['één', 'Ŋ\u010a\u0a0a!'],
    ],
    ['utf-16be', Buffer.from('één\nŊ\u0a0a!\n', 'utf16le').swap16(), ['één', 'Ŋ\u0a0a!']],
    ['iso-8859-1', Buffer.from('één\n', 'latin1'), ['één']],
    ['latin-1', Buffer.from('één\n', 'latin1'), ['één']],
    ['cp1251', Buffer.from([0xdf, 0x0a]), ['Я']],
    ['auto', Buffer.from('\ufefféén\n'), ['één']],
  ])('%s', (encoding, bytes, lines) => {
    // Byte by byte, so that every character is torn once.
    writeFileSync(path, '');
    const following = reader([log(path, { encoding })]);
    const read: string[] = [];
    for (const byte of bytes) {
      appendFileSync(path, Buffer.from([byte]));
      read.push(...following.read());
    }
    expect(read).toEqual(lines);
  });

  test('an unknown one is refused with what to write', () => {
    expect(() => reader([log(path, { encoding: 'klingon' })])).toThrow(/klingon/);
  });
});

describe('rotation', () => {
  test('by rename: the old file is read to its end, the new one from its beginning', () => {
    writeFileSync(path, 'one\n');
    const following = reader();
    following.read();
    appendFileSync(path, 'two\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'three\n');
    expect(following.read().sort()).toEqual(['three', 'two']);
    appendFileSync(`${path}.1`, 'late\n');
    expect(following.read()).toEqual(['late']);
  });

  test("multilog's: current becomes @TAI64N.s, also twice between two looks and while the agent is down", () => {
    const current = join(folder, 'current');
    writeFileSync(current, `${at(9)} one\n`);
    const following = reader([log(current)], from(60));
    expect(following.read()).toEqual(['one']);
    const rotate = (line: string, n: number) => {
      appendFileSync(current, `${at(1)} ${line}\n`);
      renameSync(current, join(folder, `@4000000065f0000${n}00000000.s`));
      writeFileSync(current, '');
    };
    rotate('two', 1);
    rotate('three', 2);
    expect(following.read().sort()).toEqual(['three', 'two']);
    following.source.close();
    rotate('four', 3);
    rotate('five', 4);
    following.restart();
    following.read();
    expect(following.fresh()).toEqual(['four', 'five']);
  });

  test('by copytruncate: what the copy has and was not read yet is read there', () => {
    writeFileSync(path, 'one\n');
    const following = reader();
    following.read();
    appendFileSync(path, 'two\n');
    copyFileSync(path, `${path}.1`);
    truncateSync(path);
    appendFileSync(path, 'three\n');
    expect(following.read().sort()).toEqual(['three', 'two']);
    expect(following.notices.join()).toContain('was emptied');
  });

  test('by a copy over the last copy: each line once, also when it is looked at while it is made', () => {
    for (const isSeenEmpty of [false, true]) {
      writeFileSync(path, '');
      const following = reader();
      following.read();
      for (let i = 0; i < 5; i++) {
        // Of the same length, so that sizes tell nothing.
        appendFileSync(path, `read ${i}\n`);
        following.read();
        appendFileSync(path, `late ${i}\n`);
        if (isSeenEmpty) writeFileSync(`${path}.1`, '');
        if (isSeenEmpty && i % 2 === 0) expect(following.read()).toEqual([`late ${i}`]);
        copyFileSync(path, `${path}.1`);
        truncateSync(path);
        // A copy is believed to be whole when it has been left alone for a while.
        utimesSync(`${path}.1`, at(20 - i) / 1e6, at(20 - i) / 1e6);
        following.read();
      }
      const lines = following.entries.map(({ message }) => message);
      expect(lines.sort()).toEqual(
        ['late', 'read'].flatMap((word) => [0, 1, 2, 3, 4].map((i) => `${word} ${i}`)),
      );
      rmSync(`${path}.1`);
    }
  });

  test('notices a file that was emptied and has grown past the place since', () => {
    writeFileSync(path, 'one\n');
    const following = reader();
    following.read();
    truncateSync(path);
    appendFileSync(path, 'a longer line than before\nand another\n');
    expect(following.read()).toEqual(['a longer line than before', 'and another']);
  });

  test('a file that nobody names any more is let go after a while, with the line that has no end', async () => {
    writeFileSync(path, 'one\nhalf');
    const following = reader([log(path)], HEAD, { orphanMs: 50 });
    following.read();
    renameSync(path, join(folder, 'elsewhere'));
    following.read();
    const rest: string[] = [];
    await until('it is let go', () => rest.push(...following.read()) > 0);
    expect(rest).toEqual(['half']);
    expect(following.source.streams?.()).toEqual([]);
    // Back again: nothing of it twice.
    renameSync(join(folder, 'elsewhere'), path);
    appendFileSync(path, '\nmore\n');
    expect(following.read()).toEqual(['more']);
  });
});

describe('where reading begins', () => {
  const dated = (count: number) =>
    Array.from({ length: count }, (_, i) => `${at(count - i)} line ${i} ${'x'.repeat(100)}\n`).join(
      '',
    );

  test('a first start reads back by the dates of the lines', () => {
    writeFileSync(path, dated(5_000));
    const lines = reader([log(path)], from(605)).read();
    // The search ends within one look of 64 KiB; what lies before findtime decides nothing.
    expect(lines.length).toBeGreaterThanOrEqual(600);
    expect(lines.length).toBeLessThan(1_300);
    expect(lines.at(-1)).toContain('line 4999');
  });

  test('lines without a date cannot be placed: a first start begins after them, a later one where the last ended', () => {
    writeFileSync(path, 'old\nolder\n');
    const following = reader([log(path)], from(600));
    expect(following.read()).toEqual([]);
    appendFileSync(path, 'new\n');
    expect(following.read()).toEqual(['new']);
    following.source.close();
    appendFileSync(path, 'while down\n');
    following.restart(600_000_000);
    expect(following.read()).toEqual(['while down']);
  });

  test('what was written after a first start on a quiet file without dates is not lost by a restart', () => {
    writeFileSync(path, 'old\n');
    const following = reader([log(path)], from(600));
    following.read();
    following.source.close();
    appendFileSync(path, 'while down\n');
    following.restart(600_000_000);
    expect(following.read()).toEqual(['while down']);
  });

  test('a logpath with "tail" begins at the end at a first start', () => {
    writeFileSync(path, dated(3));
    const following = reader([log(path, { from: 'tail' })], from(600));
    expect(following.read()).toEqual([]);
    appendFileSync(path, `${now()} new\n`);
    expect(following.read()).toEqual(['new']);
  });

  test('rotated files are read back too, as far as findtime reaches', () => {
    writeFileSync(`${path}.2`, `${at(5_000)} long ago\n`);
    utimesSync(`${path}.2`, at(5_000) / 1e6, at(5_000) / 1e6);
    writeFileSync(`${path}.1`, `${at(100)} before rotation\n`);
    writeFileSync(`${path}.1.gz`, 'compressed\n');
    writeFileSync(path, `${at(10)} after rotation\n`);
    expect(reader([log(path)], from(600)).read()).toEqual(['before rotation', 'after rotation']);
  });

  test('a file that was removed while the agent was down is a gap', () => {
    writeFileSync(path, 'one\n');
    const following = reader();
    following.read();
    writeFileSync(join(folder, 'other'), 'two\n');
    renameSync(join(folder, 'other'), path);
    following.restart();
    expect(following.gap).toBe(true);
    expect(following.read()).toEqual(['two']);
  });
});

describe('the time of a line', () => {
  const timeOf = (line: string) => {
    writeFileSync(path, '');
    const following = reader();
    following.read();
    appendFileSync(path, `${line}\n`);
    following.read();
    return now() - (following.entries[0]?.realtime ?? 0);
  };

  test('is its date, when the date can be true of a line that was just written', () => {
    const age = timeOf(`${at(30)} x`);
    expect(age).toBeGreaterThanOrEqual(30_000_000);
    expect(age).toBeLessThan(90_000_000);
  });

  test('is now for a new line without a date, of another zone, or of the future', () => {
    for (const line of ['no date', `${at(7_200)} x`, `${at(-7_200)} x`, `${at(-20)} x`])
      expect(Math.abs(timeOf(line))).toBeLessThan(15_000_000);
  });

  test('of old lines is their date, or that of the line before', () => {
    writeFileSync(path, `${at(100)} dated\nundated\n`);
    const following = reader([log(path)], from(600));
    following.read();
    const [first, second] = following.entries;
    expect(second?.realtime).toBe(first?.realtime);
  });
});

describe('several logs', () => {
  test('are merged by time after a stop, and each delivers at once when it is written', () => {
    const other = join(folder, 'other.log');
    writeFileSync(path, `${at(50)} a\n${at(30)} c\n${at(10)} e\n`);
    writeFileSync(other, `${at(40)} b\n${at(20)} d\n`);
    const following = reader([log(path), log(other)], from(600));
    expect(following.read()).toEqual(['a', 'b', 'c', 'd', 'e']);
    appendFileSync(other, `${at(45)} late\n`);
    expect(following.read(1)).toEqual(['late']);
    expect(
      following.source.streams?.().map(({ name, entriesRead }) => [name, entriesRead]),
    ).toEqual([
      [path, 3],
      [other, 3],
    ]);
  });
});

describe('the cursor of a line', () => {
  test('finds the line again, also after rotation, and not what stands in its place now', () => {
    writeFileSync(path, `${at(20)} one\n${at(10)} two\n`);
    const following = reader([log(path)], from(600));
    following.read();
    const name = following.entries[1]?.cursor ?? cursor('none');
    const find = () => findEntry(() => textSource([log(path)]), name, [])?.message;
    expect(find()).toBe('two');
    renameSync(path, `${path}.1`);
    writeFileSync(path, `${at(5)} three\n`);
    expect(find()).toBe('two');
    writeFileSync(`${path}.1`, `${at(20)} xxx\n${at(10)} yyy\n`);
    expect(find()).toBeUndefined();
  });
});

describe('closing', () => {
  test('refuses every call after close, and may be closed twice', () => {
    writeFileSync(path, 'one\n');
    const source = textSource([log(path)]);
    source.open(WHOLE_JOURNAL, ALL, HEAD);
    source.close();
    source.close();
    for (const call of [
      () => source.next(1),
      () => source.poll(),
      () => source.open(WHOLE_JOURNAL, ALL, HEAD),
    ])
      expect(call).toThrow(expect.objectContaining({ code: 'ERR_JOURNAL_CLOSED' }));
  });
});
