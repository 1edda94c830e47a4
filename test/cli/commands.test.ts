/**
 * What Banjour's own commands print, held in `golden/banjour.txt`: standard output, standard error
 * and exit code, with times, folders and numbers of processes masked. BANJOUR_WRITE_GOLDEN=1 writes
 * the file anew; read what changed.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { whoTypes } from '../../src/cli/who.js';
import { FILES, Host, type Output } from '../control/host.js';
import { canWrite } from '../support/journal-files.js';
import { needs } from '../support/require.js';

const GOLDEN = join(process.cwd(), 'test/cli/golden/banjour.txt');
const LINES: readonly string[] = [
  'status',
  'status postfix-sasl',
  'status postfix-sasl --json',
  'status nojail',
  'status nojail --json',
  'status --long',
  'status --json',
  'stats',
  'stats --json',
  'ban postfix-sasl 192.0.2.1 2001:db8::/64',
  'ban postfix-sasl 192.0.2.1 --json',
  'ban postfix-sasl 127.0.0.1',
  'ban postfix-sasl nonsense',
  'ban postfix-sasl 0.0.0.0/4',
  'ban postfix-sasl 198.51.100.7 --bantime 1d',
  'ban postfix-sasl 198.51.100.8 --bantime soon',
  'banned',
  'banned --json',
  'banned 192.0.2.1',
  'banned 192.0.2.200',
  'attempt sshd 192.0.2.50',
  'attempt sshd 192.0.2.50 2 --json',
  'attempt sshd 192.0.2.50 9',
  'attempt sshd 127.0.0.1',
  'attempt sshd 192.0.2.0/24',
  'attempt sshd 192.0.2.50 x',
  'history',
  'history 192.0.2.50',
  'history 203.0.113.99',
  'history sshd --json --limit 1',
  'explain 192.0.2.50',
  'explain 127.0.0.1',
  'explain 203.0.113.99',
  'get sshd',
  'get sshd bantime',
  'get sshd bantime --json',
  'get sshd ignoreip',
  'get sshd nonsense',
  'get',
  'get loglevel',
  'set sshd bantime 1d',
  'set sshd maxretry 7 --json',
  'set sshd bantime nonsense',
  'set sshd enabled false',
  'set sshd ignoreip --add 10.0.0.0/8',
  'set sshd ignoreip --add --del 10.0.0.0/8',
  'set sshd bantime',
  'set loglevel DEBUG',
  'set loglevel loud',
  'status --long',
  'get sshd',
  'reload --dry-run',
  'reload sshd',
  'reload nojail',
  'reload',
  'reload --dry-run',
  'top',
  'top --interval 0',
  'events --since 0 -n 4',
  'events --since 0 -n 2 --json --only ban',
  'events --since x',
  'unban 192.0.2.1',
  'unban 192.0.2.1',
  'unban 192.0.2.50 --json',
  'unban',
  'unban --all',
  'history 192.0.2.1',
  'history 192.0.2.1 --json --limit 1',
  'explain 192.0.2.1',
  'events --since 0 --only unban -n 1',
  'ping',
  'ping --json',
  'version --json',
  'config check',
  'flush',
  'nonsense',
];

function masked(text: string, host: Host): string {
  return (
    text
      .replaceAll(host.folder, '/HOST')
      .replaceAll(process.cwd(), '/BANJOUR')
      .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TTTT-TT-TTTTT:TT:TT.TTTZ')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, 'TTTT-TT-TT TT:TT:TT')
      .replace(
        /(lifted by |operator, by |"by":"|for 1h, by |until TTTT-TT-TT TT:TT:TT by )[\w-]+(?: \(as \w+\))?/g,
        '$1WHO',
      )
      .replaceAll(new RegExp(` {2}${whoTypes({})}$`, 'gm'), '  WHO')
      // A busy machine may find a regex slow.
      .replace(/"demoted":\[[^\]]*\]/g, '"demoted":[]')
      .replace(/(\n\S+: failregex \d+ is slow and runs in the linear matcher)+\n(?=\n|$)/g, '')
      .replace(/^\S+: failregex \d+ is slow and runs in the linear matcher\n/gm, '')
      .replace(/"pid":\d+/g, '"pid":1')
      .replace(/process \d+/g, 'process 1')
      .replace(/"id":\d{10,}/g, '"id":1')
      .replace(/up \d+[a-z](?: \d+[a-z])?/g, 'up 1s')
      .replace(/"lastBatchMs":[\d.]+/g, '"lastBatchMs":1')
      .replace(/(Times?: |times: )[\w/+-]+/g, '$1ZONE')
      .replace(/^(.*\/HOST\/.*|Source .*)$/gm, (line) => line.replace(/ {3,}/g, '  '))
      .replace(/s=[0-9a-f]{32};i=[^" ,\n]*/g, 'CURSOR')
  );
}

