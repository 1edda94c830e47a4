import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { PartView } from '../../src/companion/companion.js';
import { serveCompanion } from '../../src/companion/socket.js';
import type { TargetView } from '../../src/notify/notifier.js';
import { checkCompanion } from '../../src/tools/doctor-companion.js';

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

const companion = (text: string) => writeFileSync(join(folder, 'etc/companion.conf'), `${text}\n`);

const look = () =>
  checkCompanion(
    { shippedRoot: join(process.cwd(), 'config'), adminRoot: join(folder, 'etc') },
    socket(),
    NOW,
  );

/** What is found when the companion says this of its parts. */
async function running(...parts: readonly PartView[]) {
  close = await serveCompanion(socket(), {
    view: () => ({ version: '1', parts }),
    figures: async () => [],
    order: async () => undefined,
  });
  return look();
}

/** What is found when notify says this of its targets. */
async function saying(...views: readonly Partial<TargetView>[]) {
  const status = views.map((view) => ({ ...GOOD, ...view }));
  return running({ name: 'notify', running: true, summary: 'telling', status });
}

describe('the doctor looks whether people are told', () => {
  test('and says nothing of it where no jail wants anybody told', async () => {
    configure('%(action_)s');
    expect(await look()).toEqual([]);
  });

  test('a banjour-companion that was never started is an error, with the command that starts it', async () => {
    expect(await look()).toEqual([
      {
        level: 'error',
        id: 'companion',
        message: 'banjour-companion does not run: nobody is told of the bans of dovecot, sshd',
        fix: 'systemctl enable --now banjour-companion; banjour companion --dry-run says whether its configuration is right',
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
      { level: 'ok', id: 'companion.notify', message: 'mail to root: nothing waits' },
      {
        level: 'ok',
        id: 'companion.notify',
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
        id: 'companion.notify',
        message: `mail to root: 12 bans wait, the oldest since ${oldest}; the last delivery failed at 2026-11-21T19:59:00.000Z: ${reason}`,
        fix: 'put it right (mailer in /etc/banjour/notify.conf), then: systemctl reload banjour-companion',
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
      id: 'companion.configuration',
      message:
        'banjour-companion runs with an older configuration: nobody is told of the bans of postfix-sasl',
      fix: 'systemctl reload banjour-companion',
    });
  });

  test.each(['enabled = true', 'enabled = true\nlisten = 9900'])(
    'metrics that are switched on (%s) and not there are an older configuration',
    async (lines) => {
      configure('%(action_)s');
      companion(`[metrics]\n${lines}`);
      expect(await running()).toEqual([
        {
          level: 'warning',
          id: 'companion.configuration',
          message: 'banjour-companion runs with an older configuration: metrics are not served',
          fix: 'systemctl reload banjour-companion',
        },
      ]);
    },
  );

  test.each([
    ['[notify]\nreport = weekly', 'the report is not mailed'],
    ['[policy]\nenabled = true', 'nobody answers the mail server before it checks a password'],
    ['[share]\nenabled = true\nurl = valkey://127.0.0.1', 'bans are not shared with other hosts'],
    ['[notify]\nenabled = true', 'nobody is told of the bans of '],
  ])('where %j is wanted and nothing runs, that is an error', async (lines, words) => {
    configure('%(action_)s');
    companion(lines);
    expect(await look()).toMatchObject([
      { level: 'error', message: expect.stringContaining(`does not run: ${words}`) },
    ]);
  });

  test.each([
    [null, 'ok', 'bans are shared through valkey://127.0.0.1:6379'],
    ['no route', 'warning', 'bans are not shared: no route'],
  ])('sharing whose trouble is %j is %s', async (trouble, level, summary) => {
    configure('%(action_)s');
    companion('[share]\nenabled = true\nurl = valkey://127.0.0.1');
    const part = { name: 'share' as const, running: true, summary, status: { trouble } };
    expect(await running(part)).toMatchObject([
      { level, id: 'companion.share', message: `banjour-companion: ${summary}` },
    ]);
  });

  test('a part that does not run is an error with its reason', async () => {
    configure('%(action_)s');
    companion('[metrics]\nenabled = true');
    const summary = 'metrics: does not run: cannot listen on 127.0.0.1:9811';
    expect(await running({ name: 'metrics', running: false, summary, status: null })).toEqual([
      {
        level: 'error',
        id: 'companion.metrics',
        message: `banjour-companion: ${summary}`,
        fix: expect.stringContaining('systemctl restart banjour-companion'),
      },
    ]);
  });

  test('notify that is switched off while jails tell somebody is noted', async () => {
    companion('[notify]\nenabled = false');
    expect(await look()).toMatchObject([
      { level: 'note', message: expect.stringContaining('the bans of dovecot, sshd') },
    ]);
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
