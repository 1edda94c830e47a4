import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { MailerSpec } from '../../src/notify/mailer.js';
import { Sender } from '../../src/notify/sender.js';
import { type MailTarget, type NotifyRoute, routesOf } from '../../src/notify/targets.js';
import { Whois } from '../../src/notify/whois.js';
import { ban, type SmtpSink, smtpSink, whoisServer } from './support.js';

let folder = '';
const closing: (() => Promise<void>)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-'));
});
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
  rmSync(folder, { recursive: true });
});

async function sinkOf(options: Parameters<typeof smtpSink>[0] = {}): Promise<SmtpSink> {
  const sink = await smtpSink(options);
  closing.push(sink.close);
  return sink;
}

const smtp = (port: number, more: Partial<MailerSpec> = {}): MailerSpec =>
  ({ kind: 'smtp', host: '127.0.0.1', port, secure: false, ...more }) as MailerSpec;

function routeTo(more: Partial<MailTarget> = {}): NotifyRoute {
  const target: MailTarget = {
    kind: 'mail',
    style: 'whois-lines',
    to: ['root'],
    sender: 'banjour',
    sendername: 'Banjour',
    ...more,
  };
  return routesOf([{ jail: 'sshd', name: 'SSH', target }])[0] as NotifyRoute;
}

function senderOf(
  mailer: MailerSpec,
  more: Partial<ConstructorParameters<typeof Sender>[0]> = {},
): Sender {
  return new Sender({
    mailer,
    lines: async ({ evidence }) => evidence.map((one) => `line of ${one}`),
    templates: {},
    host: 'mx.example.org',
    version: '1',
    env: {},
    deadlineMs: 30_000,
    ...more,
  });
}

const news = ban(7, { evidence: ['c1', 'c2'] });

