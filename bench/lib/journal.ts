/**
 * Stored journals for the benchmarks: the mail server of `mailserver.ts` with the fields that
 * journald adds, one entry in five of other services, the same every time. Written by
 * systemd-journal-remote, kept in `build/bench`.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type MailEntry, mailServer } from '../mailserver.js';
import { OUTPUT } from './tools.js';

const REMOTE = '/usr/lib/systemd/systemd-journal-remote';
/** Raised when what is written changes, so that kept journals are made anew. */
const RECIPE = 1;
/** Time of the first entry, seconds since 1970: 2026-11-20 00:00 UTC; one entry each 50 ms. */
const START = 1_795_132_800;
const STEP_MICROS = 50_000;
const BOOT = '5f0b3c1e7d6a4c2f9b8e1a2d3c4b5a69';
const MACHINE = '0b4e0d7a2f1c4e6f8a9b1c2d3e4f5a6b';

/** Units as Debian 13 names them. */
export const UNITS = {
  postfix: 'postfix.service',
  dovecot: 'dovecot.service',
  sshd: 'ssh.service',
} as const;

interface Origin {
  readonly unit: string;
  readonly comm: string;
  readonly exe: string;
  readonly facility: number;
}
const ORIGINS: Readonly<Record<MailEntry['service'] | 'cron' | 'nginx', Origin>> = {
  postfix: { unit: UNITS.postfix, comm: 'smtpd', exe: '/usr/lib/postfix/sbin/smtpd', facility: 2 },
  dovecot: { unit: UNITS.dovecot, comm: 'log', exe: '/usr/lib/dovecot/log', facility: 2 },
  sshd: {
    unit: UNITS.sshd,
    comm: 'sshd-session',
    exe: '/usr/lib/openssh/sshd-session',
    facility: 4,
  },
  cron: { unit: 'cron.service', comm: 'cron', exe: '/usr/sbin/cron', facility: 9 },
  nginx: { unit: 'nginx.service', comm: 'nginx', exe: '/usr/sbin/nginx', facility: 3 },
};

/** What journald says of every entry of one service. */
function headOf({ unit, comm, exe }: Origin, index: number): string {
  return (
    `_TRANSPORT=syslog\n_BOOT_ID=${BOOT}\n_MACHINE_ID=${MACHINE}\n_HOSTNAME=mx1\n_RUNTIME_SCOPE=system\n_UID=0\n_GID=0\n` +
    `_COMM=${comm}\n_EXE=${exe}\n_CMDLINE=${exe}\n_CAP_EFFECTIVE=1fffeffffff\n_SYSTEMD_CGROUP=/system.slice/${unit}\n` +
    `_SYSTEMD_UNIT=${unit}\n_SYSTEMD_SLICE=system.slice\n_SYSTEMD_INVOCATION_ID=${String(index).repeat(32)}\n`
  );
}

/**
 * The entries in the export format (systemd.journal-fields(7), "Journal Export Format"), in pieces.
 */
function* exported(count: number): Generator<string> {
  const heads = new Map(
    Object.entries(ORIGINS).map(([name, origin], i) => [name, headOf(origin, i + 1)]),
  );
  const mail = mailServer(count);
  let piece = '';
  for (let n = 0; n < count; n++) {
    const other = n % 5 === 4;
    const made = other ? undefined : mail.next().value;
    const service = made ? (made as MailEntry).service : n % 2 === 0 ? 'cron' : 'nginx';
    const { ident, message, pid } = made
      ? (made as MailEntry)
      : service === 'cron'
        ? {
            ident: 'CRON',
            message:
              '(root) CMD (test -x /usr/sbin/anacron || run-parts --report /etc/cron.hourly)',
            pid: n,
          }
        : {
            ident: 'nginx',
            message: `203.0.113.${n % 250} - - "GET /${n.toString(36)} HTTP/1.1" 200 ${n % 9_999}`,
            pid: n,
          };
    const time = START * 1_000_000 + n * STEP_MICROS;
    const mono = 5_000_000 + n * STEP_MICROS;
    const own = 1_000 + (pid % 30_000);
    piece +=
      `__CURSOR=s=${BOOT};i=${(n + 1).toString(16)};b=${BOOT};m=${mono.toString(16)};t=${time.toString(16)};x=${(n + 1).toString(16)}\n` +
      `__REALTIME_TIMESTAMP=${time}\n__MONOTONIC_TIMESTAMP=${mono}\n${heads.get(service)}` +
      `PRIORITY=6\nSYSLOG_FACILITY=${ORIGINS[service as keyof typeof ORIGINS].facility}\nSYSLOG_IDENTIFIER=${ident}\n` +
      `SYSLOG_PID=${own}\n_PID=${own}\n_SOURCE_REALTIME_TIMESTAMP=${time - 60}\nMESSAGE=${message}\n\n`;
    if (piece.length > 1_000_000) {
      yield piece;
      piece = '';
    }
  }
  yield piece;
}

/**
 * The folder with a journal of so many entries; made when it is not there, about a minute per
 * million.
 */
export async function mailJournal(count: number, say: (line: string) => void): Promise<string> {
  const folder = join(OUTPUT, `journal-${RECIPE}-${count}`);
  if (existsSync(join(folder, '.complete'))) return folder;
  if (!existsSync(REMOTE))
    throw new Error(`${REMOTE} is missing: apt-get install -y systemd-journal-remote`);
  say(`writing a journal of ${count.toLocaleString('en')} entries`);
  const building = `${folder}.${process.pid}`;
  mkdirSync(building, { recursive: true });
  try {
    const child = spawn(REMOTE, ['-o', join(building, 'mail.journal'), '-'], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    const ended = once(child, 'exit');
    for (const piece of exported(count))
      if (!child.stdin.write(piece)) await once(child.stdin, 'drain');
    child.stdin.end();
    const [status] = await ended;
    if (status !== 0) throw new Error(`${REMOTE}: status ${status}`);
    writeFileSync(join(building, '.complete'), '');
    rmSync(folder, { recursive: true, force: true });
    renameSync(building, folder);
  } finally {
    rmSync(building, { recursive: true, force: true });
  }
  return folder;
}
