import { describe, expect, test } from '@jest/globals';
import type { Entry } from '../../src/core/entry.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { lineInMessage, lineOf, repeatedLine } from '../../src/filter/line.js';

function entry(message: string, fields: Record<string, string> = {}, cutAt?: number): Entry {
  return {
    cursor: cursor('c'),
    realtime: epochMicros(1),
    message,
    fields: new Map(Object.entries(fields)),
    ...(cutAt !== undefined && { cutAt }),
  };
}

describe('the line of a journal entry is the one that fail2ban judges', () => {
  test('host, identifier, pid and message', () => {
    const fields = {
      _HOSTNAME: 'mx1',
      SYSLOG_IDENTIFIER: 'postfix/smtpd',
      SYSLOG_PID: '14398',
      _PID: '7',
      _COMM: 'x',
    };
    expect(lineOf(entry('NOQUEUE: reject', fields))).toEqual({
      text: 'mx1 postfix/smtpd[14398]: NOQUEUE: reject',
    });
  });

  test('_COMM and _PID stand in for what the service did not send', () => {
    expect(lineOf(entry('hello', { _HOSTNAME: 'mx1', _COMM: 'dovecot', _PID: '42' })).text).toBe(
      'mx1 dovecot[42]: hello',
    );
  });

  test('a pid of digits is read as a number, anything else stays as it is', () => {
    expect(lineOf(entry('m', { SYSLOG_IDENTIFIER: 'a', SYSLOG_PID: '0042' })).text).toBe(
      'a[42]: m',
    );
    expect(lineOf(entry('m', { SYSLOG_IDENTIFIER: 'a', SYSLOG_PID: '4x' })).text).toBe('a[4x]: m');
  });

  test('without identifier there is neither pid nor colon', () => {
    expect(lineOf(entry('m', { _HOSTNAME: 'mx1', _PID: '42' })).text).toBe('mx1 m');
    expect(lineOf(entry('m')).text).toBe('m');
  });

  test('a kernel line has the monotonic time, of the source if it has one', () => {
    const fields = { _HOSTNAME: 'mx1', SYSLOG_IDENTIFIER: 'kernel' };
    expect(
      lineOf(entry('IN=eth0', { ...fields, _SOURCE_MONOTONIC_TIMESTAMP: '12345678' })).text,
    ).toBe('mx1 kernel: [   12.345678] IN=eth0');
    expect(lineOf(entry('IN=eth0', { ...fields, __MONOTONIC_TIMESTAMP: '1' })).text).toBe(
      'mx1 kernel: [    0.000001] IN=eth0',
    );
    expect(lineOf(entry('IN=eth0', { ...fields, _PID: '3' })).text).toBe('mx1 kernel[3]: IN=eth0');
  });

  test('the end of line that a container runtime leaves in the message is no part of it', () => {
    expect(lineOf(entry('auth failed\n')).text).toBe('auth failed');
    expect(lineOf(entry('auth failed\r\n')).text).toBe('auth failed');
    expect(lineOf(entry('auth failed\r')).text).toBe('auth failed');
    expect(lineOf(entry('auth failed\n\n')).text).toBe('auth failed\\n');
    expect(lineInMessage(entry('Nov 21 auth failed\n'), 7)?.text).toBe('auth failed');
    expect(lineOf(entry('')).text).toBe('');
  });

  test('newlines become the two characters \\n, so that one entry is one line', () => {
    expect(lineOf(entry('a\nb', { SYSLOG_IDENTIFIER: 'x\ny' })).text).toBe('x\\ny: a\\nb');
  });

  test('the cut of an over-long message is the only newline, and its place is told', () => {
    const line = lineOf(entry('a\nb\nc\nd', { _HOSTNAME: 'mx1', SYSLOG_IDENTIFIER: 'x' }, 3));
    expect(line.text).toBe('mx1 x: a\\nb\nc\\nd');
    expect(line.text[line.cutAt ?? -1]).toBe('\n');
    expect(line.text.split('\n')).toHaveLength(2);
  });
});

test('says of a line that journald or a container runtime broke that it goes on', () => {
  for (const fields of [{ _LINE_BREAK: 'nul' }, { CONTAINER_PARTIAL_MESSAGE: 'true' }] as Record<
    string,
    string
  >[])
    expect(lineOf(entry('m', fields))).toEqual({ text: 'm', goesOn: true });
  expect(lineOf(entry('m', { _LINE_BREAK: 'eof' }))).toEqual({ text: 'm' });
});

describe('a line that rsyslog made of several', () => {
  const wrapped = (times: string, words: string, header = 'mx1 sshd[15]: ') =>
    `${header}message repeated ${times} times: [ ${words}]`;

  test.each(['mx1 sshd[15]: ', ' mx1 sshd[15]: ', 'sshd: ', '<22>1  mx1 sshd 15 - [a@1 b="c"] '])(
    'is the line in the brackets, so many times, behind %j',
    (header) => {
      expect(repeatedLine({ text: wrapped('3', 'bad 192.0.2.1', header) })).toEqual({
        line: { text: `${header}bad 192.0.2.1` },
        times: 3,
      });
    },
  );

  test.each([
    ['behind other words', wrapped('2', 'bad 192.0.2.1', 'mx1 sshd[15]: user x: ')],
    ['without a header', wrapped('2', 'bad 192.0.2.1', '')],
    ['without its end', 'mx1 sshd[15]: message repeated 2 times: [ bad 192.0.2.1'],
    ['with words behind its end', `${wrapped('2', 'bad 192.0.2.1')} from 192.0.2.2`],
    ['with a number beyond reason', wrapped('1234567890', 'bad 192.0.2.1')],
  ])('is none %s', (_, text) => {
    expect(repeatedLine({ text })).toBeUndefined();
  });

  test('keeps the place of its cut, and is none where that is in the words around it', () => {
    const text = wrapped('2', 'bad\n 192.0.2.1');
    const { line } = repeatedLine({ text, cutAt: text.indexOf('\n') }) ?? {};
    expect(line?.text[line.cutAt ?? 0]).toBe('\n');
    expect(repeatedLine({ text, cutAt: 20 })).toBeUndefined();
  });

  test('keeps that it goes on', () => {
    const text = wrapped('2', 'bad 192.0.2.1');
    expect(repeatedLine({ text, goesOn: true })?.line.goesOn).toBe(true);
  });
});
