/**
 * The jails of article 003 on text files, with the article's own lines: written, rotated,
 * restarted.
 */
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { Announcer } from '../../src/agent/announce.js';
import { IntakeSupervisor } from '../../src/agent/intake/supervisor.js';
import { Pipeline } from '../../src/agent/pipeline.js';
import { silentLog } from '../../src/core/log.js';
import { SetClock, wallClock } from '../../src/core/time.js';
import { NoFirewall } from '../../src/firewall/recording.js';
import { Jails } from '../../src/jail/jails.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger } from '../../src/ledger/open.js';
import { loadSetup } from '../../src/setup/load.js';
import { type AgentSetup, placeOf } from '../../src/setup/setup.js';
import { stays, until as untilDone } from '../support/until.js';

/** Jail, its log in the test's folder, whom its lines name, and the lines of the article. */
const JAILS = [
  [
    'qmail-smtp',
    'smtpd/current',
    '77.65.15.93',
    '@40000000545076ad1de678ec GREETDELAY from 77.65.15.93: client sent data before greeting',
  ],
  [
    'qmail-submission',
    'submission/current',
    '95.140.112.191',
    '@4000000059f5195c211f2234 qlogenvelope: result=rejected code=553 reason=rblreject detail=b.barracudacentral.org helo=free-112-191.mediaworksit.net mailfrom=sender@remotedomain.xy rcptto=localuser@localdomain.xy relay=no rcpthosts=yes size= authuser= authtype= encrypted= sslverified=no localip=10.0.0.4 localport=25 remoteip=95.140.112.191 remoteport=15630 remotehost= qp= pid=20003',
  ],
  [
    'vpopmail',
    'vpopmail.log',
    '191.233.70.140',
    'Jul 10 12:05:53 qmail vpopmail[3076]: vchkpw-submission: vpopmail user not found helpdesk@yourdomain.xy:191.233.70.140',
  ],
  [
    'qmailadmin',
    'qma-auth.log',
    '1.2.3.4',
    '2015/05/27 15:45:58 user:postmaster@domain.xy ip:1.2.3.4 auth:failed [@domain.xy]',
  ],
  [
    'roundcube-auth',
    'roundcube/userlogins.log',
    '2.42.23.100',
    '[12-Jul-2022 08:56:39 +0200]: <3lq5onb8> Failed login for postmaster from 10.0.0.2 (X-Forwarded-For: 2.42.23.100) in session 3lq5onb87b7oqnc7 (error: 1)',
  ],
  [
    'dovecot-pop3',
    'dovecot.log',
    '1.2.3.4',
    'Jul 22 23:33:29 auth-worker(27283): Info: sql(user@yourdomain.xy,1.2.3.4): Password mismatch',
  ],
  [
    'dovecot-imap',
    'dovecot.log',
    '1.2.3.4',
    'Jul 22 23:34:04 auth-worker(27283): Info: sql(adminww@yourdomain.xy,1.2.3.4): unknown user',
  ],
] as const;

let folder: string;
let setup: AgentSetup;
let ledger: Ledger;
let readers: IntakeSupervisor;
let bans: string[];
let found: number;

