import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { SourceSpec } from '../../src/core/entry.js';
import { silentLog } from '../../src/core/log.js';
import { WHOLE_JOURNAL } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { LINE_FIELDS } from '../../src/filter/line.js';
import { createSource } from '../../src/journal/source.js';
import { loadSetup } from '../../src/setup/load.js';
import { textTools } from '../../src/setup/text-dates.js';
import { linesOf, linesReader } from '../../src/tools/explain.js';
import { canWrite, writeJournal } from '../support/journal-files.js';
import { needs } from '../support/require.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-lines-'));
  mkdirSync(join(folder, 'etc'));
  mkdirSync(join(folder, 'journal'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const path = (name: string) => join(folder, name);
const roundcube = (address: string, user = 'joe') =>
  `[21-Nov-2026 08:56:39 +0000]: <3lq5onb8> Failed login for ${user} from ${address} in session 3lq5 (error: 1)`;
const shown = (address: string, user = 'joe') =>
  `2026-11-21 08:56:39 []: <3lq5onb8> Failed login for ${user} from ${address} in session 3lq5 (error: 1)`;

/** A jail on a text file, one on a journal, and one that counts the bans of both. */
function setup() {
  const text = `[roundcube-auth]
enabled = true
backend = polling
logpath = ${path('mail.log')}
[sshd]
enabled = true
source = directory ${path('journal')}
[recidive]
enabled = true
`;
  writeFileSync(path('etc/jail.local'), text);
  return loadSetup({ shippedRoot: join(process.cwd(), 'config'), adminRoot: path('etc') }).setup
    .jails;
}

function sourceOf(jail: string): SourceSpec {
  const source = setup().find(({ policy }) => policy.jail === jail)?.source;
  if (source === undefined) throw new Error(`${jail} reads nothing`);
  return source;
}

/** Cursors of everything that is there, as the agent keeps them with a ban. */
function cursors(spec: SourceSpec): string[] {
  const source = createSource(spec, sourceId('test'), textTools);
  try {
    source.open(WHOLE_JOURNAL, { literals: undefined, fields: LINE_FIELDS }, { at: 'head' });
    return source.next(100).entries.map(({ cursor }) => cursor as string);
  } finally {
    source.close();
  }
}

describe('log lines of a jail on a text file', () => {
  test('are read again where they stand', () => {
    writeFileSync(
      path('mail.log'),
      `${roundcube('192.0.2.1')}\n${roundcube('192.0.2.2')}\n${roundcube('192.0.2.3')}\n`,
    );
    const spec = sourceOf('roundcube-auth');
    const [first = '', , third = ''] = cursors(spec);
    expect(linesOf([spec], [third, first])).toEqual([shown('192.0.2.3'), shown('192.0.2.1')]);
  });

  test('are found in the rotated file, and left out when that is gone', () => {
    writeFileSync(path('mail.log'), `${roundcube('192.0.2.1')}\n`);
    const spec = sourceOf('roundcube-auth');
    const before = cursors(spec);
    renameSync(path('mail.log'), path('mail.log.1'));
    writeFileSync(path('mail.log'), `${roundcube('192.0.2.2')}\n`);
    const after = cursors({ kind: 'text', logs: spec.kind === 'text' ? spec.logs : [] }).slice(-1);
    expect(linesOf([spec], [...before, ...after])).toEqual([
      shown('192.0.2.1'),
      shown('192.0.2.2'),
    ]);
    rmSync(path('mail.log.1'));
    expect(linesOf([spec], [...before, ...after])).toEqual([shown('192.0.2.2')]);
  });

  test('are what was counted and nothing else: a file that was emptied and written anew has none', () => {
    writeFileSync(path('mail.log'), `${roundcube('192.0.2.1')}\n`);
    const spec = sourceOf('roundcube-auth');
    const before = cursors(spec);
    writeFileSync(path('mail.log'), `${roundcube('192.0.2.9')}\n`);
    expect(linesOf([spec], before)).toEqual([]);
  });

  test('come without control characters of the attacker', () => {
    writeFileSync(path('mail.log'), `${roundcube('192.0.2.1', 'a\x1b[2Jb\rc')}\n`);
    const spec = sourceOf('roundcube-auth');
    const [line = ''] = linesOf([spec], cursors(spec));
    expect(line).toContain('Failed login for a');
    expect([...line].every((letter) => letter >= ' ' && letter !== '\x7f')).toBe(true);
  });

  test('that a cursor of a journal, or nonsense, does not name are none', () => {
    writeFileSync(path('mail.log'), `${roundcube('192.0.2.1')}\n`);
    const spec = sourceOf('roundcube-auth');
    expect(linesOf([spec], ['', 's=1;i=1', 'text:x.1.1:1:1:1', 'text:../../etc/passwd'])).toEqual(
      [],
    );
  });
});

describe('the lines of a ban', () => {
  const here = needs(...canWrite);

  here(
    'of a jail that counts bans come from wherever the other jails read, in their order',
    async () => {
      appendFileSync(path('mail.log'), `${roundcube('192.0.2.1')}\n`);
      const fields = {
        _SYSTEMD_UNIT: 'ssh.service',
        SYSLOG_IDENTIFIER: 'sshd',
        _HOSTNAME: 'mx',
        _PID: '7',
      };
      writeJournal(path('journal/host.journal'), [
        { at: 0, message: 'Failed password for root', fields },
      ]);
      const [text, journal] = [cursors(sourceOf('roundcube-auth')), cursors(sourceOf('sshd'))];
      const lines = linesReader(setup(), silentLog);
      const evidence = [...journal, ...text];
      const ssh = '2026-11-21 00:00:00 mx sshd[7]: Failed password for root';
      expect(await lines({ jail: 'recidive', evidence })).toEqual([ssh, shown('192.0.2.1')]);
      expect(await lines({ jail: 'sshd', evidence })).toEqual([ssh]);
      expect(await lines({ jail: 'roundcube-auth', evidence })).toEqual([shown('192.0.2.1')]);
      expect(await lines({ jail: 'gone', evidence })).toEqual([]);
    },
  );

  test('that cannot be read are missed once in the log, and never fail the message', async () => {
    writeFileSync(path('mail.log'), `${roundcube('192.0.2.1')}\n`);
    const evidence = cursors(sourceOf('roundcube-auth'));
    const said: string[] = [];
    const jails = setup().map((jail) =>
      jail.policy.jail === 'recidive' ? jail : { ...jail, source: broken },
    );
    const lines = linesReader(jails, (level, message) => said.push(`${level} ${message}`));
    expect(await lines({ jail: 'roundcube-auth', evidence: ['s=1;i=1;t=1'] })).toEqual([]);
    expect(await lines({ jail: 'recidive', evidence: [...evidence, 's=1;i=1;t=1'] })).toEqual([]);
    expect(said).toEqual([expect.stringMatching(/^warning messages go without log lines: /)]);
  });
  const broken: SourceSpec = { kind: 'directory', path: '/nowhere/at/all' };
});