describe('a mail over SMTP', () => {
  test('arrives with jail, address, failures, whois data and log lines', async () => {
    const sink = await sinkOf();
    const registry = await whoisServer(
      () => 'netname: TEST-NET\r\nabuse-mailbox: abuse@example.net\r\n',
    );
    closing.push(registry.close);
    const whois = new Whois({ server: { host: '127.0.0.1', port: registry.port } });
    await senderOf(smtp(sink.port), { whois }).send(routeTo(), [news]);
    const [mail] = sink.mails;
    expect([mail?.from, mail?.to]).toEqual(['banjour@localhost', ['root@localhost']]);
    for (const words of [
      'Subject: [Banjour] SSH: banned 198.51.100.7 from mx.example.org',
      'after 5 failed attempts',
      '  netname: TEST-NET',
      '  abuse-mailbox: abuse@example.net',
      '  line of c1\r\n  line of c2',
    ])
      expect(mail?.message).toContain(words);
  });

  test.each([
    ['plain', false, false],
    ['whois', true, false],
    ['whois-lines', true, true],
  ] as const)(
    'of style %s has whois data: %s, log lines: %s',
    async (style, hasWhois, hasLines) => {
      const sink = await sinkOf();
      const registry = await whoisServer(() => 'netname: TEST-NET\r\n');
      closing.push(registry.close);
      const whois = new Whois({ server: { host: '127.0.0.1', port: registry.port } });
      await senderOf(smtp(sink.port), { whois }).send(routeTo({ style }), [news]);
      const message = sink.mails[0]?.message ?? '';
      expect([message.includes('TEST-NET'), message.includes('line of')]).toEqual([
        hasWhois,
        hasLines,
      ]);
      expect(message).toContain('198.51.100.7');
    },
  );

  test('goes to several receivers, and as the sender of the jail', async () => {
    const sink = await sinkOf();
    await senderOf(smtp(sink.port)).send(
      routeTo({
        to: ['anna@example.org', 'bert@example.org'],
        sender: 'ban@example.org',
        sendername: 'Wächter, "Nacht"',
      }),
      [news],
    );
    expect(sink.mails[0]).toMatchObject({
      from: 'ban@example.org',
      to: ['anna@example.org', 'bert@example.org'],
    });
    expect(sink.mails[0]?.message).toContain(
      `=?UTF-8?B?${Buffer.from('Wächter, "Nacht"').toString('base64')}?=`,
    );
  });

  test('goes without whois data when the registry stalls, and without log lines when the journal fails', async () => {
    const sink = await sinkOf();
    const registry = await whoisServer(() => undefined);
    closing.push(registry.close);
    const whois = new Whois({ server: { host: '127.0.0.1', port: registry.port }, deadlineMs: 50 });
    const lines = () => Promise.reject(new Error('no journal'));
    await senderOf(smtp(sink.port), { whois, lines }).send(routeTo(), [news]);
    expect(sink.mails).toHaveLength(1);
  });

  test('logs in with the password of a file', async () => {
    const sink = await sinkOf();
    writeFileSync(join(folder, 'password'), 's3cret\n');
    const account = { user: 'ban', passwordFile: join(folder, 'password') };
    await senderOf(smtp(sink.port, account)).send(routeTo(), [news]);
    expect(sink.mails).toHaveLength(1);
    expect(sink.commands.find((line) => line.startsWith('AUTH'))).toBe(
      `AUTH PLAIN ${Buffer.from('\0ban\0s3cret').toString('base64')}`,
    );
  });

  test('that the server does not take is tried again, or given up when it says so', async () => {
    for (const [reply, permanent] of [
      [{ RCPT: '450 4.2.0 greylisted' }, false],
      [{ RCPT: '550 5.1.1 nobody here' }, true],
      [{ '.': '451 4.3.0 later' }, false],
      [{ '.': '554 5.6.0 no' }, true],
      [{ CONNECT: '421 too busy' }, false],
    ] as const) {
      const sink = await sinkOf({ reply });
      await expect(senderOf(smtp(sink.port)).send(routeTo(), [news])).rejects.toMatchObject({
        permanent,
      });
      expect(sink.mails).toEqual([]);
    }
  });

  test.each(['CONNECT', 'EHLO', 'MAIL', 'RCPT', 'DATA', '.'])(
    'to a server that stalls at %s ends at the deadline',
    async (stall) => {
      const sink = await sinkOf({ stall });
      const sent = senderOf(smtp(sink.port), { deadlineMs: 100 }).send(routeTo(), [news]);
      await expect(sent).rejects.toMatchObject({ code: 'ERR_NOTIFY_SMTP', permanent: false });
    },
  );

  test('that fails never tells the password', async () => {
    writeFileSync(join(folder, 'password'), 's3cret\n');
    const account = { user: 'ban', passwordFile: join(folder, 'password') };
    const sink = await sinkOf({ reply: { AUTH: '535 5.7.8 s3cret is wrong' } });
    const error = await senderOf(smtp(sink.port, account))
      .send(routeTo(), [news])
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ permanent: false });
    const plain = Buffer.from('\0ban\0s3cret').toString('base64');
    for (const secret of ['s3cret', plain])
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain(secret);
  });
});

describe('a mail by sendmail', () => {
  function program(text: string): MailerSpec {
    const path = join(folder, 'sendmail');
    writeFileSync(path, `#!/bin/sh\n${text}\n`);
    chmodSync(path, 0o755);
    return { kind: 'sendmail', path };
  }

  test('is given with the receivers as arguments, never read from its headers', async () => {
    const mailer = program(`printf '%s\\n' "$@" > ${folder}/args; cat > ${folder}/mail`);
    await senderOf(mailer).send(routeTo({ to: ['root', 'anna@example.org'] }), [news]);
    expect(readFileSync(join(folder, 'args'), 'utf8').split('\n')).toEqual([
      '-i',
      '-f',
      'banjour',
      '--',
      'root',
      'anna@example.org',
      '',
    ]);
    const mail = readFileSync(join(folder, 'mail'), 'utf8');
    expect(mail).toContain('To: root, anna@example.org\n');
    expect(mail).not.toContain('\r');
  });

  test.each([
    [67, true],
    [75, false],
    [1, false],
  ])('that ends with status %i is given up: %s', async (status, permanent) => {
    const mailer = program(`echo no such user >&2; exit ${status}`);
    await expect(senderOf(mailer).send(routeTo(), [news])).rejects.toMatchObject({
      permanent,
      message: expect.stringContaining(`ended with status ${status}: no such user`),
    });
  });

  test('that stalls is ended at the deadline', async () => {
    const sent = senderOf(program('sleep 30'), { deadlineMs: 100 }).send(routeTo(), [news]);
    await expect(sent).rejects.toThrow('was ended after 100 ms');
  });
});
