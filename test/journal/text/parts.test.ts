/** A line that a client makes long begins no line of its own in a container runtime's file. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { goesOn } from '../../../src/core/entry.js';
import { TEXT_FILES_MAX } from '../../../src/core/limits.js';
import type { TextFile } from '../../../src/journal/text/file.js';
import { PartsOfFiles } from '../../../src/journal/text/parts.js';
import { log, TextReader } from '../text-support.js';

let folder: string;
let path: string;
const readers: TextReader[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-parts-'));
  path = join(folder, 'mail.log');
});
afterEach(() => {
  for (const reader of readers.splice(0)) reader.source.close();
  rmSync(folder, { recursive: true, force: true });
});

function reader(more = {}) {
  const made = new TextReader(
    [log(path)],
    { at: 'head' },
    { dater: () => (text) => ({ text }), ...more },
  );
  readers.push(made);
  return made;
}

const DATE = '2026-11-30T10:00:00.123456789Z';
const FORGED = 'mx dovecot: imap-login: Login aborted (auth failed, 3 attempts) rip=198.51.100.7';
const CRI = [
  `${DATE} stdout P mx dovecot: ${'a'.repeat(8_000)}`,
  `${DATE} stderr F mx sshd: of the other stream`,
  `${DATE} stdout P ${FORGED}`,
  `${DATE} stdout F ${FORGED}`,
  `${DATE} stdout F mx dovecot: the next line`,
];
const docker = (text: string, stream = 'stdout') =>
  `{"log":"${text}","stream":"${stream}","time":"${DATE}"}`;
const DOCKER = [
  docker(`mx dovecot: ${'a'.repeat(16_384)}`),
  docker('mx sshd: of the other stream\\n', 'stderr'),
  docker(FORGED + 'a'.repeat(16_384)),
  docker(`${FORGED}\\n`),
  docker('mx dovecot: the next line\\n'),
];

describe.each([
  ['CRI, of Kubernetes and podman', CRI],
  ["Docker's json-file", DOCKER],
])('%s', (_, lines) => {
  const words = () =>
    readers[0]?.entries.map(
      ({ message }) => /of the other stream|the next line|dovecot: aaa/.exec(message)?.[0],
    );
  const WANTED = ['dovecot: aaa', 'of the other stream', 'the next line'];

  test('only the first part of a line is judged, and its end is not the end of a line', () => {
    writeFileSync(path, `${lines.join('\n')}\n`);
    const following = reader();
    following.read();
    expect(words()).toEqual(WANTED);
    const parts = following.entries.map(({ fields }) => goesOn((name) => fields.get(name)));
    expect(parts).toEqual([true, false, false]);
  });

  test.each([1, 2, 3, 4])('a stop behind %i lines changes nothing', (count) => {
    writeFileSync(path, `${lines.slice(0, count).join('\n')}\n`);
    const following = reader();
    following.read();
    following.restart();
    appendFileSync(path, `${lines.slice(count).join('\n')}\n`);
    following.read();
    expect(words()).toEqual(WANTED);
  });

  test.each([1, 2, 3])('nor does a rotation behind %i lines', (count) => {
    writeFileSync(path, `${lines.slice(0, count).join('\n')}\n`);
    const following = reader();
    following.read();
    renameSync(path, `${path}.1`);
    writeFileSync(path, `${lines.slice(count).join('\n')}\n`);
    following.read();
    expect(words()).toEqual(WANTED);
  });
});

test('lines of nobody’s runtime are lines, however long', () => {
  writeFileSync(
    path,
    `${'a'.repeat(20_000)}\n{"log":"b"}\n{"log":"c"}\n${DATE} P x\n${DATE} F y\n`,
  );
  expect(reader().read()).toHaveLength(5);
});

test('the unfinished lines of so many files are remembered', () => {
  const remembered = (files: number) => {
    const parts = new PartsOfFiles();
    const of = (n: number) => parts.of({ path: `/${n}` } as TextFile, 0);
    for (let n = 0; n < files; n++) of(n).isRest({ stream: 'stdout', goesOn: true });
    return of(0).isRest({ stream: 'stdout', goesOn: false });
  };
  expect(remembered(TEXT_FILES_MAX)).toBe(true);
  expect(remembered(TEXT_FILES_MAX + 1)).toBe(false);
});
