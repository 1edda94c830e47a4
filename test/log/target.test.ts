import { fstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { OperatorError } from '../../src/core/errors.js';
import { mustJailName } from '../../src/core/names.js';
import { isStderrJournal, LogFile, openLog } from '../../src/log/target.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-log-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function stderr() {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(String(chunk));
      done();
    },
  });
  return { lines, stream };
}

describe('logtarget = a file', () => {
  test("has fail2ban's lines, and goes on in a new file after logrotate", () => {
    const { stream } = stderr();
    const path = join(folder, 'banjour.log');
    const logging = openLog({
      level: 'info',
      target: { file: path },
      stderr: stream,
      out: () => undefined,
      env: {},
    });
    const jail = mustJailName('sshd');
    logging.log('notice', 'Ban 192.0.2.1', { jail, address: '192.0.2.1', action: 'ban' });
    renameSync(path, `${path}.1`);
    logging.log('notice', 'Ban 192.0.2.2', { jail, address: '192.0.2.2', action: 'ban' });
    logging.reopen();
    logging.log('notice', 'Ban 192.0.2.3', { jail, address: '192.0.2.3', action: 'ban' });
    logging.close();
    expect(readFileSync(`${path}.1`, 'utf8')).toMatch(
      /^[-\d]{10} [:\d]{8},\d{3} fail2ban\.actions {8}\[\d+\]: NOTICE {2}\[sshd\] Ban 192\.0\.2\.1\n.* Ban 192\.0\.2\.2\n$/,
    );
    expect(readFileSync(path, 'utf8')).toMatch(/^[^\n]* \[sshd\] Ban 192\.0\.2\.3\n$/);
  });

  test('that cannot be opened stops the start, and says where one may be', () => {
    const { stream } = stderr();
    const start = () => new LogFile(join(folder, 'no/such/folder.log'), stream);
    expect(start).toThrow(OperatorError);
    expect(start).toThrow(/folder\.log cannot be opened: .*ENOENT/);
  });

  test('that cannot be opened again after a rotation is kept as it is', () => {
    const { stream } = stderr();
    const path = join(folder, 'below');
    mkdirSync(path);
    const file = new LogFile(join(path, 'banjour.log'), stream);
    renameSync(path, join(folder, 'moved'));
    expect(() => file.reopen()).toThrow(OperatorError);
    file.write('two\n');
    file.close();
    expect(readFileSync(join(folder, 'moved/banjour.log'), 'utf8')).toBe('two\n');
  });

  test('on a full disk: lines go to standard error, the reason is said once', () => {
    const { lines, stream } = stderr();
    const file = new LogFile('/dev/full', stream);
    file.write('one\n');
    file.write('two\n');
    file.close();
    expect(lines).toEqual([
      expect.stringMatching(/^<3>cannot write to \/dev\/full: .*ENOSPC/),
      'one\n',
      'two\n',
    ]);
  });
});

describe('logtarget = journal', () => {
  test('in a terminal means lines there, even when the terminal inherited the name of a journal stream', () => {
    const { lines, stream } = stderr();
    const env = { JOURNAL_STREAM: '1:1' };
    const logging = openLog({
      level: 'info',
      target: 'journal',
      stderr: stream,
      out: () => undefined,
      env,
    });
    logging.log('info', 'hello');
    expect(lines.join('')).toMatch(/^[-\d]{10} [:\d]{8},\d{3} INFO hello/);
  });

  test('is recognised by the device and inode that systemd names', () => {
    const { dev, ino } = fstatSync(2, { bigint: true });
    expect(isStderrJournal({ JOURNAL_STREAM: `${dev}:${ino}` })).toBe(true);
    expect(isStderrJournal({ JOURNAL_STREAM: `${dev}:${ino + 1n}` })).toBe(false);
    expect(isStderrJournal({})).toBe(false);
  });
});