const pathOf = (log: string) => join(folder, log);

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-daemon-text-'));
  const overlay = join(folder, 'paths.conf');
  writeFileSync(
    overlay,
    JAILS.map(([jail, log]) => `[${jail}]\nlogpath = ${pathOf(log)}\n`).join(''),
  );
  const loaded = loadSetup(
    { shippedRoot: 'config', adminRoot: 'examples/seeds/qmail' },
    { jails: JAILS.map(([jail]) => jail), extraFiles: [overlay] },
  );
  setup = loaded.setup;
  for (const [, log] of JAILS) {
    mkdirSync(dirname(pathOf(log)), { recursive: true });
    writeFileSync(pathOf(log), '');
  }
  ledger = openLedger(':memory:', wallClock.now()).ledger;
});
afterEach(async () => {
  await readers.stop();
  ledger.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Starts reading as the agent does, on the same ledger. */
async function start(): Promise<void> {
  bans = [];
  found = 0;
  const announcer = new Announcer(silentLog);
  announcer.subscribe(({ event, jail, address }) => {
    if (event === 'ban') bans.push(`${jail} ${address}`);
    else if (event === 'found') found++;
  });
  const jails = new Jails(setup.jails.map(({ policy }) => policy));
  const allow = { allowed: () => undefined, coversAllowed: () => false };
  const failed = (error: unknown) => {
    throw error;
  };
  const clocks = { wall: wallClock, stored: new SetClock() };
  const pipeline = new Pipeline({
    jails,
    ledger,
    firewall: new NoFirewall(),
    announcer,
    allow,
    ...clocks,
    random: () => 0,
    failed,
    broken: failed,
  });
  readers = new IntakeSupervisor({ jails, ledger, pipeline, allow, log: silentLog, failed });
  await readers.start(setup);
}

const until = (what: string, done: () => boolean) =>
  untilDone(() => `${what}; found ${found}, bans ${bans.join()}`, done);

const live = () =>
  until('reading has caught up', () => readers.all.every(({ phase }) => phase === 'live'));
const maxretry = (jail: string) =>
  setup.jails.find(({ policy }) => policy.jail === jail)?.policy.maxretry ?? 0;

describe('the jails of article 003 on text files', () => {
  test('are read by one reader, each file once', async () => {
    expect(setup.jails.map(placeOf)).toEqual(JAILS.map(() => 'text'));
    await start();
    expect(readers.all.map(({ source }) => source.kind === 'text' && source.logs.length)).toEqual([
      6,
    ]);
  });

  test("ban after as many of the article's lines as it says, and not before", async () => {
    await start();
    await live();
    for (const [jail, log, , line] of JAILS.slice(0, 5))
      appendFileSync(pathOf(log), `${line}\n`.repeat(maxretry(jail) - 1));
    appendFileSync(pathOf('dovecot.log'), `${JAILS[5][3]}\n${JAILS[6][3]}\n`.repeat(2));
    const before = JAILS.slice(0, 5).reduce((sum, [jail]) => sum + maxretry(jail) - 1, 8);
    await until('all but the last of each are counted', () => found === before);
    expect(bans).toEqual([]);
    for (const [, log, , line] of JAILS) appendFileSync(pathOf(log), `${line}\n`);
    const all = JAILS.map(([jail, , address]) => `${jail} ${address}`).sort();
    await until('all are banned', () => bans.length === all.length);
    expect(bans.sort()).toEqual(all);
  });

  test('count on through rotation by rename and by copytruncate', async () => {
    await start();
    await live();
    const [smtp, , , qma] = JAILS;
    const current = pathOf(smtp[1]);
    for (let i = 0; i < 5; i++) {
      // A moment of its own: a file that begins as another one is taken for its copy.
      appendFileSync(current, `${smtp[3].replace('545076ad', `545076a${i}`)}\n`);
      renameSync(current, join(dirname(current), `@4000000065f0000${i}00000000.s`));
      writeFileSync(current, '');
      appendFileSync(pathOf(qma[1]), i < 4 ? `${qma[3].replace('postmaster', `user${i}`)}\n` : '');
      // What copytruncate empties before it was read is lost to every reader.
      const written = i + 1 + Math.min(i + 1, 4);
      await until(`${written} lines are read`, () => found === written);
      copyFileSync(pathOf(qma[1]), `${pathOf(qma[1])}.1`);
      truncateSync(pathOf(qma[1]));
    }
    await until('both are banned', () => bans.length === 2);
    expect(bans.sort()).toEqual(['qmail-smtp 77.65.15.93', 'qmailadmin 1.2.3.4']);
    expect(
      ledger.history
        .find({ limit: 10 })
        .map(({ failures }) => failures)
        .sort(),
    ).toEqual([4, 5]);
  });

  test('go on after a restart: what was written meanwhile counts, what counted before still does, nothing twice', async () => {
    const [jail, log, address] = JAILS[3];
    const line = (secondsAgo: number) => {
      const at = new Date(Date.now() - secondsAgo * 1000);
      const two = (n: number) => String(n).padStart(2, '0');
      const day = `${at.getFullYear()}/${two(at.getMonth() + 1)}/${two(at.getDate())}`;
      return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())} user:x@y ip:${address} auth:failed [@y]\n`;
    };
    writeFileSync(pathOf(log), line(300) + line(200));
    await start();
    await live();
    await readers.stop();
    appendFileSync(pathOf(log), line(20));
    await start();
    await live();
    await stays('nobody is banned', () => bans.length === 0, 100);
    await readers.stop();
    renameSync(pathOf(log), `${pathOf(log)}.1`);
    writeFileSync(pathOf(log), line(10));
    await start();
    await until('the fourth failure bans', () => bans.length > 0);
    expect(bans).toEqual([`${jail} ${address}`]);
    expect(ledger.history.find({ limit: 10 })[0]?.failures).toBe(4);
  });
});
