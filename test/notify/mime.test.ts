import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NOTIFY_DIGEST_FULL_MAX, NOTIFY_LINE_CHARS_MAX } from '../../src/core/service-limits.js';
import { addressOf, letterOf, type Mail, mimeOf } from '../../src/notify/mail.js';
import { hasCommand, needs } from '../support/require.js';
import { ban } from './support.js';

const withPython = needs(hasCommand('python3'), 'python3 is not installed');

const MAIL: Mail = {
  from: { name: 'Banjour', address: 'banjour@mx.test' },
  to: ['root@mx.test', 'anna@example.org'],
  subject: '[Banjour] sshd: banned 192.0.2.1 from mx',
  body: 'Hello\n',
  messageId: 'ban-1@mx.test',
  date: new Date('2026-11-21T18:50:38Z'),
};

/** Anything that strangers might get into a text, line breaks of every kind above all. */
const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\0',
        '\x0b',
        '\u2028',
        'Bcc: a@b',
        '.',
        '=?UTF-8?Q?x?=',
        'From ',
        '"',
        '\\',
        'é',
        '💥',
        ' ',
        'x'.repeat(90),
      ),
      {
        maxLength: 12,
      },
    )
    .map((parts) => parts.join('')),
);

function split(message: Buffer): { names: string[]; head: string[]; body: string } {
  const text = message.toString('latin1');
  const end = text.indexOf('\r\n\r\n');
  const head = text.slice(0, end).split('\r\n');
  const names = head.filter((line) => !/^\s/.test(line)).map((line) => line.split(':')[0] ?? '');
  return { names, head, body: text.slice(end + 4) };
}

const NAMES = split(mimeOf(MAIL)).names;

describe('a mail', () => {
  test('has no line that a mailbox or a server would take for another message or its end', () => {
    const { body } = split(
      mimeOf({ ...MAIL, body: 'From a\nFrom \nFromage\n.\n..\n.From x\n>From y' }),
    );
    const lines = body.split('\r\n');
    expect(lines.filter((line) => line.startsWith('From ') || line.startsWith('.'))).toEqual([]);
    expect(lines.slice(0, 4)).toEqual(['=46rom a', '=46rom=20', 'Fromage', '=2E']);
  });

  test('has the headers of RFC 5322 and says that a machine wrote it', () => {
    expect(mimeOf(MAIL).toString('latin1')).toBe(
      [
        'From: Banjour <banjour@mx.test>',
        'To: root@mx.test, anna@example.org',
        'Subject: [Banjour] sshd: banned 192.0.2.1 from mx',
        'Date: Sat, 21 Nov 2026 18:50:38 +0000',
        'Message-ID: <ban-1@mx.test>',
        'Auto-Submitted: auto-generated',
        'MIME-Version: 1.0',
        'Content-Type: text/plain; charset=utf-8',
        'Content-Transfer-Encoding: quoted-printable',
        '',
        'Hello',
        '',
        '',
      ].join('\r\n'),
    );
  });

  test('has the same headers and a body of short lines whatever stands in its texts', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, hostile, (name, subject, body, messageId) => {
        const {
          names,
          head,
          body: sent,
        } = split(mimeOf({ ...MAIL, from: { ...MAIL.from, name }, subject, body, messageId }));
        expect(names).toEqual(NAMES);
        for (const line of head) {
          expect(line).toMatch(/^[ -~]*$/);
          expect(line.length).toBeLessThanOrEqual(160);
        }
        for (const line of sent.split('\r\n')) {
          expect(line).toMatch(/^[ -~]*$/);
          expect(line.length).toBeLessThanOrEqual(76);
          expect(line.startsWith('.')).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });

  withPython('is read back by another program as it was meant', () => {
    const mails = fc.sample(fc.tuple(hostile, hostile), 60);
    const script = `
import sys, json, email, email.policy
for line in sys.stdin:
    m = email.message_from_bytes(bytes.fromhex(line.strip()), policy=email.policy.default)
    print(json.dumps({"subject": str(m["subject"]), "keys": m.keys(), "body": m.get_content(), "to": str(m["to"]), "defects": len(m.defects)}))
`;
    const input = mails
      .map(([subject, body]) => mimeOf({ ...MAIL, subject, body }).toString('hex'))
      .join('\n');
    const { stdout, stderr } = spawnSync('python3', ['-c', script], {
      input,
      encoding: 'utf8',
      maxBuffer: 1e8,
    });
    const read = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect([stderr, read.length]).toEqual(['', mails.length]);
    for (const [index, [subject, body]] of mails.entries()) {
      const one = read[index];
      expect(one?.['keys']).toEqual(NAMES);
      expect([one?.['to'], one?.['defects']]).toEqual(['root@mx.test, anna@example.org', 0]);
      const flat = (text: string) =>
        Buffer.from(text, 'utf8')
          .toString('utf8')
          .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\s]+/g, '');
      expect(flat(String(one?.['subject']))).toBe(flat(subject));
      const lines = (text: string) =>
        Buffer.from(text, 'utf8')
          .toString('utf8')
          .replace(/\r\n|\r|\n/g, '\n')
          .replace(/\n+$/, '');
      expect(lines(String(one?.['body']))).toBe(lines(body));
    }
  });

  test.each(['-oQ/tmp', 'a b@c', 'a@b\r\nBcc: c@d', '<a@b>', '', '@b', 'a@b@c', 'x;id@y', '"a"@b'])(
    'is not sent to %j, which is no plain address',
    (text) => {
      expect(() => addressOf(text)).toThrow('not a mail address');
    },
  );
});

