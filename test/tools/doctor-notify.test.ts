import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { NotifyMetrics } from '../../src/notify/metrics.js';
import type { TargetView } from '../../src/notify/notifier.js';
import { serveStatus } from '../../src/notify/status.js';
import { checkNotify } from '../../src/tools/doctor.js';

const NOW = Date.parse('2026-11-21T20:00:00.000Z');
const GOOD: TargetView = {
  target: 'mail to root',
  jails: ['sshd', 'dovecot'],
  waiting: 0,
  oldest: null,
  dropped: 0,
  full: false,
  trouble: null,
  done: 7,
};

let folder: string;
let close: (() => Promise<void>) | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-doctor-'));
  mkdirSync(join(folder, 'etc'));
  configure('%(action_mwl)s');
});
afterEach(async () => {
  await close?.();
  close = undefined;
  rmSync(folder, { recursive: true });
});

const socket = () => join(folder, 'status.sock');

function configure(action: string, more = ''): void {
  const jails = ['sshd', 'dovecot'].map(
    (jail) => `[${jail}]\nenabled = true\naction = ${action}\n`,
  );
  writeFileSync(
    join(folder, 'etc/jail.local'),
    `[DEFAULT]\ndestemail = root\n${jails.join('')}${more}`,
  );
}

const look = () =>
  checkNotify(
    { shippedRoot: join(process.cwd(), 'config'), adminRoot: join(folder, 'etc') },
    socket(),
    NOW,
  );

/** What is found when banjour-notify says this of its target. */
async function saying(...views: readonly Partial<TargetView>[]) {
  const targets = views.map((view) => ({ ...GOOD, ...view }));
  close = await serveStatus(socket(), {
    view: () => targets,
    metrics: new NotifyMetrics(() => new Map()),
  });
  return look();
}

describe('the doctor looks whether people are told', () => {
  test('and says nothing of it where no jail wants anybody told', async () => {
    configure('%(action_)s');
    expect(await look()).toEqual([]);
  });

  test('a banjour-notify that was never started is an error, with the command that starts it', async () => {
    expect(await look()).toEqual([
      {
        level: 'error',
        id: 'notify',
        message: 'banjour-notify does not run: nobody is told of the bans of dovecot, sshd',
        fix: 'systemctl enable --now banjour-notify; banjour notify --dry-run says whether its configuration is right',
      },
    ]);
  });

  test('so is one that has died and left its socket behind', async () => {
    // A socket file whose server has closed it without removing it, as a killed process does.
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(`${socket()}.new`, () => resolve()));
    const { linkSync } = await import('node:fs');
    linkSync(`${socket()}.new`, socket());
    await new Promise((resolve) => server.close(resolve));
    expect(await look()).toMatchObject([
      { level: 'error', message: expect.stringContaining('does not run') },
    ]);
  });

  test('all is well when nothing waits, or only for a short time', async () => {
    expect(
      await saying({}, { target: 'slack', waiting: 3, oldest: '2026-11-21T19:50:00.000Z' }),
    ).toEqual([
      { level: 'ok', id: 'notify.target', message: 'mail to root: nothing waits' },
      {
        level: 'ok',
        id: 'notify.target',
        message: 'slack: 3 bans wait, the oldest since 2026-11-21T19:50:00.000Z',
      },
    ]);
  });

  test('a mail server that does not take mail is named with its words, what waits, and what to type', async () => {
    const oldest = '2026-11-21T19:00:00.000Z';
    const reason = 'the mail server 127.0.0.1:25: connect ECONNREFUSED 127.0.0.1:25';
    expect(
      await saying({ waiting: 12, oldest, trouble: { time: '2026-11-21T19:59:00.000Z', reason } }),
    ).toEqual([
      {
        level: 'warning',
        id: 'notify.target',
        message: `mail to root: 12 bans wait, the oldest since ${oldest}; the last delivery failed at 2026-11-21T19:59:00.000Z: ${reason}`,
        fix: 'put it right (mailer in /etc/banjour/notify.conf), then: systemctl reload banjour-notify',
      },
    ]);
  });

  test('a webhook that refuses for good: what was given up is counted', async () => {
    const trouble = { time: '2026-11-21T19:59:00.000Z', reason: 'the webhook answers 404' };
    const [finding] = await saying({ target: 'webhook', dropped: 4, trouble });
    expect(finding).toMatchObject({
      level: 'warning',
      fix: expect.stringContaining('action of the jail sshd'),
    });
    expect(finding?.message).toBe(
      'webhook: nothing waits; the last delivery failed at 2026-11-21T19:59:00.000Z: the webhook answers 404; 4 bans were given up since it was started',
    );
  });

  test.each<[string, Partial<TargetView>, string]>([
    [
      'waits long without an error',
      { waiting: 1, oldest: '2026-11-21T19:44:59.000Z' },
      'it is behind, 1 ban waits',
    ],
    [
      'is full',
      { waiting: 1000, full: true, oldest: '2026-11-21T19:59:59.000Z' },
      'more in the ledger',
    ],
    ['has not met the agent', { done: null }, 'has not met the agent'],
  ])('a target that %s is a warning', async (_, view, words) => {
    expect(await saying(view)).toMatchObject([
      {
        level: 'warning',
        message: expect.stringContaining(words),
        fix: expect.stringContaining('systemctl'),
      },
    ]);
  });

  test('a jail that was added without a reload is named', async () => {
    configure('%(action_mwl)s', '[postfix-sasl]\nenabled = true\naction = %(action_mw)s\n');
    expect((await saying({})).at(-1)).toEqual({
      level: 'warning',
      id: 'notify.configuration',
      message:
        'banjour-notify runs with an older configuration: nobody is told of the bans of postfix-sasl',
      fix: 'systemctl reload banjour-notify',
    });
  });

  test('an answer that is none is an error, not a crash', async () => {
    const server = createServer((peer) => peer.end('220 hello\r\n', () => peer.destroy()));
    await new Promise<void>((resolve) => server.listen(socket(), () => resolve()));
    close = () => new Promise((resolve) => server.close(() => resolve()));
    expect(await look()).toMatchObject([
      { level: 'error', message: expect.stringContaining('does not answer') },
    ]);
  });
});
