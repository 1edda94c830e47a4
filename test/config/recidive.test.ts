import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { diskTree as disk, memoryTree } from '../../src/ini/tree.js';
import { importConfig } from '../../src/tools/import/config.js';
import { ids, load } from './support.js';

/** As fail2ban users have it. */
const THEIRS = `[recidive]
enabled = true
filter = recidive
logpath = /var/log/fail2ban.log
banaction = %(banaction_allports)s
bantime = 1w
findtime = 1d
`;

describe('[recidive]', () => {
  test('as fail2ban users have it counts bans from the ledger, and says that the log is not read', () => {
    const { config, diagnostics } = load({ 'jail.local': THEIRS });
    expect(config?.jails[0]).toMatchObject({
      source: { kind: 'ledger' },
      policy: { counts: 'bans', bantime: 604_800, findtime: 86_400, maxretry: 5 },
      rule: { ports: 'all', protocols: ['tcp'] },
      intake: { match: { groups: [] } },
    });
    expect(ids(diagnostics)).toEqual(['jail.recidive']);
    expect(diagnostics[0]).toMatchObject({
      level: 'note',
      key: 'logpath',
      place: { file: '/etc/jail.local', line: 4 },
    });
  });

  test('under another name is the same', () => {
    const { config } = load({
      'jail.local': '[again]\nenabled = true\nfilter = recidive[_jailname=again]\n',
    });
    expect(config?.jails[0]?.policy).toMatchObject({ jail: 'again', counts: 'bans' });
  });

  test('with a findtime that the ledger does not remember is warned of', () => {
    const text = THEIRS.replace('findtime = 1d', 'findtime = 6w');
    expect(ids(load({ 'jail.local': text }).diagnostics)).toEqual([
      'jail.recidive',
      'jail.recidive-forgotten',
    ]);
    const longer = { 'jail.local': text, 'banjour.conf': '[Definition]\ndbpurgeage = 6w\n' };
    expect(ids(load(longer).diagnostics)).toEqual(['jail.recidive']);
  });

  test('is shipped, disabled, and needs one line', () => {
    const shippedRoot = join(process.cwd(), 'config');
    const tree = memoryTree({ '/etc/jail.local': '[recidive]\nenabled = true\n' });
    const { config, diagnostics } = loadConfig({
      shippedRoot,
      adminRoot: '/etc',
      tree: {
        read: (path) => tree.read(path) ?? disk.read(path),
        list: (path) => (path.startsWith('/etc') ? tree.list(path) : disk.list(path)),
      },
    });
    expect(diagnostics).toEqual([]);
    expect(config?.jails.find(({ name }) => name === 'recidive')).toMatchObject({
      policy: { counts: 'bans', maxretry: 5, findtime: 86_400, bantime: 604_800 },
      rule: { ports: 'all' },
    });
    const bare = loadConfig({ shippedRoot, adminRoot: shippedRoot }).config;
    expect(bare?.disabled).toContain('recidive');
  });

  test('of a fail2ban that is imported needs no filter file', () => {
    const tree = memoryTree({
      '/f2b/jail.conf': THEIRS,
      '/f2b/filter.d/recidive.conf': '[Definition]\nfailregex = Ban <HOST>\n',
      '/usr/jail.conf': '[recidive]\n',
    });
    const { files, diagnostics } = importConfig({ from: '/f2b', shippedRoot: '/usr', tree });
    expect([...files.keys()]).toEqual(['jail.conf']);
    expect(files.get('jail.conf')?.text).not.toContain('logpath');
    expect(diagnostics.filter(({ level }) => level !== 'note')).toEqual([]);
  });
});