describe('the words of a mail', () => {
  const options = { host: 'mx.example.org', names: new Map([['sshd', 'SSH']]) };
  const one = ban(7, {
    target: '192.0.2.1',
    time: '2026-11-21T18:50:38.000Z',
    until: '2026-11-21T19:00:38.000Z',
  });

  test('have jail, address, failures, whois data and log lines', () => {
    const { subject, body } = letterOf(
      [{ ban: one, whois: 'netname: TEST', lines: ['Failed password for root'] }],
      options,
    );
    expect(subject).toBe('[Banjour] SSH: banned 192.0.2.1 from mx.example.org');
    for (const words of [
      '192.0.2.1 after 5 failed attempts',
      'Jail:      sshd',
      'Last user: root',
      '2026-11-21 19:00:38 UTC',
      '  netname: TEST',
      '  Failed password for root',
      'banjour unban 192.0.2.1',
    ])
      expect(body).toContain(words);
  });

  test('leave out what is not known', () => {
    const { body } = letterOf(
      [{ ban: { ...one, until: null, origin: 'operator', failures: 0 }, lines: [] }],
      options,
    );
    expect(body).toContain('by hand');
    expect(body).toContain('for good');
    expect(body).not.toContain('whois');
    expect(body).not.toContain('Log lines');
  });

  test.each([NOTIFY_DIGEST_FULL_MAX, NOTIFY_DIGEST_FULL_MAX + 1])(
    'tell %i bans, so many of them in full',
    (count) => {
      const news = Array.from({ length: count }, (_, i) => ({
        ban: ban(i + 1),
        lines: [`line ${i}`],
      }));
      const { body } = letterOf(news, options);
      expect(body.match(/^ {2}line \d+$/gm)).toHaveLength(NOTIFY_DIGEST_FULL_MAX);
      expect(body.includes('of 1 more are left out')).toBe(count > NOTIFY_DIGEST_FULL_MAX);
    },
  );

  test('tell of many bans in one mail', () => {
    const news = Array.from({ length: 30 }, (_, i) => ({ ban: ban(i + 1), lines: [`line ${i}`] }));
    const { subject, body } = letterOf(news, options);
    expect(subject).toBe('[Banjour] SSH: 30 addresses banned from mx.example.org');
    expect(body.match(/^ {2}2\d{3}-.* sshd {2}5 failed attempts$/gm)).toHaveLength(30);
    expect(body.match(/^ {2}line \d+$/gm)).toHaveLength(20);
    expect(body).toContain('of 10 more are left out');
  });

  test('never let a stranger begin a line of the mail, whatever the log says', () => {
    fc.assert(
      fc.property(hostile, hostile, hostile, (user, line, whois) => {
        const { body, subject } = letterOf(
          [{ ban: { ...one, user }, lines: [line], whois }],
          options,
        );
        expect(subject).not.toMatch(/[\r\n]/);
        const mine = letterOf(
          [{ ban: { ...one, user: 'x' }, lines: ['x'], whois: 'x' }],
          options,
        ).body.split('\n');
        const known = new Set(mine.filter((text) => !text.startsWith('  ')));
        for (const text of body.split('\n'))
          if (!text.startsWith('  ')) expect(known).toContain(text);
        expect(body.replace(/\n/g, '')).toMatch(
          /^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]*$/,
        );
      }),
      { numRuns: 200 },
    );
  });
});

test('a log line in a letter is whole up to its bound and cut beyond it', () => {
  const shown = (chars: number) => {
    const news = [{ ban: ban(1), lines: [`${'y'.repeat(chars - 1)}E`] }];
    const { body } = letterOf(news, { host: 'mx', names: new Map() });
    return /y{9,}E?/.exec(body)?.[0] ?? '';
  };
  expect(shown(NOTIFY_LINE_CHARS_MAX)).toHaveLength(NOTIFY_LINE_CHARS_MAX);
  expect(shown(NOTIFY_LINE_CHARS_MAX + 1).endsWith('E')).toBe(false);
});
