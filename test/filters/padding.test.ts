import { describe, expect, test } from '@jest/globals';
import type { Entry } from '../../src/core/entry.js';
import { MESSAGE_CHARS_MAX, MESSAGE_TAIL_CHARS } from '../../src/core/limits.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { lineOf } from '../../src/filter/line.js';
import { identityOf } from '../../src/filter/match-groups.js';
import { shipped } from './samples.js';

/** An entry as sources deliver it: a longer MESSAGE has lost its middle. */
function entryOf(identifier: string, message: string): Entry {
  const whole = message.length <= MESSAGE_CHARS_MAX;
  const cutAt = MESSAGE_CHARS_MAX - MESSAGE_TAIL_CHARS - 1;
  return {
    cursor: cursor('c'),
    realtime: epochMicros(0),
    message: whole ? message : `${message.slice(0, cutAt)}\n${message.slice(-MESSAGE_TAIL_CHARS)}`,
    ...(!whole && { cutAt }),
    fields: new Map([
      ['_HOSTNAME', 'mx1'],
      ['SYSLOG_IDENTIFIER', identifier],
      ['_PID', '1'],
    ]),
  };
}

describe('an attacker who pads a line with a megabyte', () => {
  const padding = 'A'.repeat(1024 * 1024);

  test.each([
    [
      'postfix-sasl',
      'postfix/smtpd',
      `warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=${padding}`,
    ],
    [
      'postfix-sasl',
      'postfix/smtpd',
      `warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: ${padding}`,
    ],
    [
      'postfix',
      'postfix/smtpd',
      `NOQUEUE: reject: RCPT from unknown[192.0.2.1]: 554 5.7.1 <${padding}@example.com>: Relay access denied; from=<>`,
    ],
    [
      'postfix',
      'postfix/smtpd',
      `improper command pipelining after EHLO from unknown[192.0.2.1]: ${padding}`,
    ],
    [
      'courier-smtp',
      'courieresmtpd',
      `error,relay=::ffff:192.0.2.1,msg="535 Authentication failed.",cmd: AUTH LOGIN ${padding}`,
    ],
    ['qmail-smtp', 'qmail-smtpd', `AUTH failed [192.0.2.1] ${padding}`],
  ])('is counted by %s, whose address stands in front', (name, identifier, message) => {
    const { filter } = shipped(name);
    const verdict = filter.judge(lineOf(entryOf(identifier, message)), {
      time: epochMicros(0),
      boot: '',
    });
    expect(verdict.result).toBe('failure');
    expect(identityOf(verdict.facts)).toMatchObject({ address: { text: '192.0.2.1' } });
  });

  test.each([
    [
      'dovecot',
      'dovecot',
      `imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>, rip=198.51.100.1, ${padding}>, rip=192.0.2.1`,
    ],
    [
      'sshd',
      'sshd',
      `Failed password for invalid user x from 198.51.100.1 port 22 ssh2 ${padding} from 192.0.2.1 port 1 ssh2`,
    ],
  ])('cannot put another address in front of the cut for %s', (name, identifier, message) => {
    const { filter } = shipped(name);
    const verdict = filter.judge(lineOf(entryOf(identifier, message)), {
      time: epochMicros(0),
      boot: '',
    });
    expect(verdict.facts.ip4).not.toBe('198.51.100.1');
  });
});
