/**
 * The pictures of the README: what the real program prints, as SVG below docs/pictures. `npm run
 * pictures` writes them again; without it the test holds them to what the program says today, but
 * for digits and the width of columns.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { AgentHost, canHost, SSHD } from '../support/agent-host.js';
import { hasCommand, needs } from '../support/require.js';
import { until } from '../support/until.js';
import { writeWeek } from '../tools/report/sample.js';
import { terminalSvg, wordsOf } from './terminal-svg.js';

const MAIN = join(process.cwd(), 'dist/src/main.js');
const FOLDER = join(process.cwd(), 'docs/pictures');
const writes = process.env['BANJOUR_WRITE_PICTURES'] === '1';
const COLUMNS = 96;

const SMTPD = { _SYSTEMD_UNIT: 'postfix@-.service', SYSLOG_IDENTIFIER: 'postfix/smtpd', _UID: '0' };
const LOGIN = { _SYSTEMD_UNIT: 'dovecot.service', SYSLOG_IDENTIFIER: 'dovecot', _UID: '0' };

/** The picture shows an installed program on its own journal, not the test's folders. */
const PLACES: readonly (readonly [RegExp, string])[] = [
  [new RegExp(`${process.cwd()}/config`, 'g'), '/usr/lib/banjour/config'],
  [/directory:\S+\/journal +/g, `local journal${' '.repeat(13)}`],
  [/^Source +Phase/m, `Source${' '.repeat(20)}Phase`],
];

/** Writes the picture, or compares its words with the one that is there. */
function keep(name: string, command: string, output: string): void {
  const path = join(FOLDER, `${name}.svg`);
  const svg = terminalSvg(
    command,
    PLACES.reduce((text, [place, word]) => text.replace(place, word), output),
  );
  if (writes) {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(path, svg);
  }
  expect(existsSync(path)).toBe(true);
  expect(wordsOf(readFileSync(path, 'utf8'))).toBe(wordsOf(svg));
}

const usable = canHost[0] && hasCommand('script');
const picture = needs(usable, 'needs root, nft, systemd-journal-remote and script(1)');

describe('the pictures are what the program prints', () => {
  let host: AgentHost;

  /** What a command prints on a terminal of COLUMNS columns. */
  const shown = (command: string): string => {
    const words = [process.execPath, MAIN, ...host.placed(command.split(' '))].join(' ');
    const [file, ...args] = host.namespace.inside([
      'script',
      '-qec',
      `stty cols ${COLUMNS}; ${words}`,
      '/dev/null',
    ]);
    const env = { ...process.env, TERM: 'xterm', TZ: 'UTC', PAGER: 'cat', NO_COLOR: '' };
    return spawnSync(file, args, {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    }).stdout.replaceAll('\r', '');
  };

  beforeAll(async () => {
    if (!usable) return;
    host = new AgentHost();
    host.write(
      'etc/jail.d/mail.conf',
      ['postfix-sasl', 'dovecot', 'sshd'].map((jail) => `[${jail}]\nenabled = true\n`).join(''),
    );
    host.configure();
    const sasl = (address: string, user: string, ago = 0) =>
      host.append(
        `warning: unknown[${address}]: SASL LOGIN authentication failed: authentication failure, sasl_username=${user}`,
        SMTPD,
        ago,
      );
    const imap = (address: string, user: string, session: string, ago = 0) =>
      host.append(
        `imap-login: Disconnected: Connection closed (auth failed, 1 attempts in 2 secs): user=<${user}>, method=PLAIN, rip=${address}, lip=192.0.2.25, TLS, session=<${session}>`,
        LOGIN,
        ago,
      );
    const ssh = (address: string, user: string, ago = 0) =>
      host.append(`Failed password for ${user} from ${address} port 40022 ssh2`, SSHD, ago);
    await host.start();
    ssh('198.51.100.7', 'root', 2000);
    sasl('203.0.113.45', 'info@example.org', 1500);
    imap('2001:db8:5:1::9', 'sales@example.org', 'Qx7kTmE0aVYgAQ24', 1300);
    sasl('203.0.113.45', 'sales@example.org', 700);
    for (const last of ['a', 'b'])
      imap(`2001:db8:5:1::${last}`, 'info@example.org', `Rx7kTmE0aVYgAQ2${last}`, 60);
    for (const user of ['root', 'postgres']) ssh('198.51.100.7', user, 30);
    sasl('203.0.113.45', 'office@example.org');
    for (const user of ['anna', 'info', 'scan']) sasl('198.51.100.130', `${user}@example.org`);
    imap('192.0.2.77', 'anna@example.org', 'Sx7kTmE0aVYgAQ24');
    await host.heard('Ban', 4);
  });
  afterAll(() => host?.dispose());

  picture('explain', async () => {
    keep('explain', 'banjour explain 203.0.113.45', shown('explain 203.0.113.45'));
  });

  picture('status', async () => {
    keep('status', 'banjour status --long', shown('status --long'));
  });

  picture('top', async () => {
    const words = `stty cols ${COLUMNS} rows 40; ${process.execPath} ${MAIN} ${host.placed(['top', '--interval', '1']).join(' ')}`;
    const [file, ...args] = host.namespace.inside(['script', '-qefc', words, '/dev/null']);
    const child = spawn(file, args, { env: { ...process.env, TERM: 'xterm', TZ: 'UTC' } });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    await until(
      () => 'three pictures of top',
      () => out.split('\x1b[H').length > 3,
    );
    child.stdin.write('q');
    await new Promise((resolve) => child.once('close', resolve));
    const [, , second = ''] = out.split('\x1b[H');
    keep(
      'top',
      'banjour top',
      (second.split('\x1b[J')[0] ?? '').replaceAll('\r', '').replaceAll('\x1b[K', ''),
    );
  });
});

test('replay', () => {
  const journal = 'examples/journal/lab-session.export.gz';
  const command = `stty cols ${COLUMNS}; ${process.execPath} ${MAIN} replay ${journal} --quiet --no-pager`;
  const env = { ...process.env, TERM: 'xterm', TZ: 'UTC', NO_COLOR: '' };
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
    encoding: 'utf8',
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  keep(
    'replay',
    'banjour replay lab-session.export.gz --quiet',
    stdout.replaceAll('\r', '').replace(/^.*\x1b\[K/gm, ''),
  );
});

test('report', () => {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-picture-'));
  try {
    writeWeek(join(folder, 'ledger.sqlite3'));
    const week = '--since 2026-11-16T00:00Z --until 2026-11-23T00:00Z';
    const places = `--state-dir ${folder} --run-dir ${folder} --no-pager`;
    const command = `stty cols ${COLUMNS}; ${process.execPath} ${MAIN} report ${week} ${places}`;
    const env = { ...process.env, TERM: 'xterm', TZ: 'UTC', NO_COLOR: '' };
    const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], {
      encoding: 'utf8',
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const shown = stdout.replaceAll('\r', '').replace(/^Banjour on \S+,/, 'Banjour on mx,');
    // Its beginning: the tables behind are long.
    keep('report', 'banjour report', shown.slice(0, shown.indexOf('\nNetworks:')));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
