import { describe, expect, test } from '@jest/globals';
import { RUNTIME_PART_BYTES_MIN, RUNTIME_STREAMS_MAX } from '../../src/core/limits.js';
import { RuntimeParts, runtimePart } from '../../src/journal/runtime-line.js';

const DATE = '2026-11-30T10:00:00.123456789Z';
const partOf = (line: string) => runtimePart(line, line, Buffer.byteLength(line));

describe("CRI's lines", () => {
  test.each([
    [`${DATE} stdout F mx dovecot: words`, 'stdout', false],
    [`${DATE} stderr P mx dovecot: words`, 'stderr', true],
    // podman's, with the zone; an empty line; tags behind the mark.
    ['2026-11-30T10:00:00.123456789+01:00 stdout P words', 'stdout', true],
    [`${DATE} stdout F`, 'stdout', false],
    [`${DATE} stdout P:a:b words`, 'stdout', true],
    [`mail-1  | ${DATE} stdout P words`, 'mail-1  | stdout', true],
  ])('%s', (line, stream, goesOn) => {
    expect(partOf(line)).toEqual({ stream, goesOn });
  });

  test.each([
    'mx dovecot: words',
    'stdout P words',
    `${DATE} stdout Q words`,
    `${DATE} stdoutP words`,
    `${DATE} mx dovecot: ${DATE} stdout P words`,
    `mx dovecot: ${DATE} stdout P words`,
  ])('not %s', (line) => {
    expect(partOf(line)).toBeUndefined();
  });
});

describe("Docker's objects", () => {
  const ends = '","stream":"stdout","time":"2026-11-30T10:00:00.1Z"}';
  const object = (text: string, end = ends) => `{"log":"${text}${end}`;
  const long = 'a'.repeat(16_384);

  test.each([
    ['a short one without a newline', object('words'), false],
    ['a part', object(long), true],
    ['a part that ends in an n', object(`${long}n`), true],
    ['a part that ends in a backslash and an n', object(`${long}\\\\n`), true],
    ['the end of a line', object(`${long}\\n`), false],
    ['the end of a line behind a backslash', object(`${long}\\\\\\n`), false],
    [
      'with attributes',
      object(long, ends.replace(',"time"', ',"attrs":{"tag":"mail"},"time"')),
      true,
    ],
    [
      'whose text imitates the end',
      object(`${long}\\n\\",\\"stream\\":\\"stderr\\",\\"time\\":\\"x\\"}`),
      true,
    ],
  ])('%s', (_, line, goesOn) => {
    expect(partOf(line)).toEqual({ stream: 'stdout', goesOn });
  });

  test('of so many bytes may be parts', () => {
    const filled = (bytes: number) => object('a'.repeat(bytes - object('').length));
    expect(partOf(filled(RUNTIME_PART_BYTES_MIN))?.goesOn).toBe(true);
    expect(partOf(filled(RUNTIME_PART_BYTES_MIN - 1))?.goesOn).toBe(false);
  });

  test('that were broken before their end go on in a stream that nobody knows', () => {
    expect(partOf(`{"log":"${long}`)).toEqual({ stream: '', goesOn: true });
    expect(partOf('{"log":"words')).toBeUndefined();
  });

  test('of other programs are none', () => {
    expect(partOf(`{"message":"${long}","stream":"stdout","time":"x"}`)).toBeUndefined();
    expect(partOf('{"log":"words","level":"info"}')).toBeUndefined();
  });
});

test('of so many streams the unfinished lines are remembered, and the oldest is forgotten', () => {
  const remembered = (streams: number) => {
    const parts = new RuntimeParts();
    for (let n = 0; n < streams; n++) parts.isRest({ stream: `s${n}`, goesOn: true });
    return parts.isRest({ stream: 's0', goesOn: false });
  };
  expect(remembered(RUNTIME_STREAMS_MAX)).toBe(true);
  expect(remembered(RUNTIME_STREAMS_MAX + 1)).toBe(false);
});
