/**
 * The companion that tells people, beside a real agent, each a process of its own: real journal, real nftables in a
 * network namespace, real sockets. What it waits for must never hold up a ban.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { ControlClient } from '../../src/control/client.js';
import { cli } from '../support/cli.js';
import { canWrite, LiveJournal, T0 } from '../support/journal-files.js';
import { makeNetworkNamespace, type NetworkNamespace } from '../support/netns.js';
import { placed } from '../support/placed.js';
import { hasCommand, isRoot, needs } from '../support/require.js';
import { until } from '../support/until.js';
import { smtpSink, webSink, whoisServer } from './support.js';

const test = needs(
  isRoot && hasCommand('nft') && canWrite[0],
  'needs root, nft and systemd-journal-remote',
);

const TOKEN = 'T0PSECRETTOKEN';

let scratch: string;
let namespace: NetworkNamespace;
let journal: LiveJournal;
let processes: ChildProcess[];
let closing: (() => Promise<void>)[];
let said: string;

const file = (name: string) => join(scratch, name);
const at = (...words: readonly string[]) =>
  placed(words, { 'config-dir': file('etc'), 'run-dir': file('run'), 'state-dir': file('state') });
const status = () => new ControlClient(file('run/status.sock'));

beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'banjour-notify-'));
  for (const name of ['journal', 'etc', 'run', 'state', 'run-companion', 'state-companion'])
    mkdirSync(file(name));
  namespace = makeNetworkNamespace();
  journal = new LiveJournal(file('journal/host.journal'));
  processes = [];
  closing = [];
  said = '';
});
afterEach(async () => {
  for (const child of processes) {
    child.kill('SIGCONT');
    await ended(child, 'SIGKILL');
  }
  for (const close of closing) await close();
  await journal.close();
  namespace.remove();
  rmSync(scratch, { recursive: true });
});

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('close', resolve));
  child.kill(signal);
  await gone;
}

function configure(actions: readonly string[], settings: readonly string[]): void {
  const jail = [
    `[DEFAULT]\nsource = directory ${file('journal')}\nbantime = 1h\nfindtime = 1h\nmaxretry = 3`,
    'destemail = admin@example.org\nsender = ban@example.org',
    `[sshd]\naction = %(action_)s\n${actions.map((action) => `         ${action}`).join('\n')}`,
  ];
  writeFileSync(file('etc/jail.local'), `${jail.join('\n')}\n`);
  writeFileSync(file('etc/notify.conf'), ['[Definition]', ...settings, ''].join('\n'));
}

async function start(command: 'run' | 'companion', ready: string): Promise<ChildProcess> {
  const own = [process.execPath, join(process.cwd(), 'dist/src/main.js'), ...at(command)];
  const [program = '', ...args] = command === 'run' ? namespace.inside(own) : own;
  const before = said.length;
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  processes.push(child);
  child.stderr?.on('data', (chunk) => {
    said += chunk;
  });
  let closed = false;
  child.once('close', () => {
    closed = true;
  });
  await until(
    () => `${command} says "${ready}":\n${said}`,
    () => closed || said.includes(ready, before),
  );
  if (closed) throw new Error(said);
  return child;
}

let entries = 0;
function attack(address: string): void {
  for (let i = 0; i < 3; i++)
    journal.append([
      {
        at: Date.now() * 1000 - T0 + (entries++ % 1000),
        message: `Failed password for root from ${address} port 22 ssh2`,
        fields: {
          _SYSTEMD_UNIT: 'ssh.service',
          SYSLOG_IDENTIFIER: 'sshd',
          _HOSTNAME: 'mx',
          _UID: '0',
          _PID: '7',
        },
      },
    ]);
}

const banned = (address: string) => namespace.run(['nft', 'list', 'ruleset']).includes(address);

/** Everything that the notify process has a position for. */
const position = () =>
  Object.values(JSON.parse(readFileSync(file('state-companion/positions.json'), 'utf8')).targets);