function formatted(line: string, { code, out, err }: Output, host: Host): string {
  const shown = (text: string, mark: string) =>
    masked(text, host)
      .split('\n')
      .slice(0, -1)
      .map((one) => `${mark}${one}\n`)
      .join('');
  return `$ banjour ${line}\n${shown(out, '')}${shown(err, '! ')}=> ${code}\n\n`;
}

describe('the commands', () => {
  let host: Host;
  beforeAll(async () => {
    if (!canWrite[0]) return;
    host = await new Host(FILES, '/tmp').start();
    host.append([
      {
        message: 'x bad user=\x1b[2Jjoe\u202e 192.0.2.7',
        fields: { _SYSTEMD_UNIT: 'postfix@-.service' },
      },
    ]);
    await host.until('the entry is read and counted', async () =>
      (await host.client().status()).jails.every(
        ({ jail, failuresFound }) => jail === 'dovecot' || failuresFound === 1,
      ),
    );
  });
  afterAll(() => host?.end());

  needs(...canWrite)('print what the golden file says', async () => {
    let text = '';
    for (const line of LINES) text += formatted(line, await host.banjour(...line.split(' ')), host);
    if (process.env['BANJOUR_WRITE_GOLDEN'] === '1') writeFileSync(GOLDEN, text);
    expect(text).toBe(readFileSync(GOLDEN, 'utf8'));
  });

  needs(...canWrite)('escape what attackers wrote, wherever it is shown', async () => {
    await host.client().attempt({ jail: 'sshd', target: '192.0.2.7', count: 9 });
    for (const line of [
      ['events', '--since', '0', '-n', '2'],
      ['history'],
      ['explain', '192.0.2.7'],
      ['top'],
      ['status', '--long'],
    ]) {
      const { out, err } = await host.banjour(...line);
      expect(`${out}${err}`).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
    }
    expect((await host.banjour('events', '--since', '0', '-n', '1')).out).toContain(
      'user \\x1b[2Jjoe\\u{202e}',
    );
  });

  needs(...canWrite)('colour only a terminal, and none that says NO_COLOR', async () => {
    const events = ['events', '--since', '0', '-n', '1'];
    expect((await host.onTerminal({}, ...events)).out).toContain('\x1b[');
    expect((await host.onTerminal({ env: { NO_COLOR: '1' } }, ...events)).out).not.toContain(
      '\x1b[',
    );
    expect((await host.onTerminal({ env: { TERM: 'dumb' } }, ...events)).out).not.toContain(
      '\x1b[',
    );
    expect((await host.banjour(...events)).out).not.toContain('\x1b[');
    expect((await host.onTerminal({}, 'status')).out).not.toContain('\x1b[');
    expect(
      (await host.onTerminal({}, 'events', '--since', '0', '-n', '1', '--json')).out,
    ).not.toContain('\x1b[');
  });

  needs(...canWrite)('fit their tables into the width', async () => {
    for (const columns of [80, 100, 140])
      for (const line of [
        ['history'],
        ['get', 'sshd'],
        ['top', '--once'],
        ['status', '--long'],
        ['--help'],
      ]) {
        const { out } = await host.onTerminal({ columns, env: { NO_COLOR: '1' } }, ...line);
        const widest = Math.max(...out.split('\n').map((one) => one.length));
        expect([line, columns, widest <= columns]).toEqual([line, columns, true]);
      }
  });

  needs(...canWrite)('leave nothing out where the output is no terminal', async () => {
    for (const line of [['history'], ['banned'], ['get', 'sshd'], ['top'], ['status', '--long']]) {
      const [wide, piped] = [
        await host.onTerminal(
          { columns: 4000, env: { NO_COLOR: '1' } },
          ...line,
          ...(line[0] === 'top' ? ['--once'] : []),
        ),
        await host.banjour(...line),
      ];
      const head = (text: string) =>
        text.split('\n').filter((one) => /^(?:Banned at|Address|Option|Jail|Newest)/.test(one));
      expect([line, head(piped.out)]).toEqual([line, head(wide.out)]);
      expect(piped.out).not.toContain('…');
    }
  });

  needs(...canWrite)(
    'draw the table of stats in ASCII where the locale has no box drawing',
    async () => {
      const { out } = await host.onTerminal({ env: { LANG: 'de_DE.ISO-8859-1' } }, 'stats');
      expect(out).toMatch(/^[\x20-\x7e\n]+$/);
      expect((await host.onTerminal({ env: { LANG: 'C' } }, 'stats')).out).toContain('║');
    },
  );
});

test('every command has an example that begins with its name, and says what it does', async () => {
  const { COMMANDS } = await import('../../src/cli/table.js');
  for (const { name, summary, examples } of COMMANDS) {
    expect([name, summary.length > 8, examples.length > 0]).toEqual([name, true, true]);
    expect([name, examples.some(([line]) => line.includes(`banjour ${name}`))]).toEqual([
      name,
      true,
    ]);
  }
});
