import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NOTIFY_BACKOFF_MS_MAX } from '../../src/core/timeouts.js';
import {
  dueBefore,
  type ReportLetter,
  ReportMailer,
  type ReportSchedule,
  sendReport,
} from '../../src/notify/report-mail.js';
import { smtpSink } from './support.js';

const WEEKLY: ReportSchedule = { every: 'weekly', hour: 6 };
const DAILY: ReportSchedule = { every: 'daily', hour: 6 };
/** Wednesday, local time. */
const at = (day: number, hour: number, minute = 0) => new Date(2026, 10, day, hour, minute);
const HOSTILE = 'x\r\nBcc: all@example.org\r\n\r\n.\r\n\u001b[2J';

describe('a report is due', () => {
  test('every day at its hour, or on Monday', () => {
    expect(dueBefore(DAILY, at(18, 5, 59))).toEqual(at(17, 6));
    expect(dueBefore(DAILY, at(18, 6))).toEqual(at(18, 6));
    expect(dueBefore(DAILY, at(18, 6), 1)).toEqual(at(17, 6));
    expect(dueBefore(WEEKLY, at(18, 12))).toEqual(at(16, 6));
    expect(dueBefore(WEEKLY, at(16, 5))).toEqual(at(9, 6));
    expect(dueBefore(WEEKLY, at(15, 23))).toEqual(at(9, 6));
    expect(dueBefore(WEEKLY, at(18, 12), 1)).toEqual(at(9, 6));
  });
});

describe('the report mailer', () => {
  let directory: string;
  let now: Date;
  let sent: string[];
  let fails: boolean;
  const statePath = () => join(directory, 'report.json');
  const make = (schedule = DAILY) =>
    new ReportMailer({
      schedule,
      statePath: statePath(),
      now: () => now,
      make: async (since, until) => ({
        subject: `${since.getDate()} to ${until.getDate()}`,
        text: '',
        html: '',
      }),
      send: async ({ subject }: ReportLetter) => {
        if (fails) throw new Error('no server');
        sent.push(subject);
      },
      log: () => undefined,
    });

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'banjour-report-mail-'));
    now = at(18, 12);
    sent = [];
    fails = false;
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  test('begins with the next that becomes due, and sends each once, over restarts', async () => {
    const first = make();
    await first.look();
    expect(sent).toEqual([]);
    now = at(19, 6);
    await Promise.all([first.look(), first.look()]);
    await first.look();
    const second = make();
    await second.look();
    expect(sent).toEqual(['18 to 19']);
    now = at(20, 7);
    await second.look();
    expect(sent).toEqual(['18 to 19', '19 to 20']);
  });

  test('sends what was due while nothing ran, the newest alone', async () => {
    make();
    now = at(25, 9);
    await make().look();
    expect(sent).toEqual(['24 to 25']);
  });

  test('tries again, less and less often, until it was sent', async () => {
    const mailer = make();
    fails = true;
    now = at(19, 6);
    await mailer.look();
    expect(mailer.trouble).toBe('no server');
    fails = false;
    await mailer.look();
    expect(sent).toEqual([]);
    now = new Date(at(19, 6).getTime() + 1000);
    await mailer.look();
    expect([sent, mailer.trouble]).toEqual([['18 to 19'], undefined]);
    fails = true;
    now = at(20, 6);
    for (let i = 0; i < 20; i++) {
      await mailer.look();
      now = new Date(now.getTime() + NOTIFY_BACKOFF_MS_MAX);
    }
    fails = false;
    await mailer.look();
    expect(sent).toHaveLength(2);
  });

  test('goes by the clock as it is when the file is none of ours or of the future', async () => {
    for (const text of ['', '{"sent":7}', JSON.stringify({ sent: at(30, 6).toISOString() })]) {
      writeFileSync(statePath(), text);
      now = at(18, 12);
      const mailer = make();
      expect(mailer.sent).toEqual(at(18, 6));
      expect(readFileSync(statePath(), 'utf8')).toContain(at(18, 6).toISOString());
    }
  });
});

test('a report is a mail of two forms, whatever stands in it', async () => {
  const sink = await smtpSink();
  const letter = { subject: HOSTILE, text: `${HOSTILE}\n=_banjour--\n`, html: `<p>=_banjour--\n.` };
  const options = {
    mailer: { kind: 'smtp', host: '127.0.0.1', port: sink.port, secure: false } as const,
    receivers: { to: ['root', 'anna@example.org'], sender: 'banjour' },
    host: 'mx.example.org',
    env: {},
    date: at(18, 12),
  };
  await sendReport(letter, options);
  await sendReport(letter, options);
  await sink.close();
  const [mail, again] = sink.mails;
  expect(mail?.to).toEqual(['root@localhost', 'anna@example.org']);
  expect(mail?.from).toBe('banjour@localhost');
  const [head = '', ...rest] = (mail?.message ?? '').split('\r\n\r\n');
  expect(head).not.toMatch(/^Bcc/m);
  expect(head).toContain('Content-Type: multipart/alternative; boundary="=_banjour"');
  const body = rest.join('\r\n\r\n');
  const parts = body.split(/^--=_banjour(?:--)?\r\n/m).filter((part) => part.trim() !== '');
  expect(parts.map((part) => part.split('\r\n')[0])).toEqual([
    'Content-Type: text/plain; charset=utf-8',
    'Content-Type: text/html; charset=utf-8',
  ]);
  const id = (message = '') => /^Message-ID: .*$/m.exec(message)?.[0];
  expect(id(again?.message)).toBe(id(mail?.message));
});
