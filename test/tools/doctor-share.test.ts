import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { serveCompanion } from '../../src/companion/socket.js';
import type { ShareView } from '../../src/control/share-views.js';
import type { ShareStatus } from '../../src/share/share.js';
import { checkShare } from '../../src/tools/doctor-share.js';

const NOW = Date.parse('2026-11-21T20:00:00.000Z');
const at = (minutesAgo: number) => new Date(NOW - minutesAgo * 60_000).toISOString();
const VIEW: ShareView = {
  ...{ enabled: true, accept: ['banjour'], bantimeMaxSeconds: 604_800, prefix: [24, 48] },
  ...{ publish: { jails: ['sshd'], operator: true }, engine: 'valkey://192.0.2.1:6379' },
  ...{ last: at(3), inForce: [], taken: 0, refused: {} },
  lists: { inForce: 0, max: 200_000, complete: true },
};
const STATUS: ShareStatus = {
  ...{ engine: 'valkey://192.0.2.1:6379', host: 'mx1', connectedSince: at(90), trouble: null },
  ...{ namesake: false, published: 1, waiting: 0, held: 2 },
};

let folder: string;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-doctor-share-'));
  mkdirSync(join(folder, 'etc'));
  configure(true, true);
  writeFileSync(join(folder, 'share.sock'), '');
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  rmSync(folder, { recursive: true });
});

function configure(companion: boolean, jail: boolean): void {
  const share = `[share]\nenabled = ${companion}\nurl = valkey://127.0.0.1\nname = mx1\n`;
  writeFileSync(join(folder, 'etc/companion.local'), share);
  writeFileSync(join(folder, 'etc/jail.local'), `[shared]\nenabled = ${jail}\n`);
}

/** The agent says this. */
async function agent(more: Partial<ShareView> = {}): Promise<void> {
  const server: Server = createServer((_, response) =>
    response.end(JSON.stringify({ ...VIEW, ...more })),
  );
  await new Promise<void>((resolve) => server.listen(join(folder, 'status.sock'), () => resolve()));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
}

/** And the companion that. */
async function companion(more: Partial<ShareStatus> = {}): Promise<void> {
  const status = { ...STATUS, ...more };
  const part = { name: 'share', running: true, summary: 'sharing', status } as const;
  closing.push(
    await serveCompanion(join(folder, 'companion.sock'), {
      view: () => ({ version: '1', parts: [part] }),
      figures: async () => [],
      order: async () => undefined,
    }),
  );
}

const look = () =>
  checkShare(
    {
      configuration: {
        shippedRoot: join(process.cwd(), 'config'),
        adminRoot: join(folder, 'etc'),
      },
      statusSocket: join(folder, 'status.sock'),
      companionSocket: join(folder, 'companion.sock'),
      shareSocket: join(folder, 'share.sock'),
    },
    NOW,
  );

describe('the doctor looks whether shared bans arrive', () => {
  test('and says nothing of it where none are shared', async () => {
    configure(false, false);
    expect(await look()).toEqual([]);
  });

  test.each([
    [false, true, 'share.companion', /nobody brings it/, /\[share\] into .*companion\.local/],
    [true, false, 'share.jail', /no ban is told or taken/, /\[shared\] into .*jail\.local/],
  ])('one half without the other: %s %s', async (share, jail, id, message, fix) => {
    configure(share, jail);
    expect(await look()).toMatchObject([
      {
        ...{ level: 'warning', id },
        message: expect.stringMatching(message),
        fix: expect.stringMatching(fix),
      },
    ]);
  });

  test('what is wrong with companion.conf, and who does not answer, is told elsewhere', async () => {
    expect(await look()).toEqual([]);
    writeFileSync(join(folder, 'etc/companion.local'), '[share]\nenabled = true\n');
    expect(await look()).toEqual([]);
  });

  test('all is well: what is held, of whom, and what was refused', async () => {
    await agent({
      inForce: [
        { host: 'mx2', origin: 'banjour', bans: 3 },
        { host: 'mx\x1b3', origin: 'banjour', bans: 1 },
      ],
      lists: { inForce: 7, max: 200_000, complete: true },
      refused: { allowed: 2 },
    });
    await companion();
    expect(await look()).toEqual([
      {
        ...{ level: 'ok', id: 'share' },
        message:
          'shared bans: 4 bans in force (mx2, mx\\x1b3); 7 addresses of lists; refused: allowed 2',
      },
    ]);
  });

  test('an agent that takes nothing, and one without share.sock', async () => {
    await agent({ enabled: false });
    expect(await look()).toMatchObject([{ level: 'warning', id: 'share.jail' }]);
    for (const close of closing.splice(0)) await close();
    await agent();
    rmSync(join(folder, 'share.sock'));
    expect(await look()).toMatchObject([
      { level: 'error', id: 'share.socket', fix: 'systemctl restart banjour' },
    ]);
  });

  test('a namesake', async () => {
    await agent();
    await companion({ namesake: true });
    expect((await look()).filter(({ level }) => level !== 'ok')).toMatchObject([
      {
        ...{ level: 'warning', id: 'share.name' },
        message: expect.stringMatching(/^another host shares its bans as mx1, too/),
        fix: expect.stringContaining('name of its own'),
      },
    ]);
  });

  test.each([
    ['for long', { last: at(26) }, {}, ['share.silent']],
    ['ever', { last: undefined }, {}, ['share.silent']],
    ['lately', { last: at(25) }, {}, []],
    ['since it connected', { last: at(90) }, { connectedSince: at(25) }, []],
    ['while there is no engine', { last: at(90) }, { connectedSince: null }, []],
    ['for a reason that is known', { last: at(90) }, { trouble: 'no route' }, []],
  ])('nothing was told: %s', async (_, view, status, expected) => {
    await agent(view as Partial<ShareView>);
    await companion(status);
    const found = (await look()).filter(({ level }) => level !== 'ok');
    expect(found.map(({ id }) => id)).toEqual(expected);
  });
});