/** What the doctor says of the companion. */
async function doctor(): Promise<string> {
  const { out } = await cli(at('doctor', '--json'));
  const findings = JSON.parse(out) as { id: string; message: string }[];
  return findings
    .flatMap(({ id, message }) => (id.startsWith('companion') ? [message] : []))
    .join('\n');
}

async function ask(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    request({ socketPath: file('run-companion/companion.sock'), path }, (response) => {
      let text = '';
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('end', () => resolve(text));
    })
      .on('error', reject)
      .end();
  });
}

/**
 * Waits until notify has had its first answer of the agent: what comes from then on is
 * told.
 */
async function met(): Promise<void> {
  await answered('/v1/status', (text) => {
    const { parts } = JSON.parse(text) as { parts: { status: { done: number | null }[] | null }[] };
    return parts.every(({ status }) => status?.every(({ done }) => done !== null));
  });
}

/** Asks until the answer is as wished; returns it. */
async function answered(path: string, wished: (text: string) => boolean): Promise<string> {
  let text = '';
  await until(
    () => `the answer to ${path}: ${text}`,
    async () => {
      text = await ask(path);
      return wished(text);
    },
  );
  return text;
}

describe('notify beside the agent', () => {
  test('mails the ban with whois data and the log lines, and signs the webhook; secrets appear nowhere', async () => {
    const [mail, hook] = [await smtpSink(), await webSink()];
    const whois = await whoisServer(() => 'netname: TEST-NET-2\r\n');
    closing.push(mail.close, hook.close, whois.close);
    writeFileSync(file('hook-url'), `http://127.0.0.1:${hook.port}/${TOKEN}\n`, { mode: 0o600 });
    writeFileSync(file('hook-key'), 'k3ySECRET\n', { mode: 0o600 });
    configure(
      [
        'sendmail-whois-lines[name=SSH]',
        `webhook[url-file="${file('hook-url')}", secret-file="${file('hook-key')}"]`,
        `slack[url="http://127.0.0.1:${hook.port}/slack/${TOKEN}"]`,
      ],
      [
        `mailer = smtp://127.0.0.1:${mail.port}`,
        `whois = tcp:127.0.0.1:${whois.port}`,
        'host = mx.example.org',
      ],
    );
    await start('run', 'reached the end');
    await start('companion', 'slack');
    await met();
    attack('198.51.100.77');
    await until(
      'mail and webhooks arrive',
      () => mail.mails.length === 1 && hook.posts.length === 2,
    );
    // The receivers have them; the sender counts them when it has read their answers.
    const sent = (channel: string) => `banjour_notify_sent_total{channel="${channel}"} 1\n`;
    await answered('/v1/metrics', (text) =>
      ['mail', 'webhook', 'slack'].every((one) => text.includes(sent(one))),
    );

    const [letter] = mail.mails;
    expect([letter?.from, letter?.to]).toEqual(['ban@example.org', ['admin@example.org']]);
    for (const words of [
      'Subject: [Banjour] SSH: banned 198.51.100.77 from mx.example.org',
      'after 3 failed attempts',
      '  netname: TEST-NET-2',
      'mx sshd[7]: Failed password for root from 198.51.100.77 port 22',
    ])
      expect(letter?.message.replace(/=\r\n/g, '')).toContain(words);

    const signed = hook.posts.find(({ headers }) => headers['x-banjour-signature'] !== undefined);
    const mine = createHmac('sha256', 'k3ySECRET').update(
      `${signed?.headers['x-banjour-timestamp']}.${signed?.body}`,
    );
    expect(signed?.headers['x-banjour-signature']).toBe(`sha256=${mine.digest('hex')}`);
    expect(JSON.parse(signed?.body ?? '')).toMatchObject({
      address: '198.51.100.77',
      jail: 'sshd',
      lines: { length: 3 },
    });

    const shown = [
      (await cli(at('config', 'show'))).out,
      (await cli(at('config', 'check'))).out,
      (await cli(at('companion', '--dry-run'))).out,
      JSON.stringify([
        await status().status(),
        await status().history({}),
        await status().jail({ jail: 'sshd' }),
      ]),
      await ask('/v1/status'),
      await ask('/v1/metrics'),
      readFileSync(file('state-companion/positions.json'), 'utf8'),
      said,
    ];
    for (const text of shown) {
      expect(text.length).toBeGreaterThan(20);
      expect(text).not.toContain(TOKEN);
      expect(text).not.toContain('k3ySECRET');
    }
    const both = (await cli(at('metrics'))).out;
    expect(both).toMatch(/^banjour_bans_total\{jail="sshd",family="ipv4"\} 1$/m);
    expect(both).toMatch(/^banjour_notify_sent_total\{channel="webhook"\} 1$/m);
  });

  test('mails the log lines of a jail that reads a text file, from the file', async () => {
    const mail = await smtpSink();
    closing.push(mail.close);
    writeFileSync(file('auth.log'), '');
    configure(
      ['sendmail-whois-lines[name=SSH]'],
      [`mailer = smtp://127.0.0.1:${mail.port}`, 'whois = no'],
    );
    appendFileSync(file('etc/jail.local'), `backend = polling\nlogpath = ${file('auth.log')}\n`);
    await start('run', 'watching');
    await start('companion', 'mail to');
    await met();
    for (let port = 1; port <= 3; port++) {
      const time = new Date().toISOString();
      const line = `${time} mx sshd[7]: Failed password for root from 198.51.100.78 port ${port} ssh2`;
      appendFileSync(file('auth.log'), `${line}\n`);
    }
    await until('the mail arrives', () => mail.mails.length === 1);
    const text = mail.mails[0]?.message.replace(/=\r\n/g, '');
    expect(text).toContain('Log lines of 198.51.100.78:');
    for (let port = 1; port <= 3; port++)
      expect(text).toContain(
        `mx sshd[7]: Failed password for root from 198.51.100.78 port ${port} ssh2`,
      );
  });

  test('stalled servers, a stopped and a dead notify hold up no ban; what was banned meanwhile is told later', async () => {
    const stalled = await smtpSink({ stall: 'CONNECT' });
    const [hook, whois] = [await webSink(() => 'stall'), await whoisServer(() => undefined)];
    closing.push(stalled.close, hook.close, whois.close);
    const actions = [
      'sendmail-whois-lines[name=SSH]',
      `webhook[url="http://127.0.0.1:${hook.port}/"]`,
    ];
    configure(actions, [
      `mailer = smtp://127.0.0.1:${stalled.port}`,
      `whois = tcp:127.0.0.1:${whois.port}`,
    ]);
    await start('run', 'reached the end');
    const first = await start('companion', 'webhook');
    await met();

    attack('198.51.100.1');
    await until(
      'banned while whois and the webhook stall',
      () => whois.queries.length > 0 && hook.posts.length > 0,
    );
    expect(banned('198.51.100.1')).toBe(true);
    attack('198.51.100.2');
    await until('banned while all of them stall', () => banned('198.51.100.2'));
    first.kill('SIGSTOP');
    attack('198.51.100.3');
    await until('banned while notify is stopped', () => banned('198.51.100.3'));
    first.kill('SIGCONT');
    await ended(first, 'SIGKILL');
    attack('198.51.100.4');
    await until('banned while notify is dead', () => banned('198.51.100.4'));
    expect(await doctor()).toContain(
      'banjour-companion does not run: nobody is told of the bans of sshd',
    );

    const mail = await smtpSink();
    closing.push(mail.close);
    configure(actions.slice(0, 1), [
      `mailer = smtp://127.0.0.1:${mail.port}`,
      'whois = no',
      'digest = 0',
    ]);
    await start('companion', 'mail to');
    const all = ['198.51.100.1', '198.51.100.2', '198.51.100.3', '198.51.100.4'];
    const told = (one: string) => mail.mails.some(({ message }) => message.includes(one));
    await until('all are told', () => all.every(told));
    await until('the position is kept', () => position().includes(4));
    const text = await status().metrics('prometheus');
    expect(text).toContain(`banjour_ban_latency_seconds_count ${all.length}`);
    expect(await doctor()).toContain('mail to admin@example.org: nothing waits');
  }, 120_000);
});
