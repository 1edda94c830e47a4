import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import { wallClock } from '../../src/core/time.js';
import { readFail2ban } from '../../src/ledger/import-fail2ban.js';
import { openLedger } from '../../src/ledger/open.js';
import { importConfig } from '../../src/tools/import/config.js';
import { AgentHost, canHost } from '../support/agent-host.js';
import { fail2banPackage } from '../support/fail2ban.js';
import { canServe, Fail2banServer } from '../support/fail2ban-server.js';
import { needs } from '../support/require.js';
import { until } from '../support/until.js';

/** Of Debian 13. */
const found = canHost[0] ? fail2banPackage('1.1.0-8') : { reason: canHost[1] };
const reason = 'reason' in found ? found.reason : canServe()[1];
const test = needs('root' in found && canServe()[0], reason);

let host: AgentHost;
let theirs: Fail2banServer;
beforeEach(() => {
  host = new AgentHost();
});
afterEach(async () => {
  await theirs?.stop();
  await host.dispose();
});

const log = () => host.path('theirs/auth.log');
const JAILS = (): string => `[DEFAULT]
ignoreip = 127.0.0.1/8 192.0.2.0/24
bantime = 2h
findtime = 20m
maxretry = 4
banaction = nftables[type=multiport]
bantime.increment = true

[sshd]
enabled = true
port = 22,2222
backend = polling
logpath = ${log()}

[postfix-sasl]
enabled = true
bantime = -1
backend = polling
logpath = ${log()}

[recidive]
enabled = true
backend = polling
logpath = ${log()}
`;

describe('a move from a real fail2ban 1.1 with live bans', () => {
  test('takes over jails, bans in force with their ends, and the past; nobody is let in', async () => {
    if (!('root' in found)) return;
    mkdirSync(host.path('theirs'));
    writeFileSync(log(), '');
    theirs = new Fail2banServer(found.root, host.path('theirs'), host.namespace, JAILS());
    await theirs.start();
    theirs.client('set', 'sshd', 'banip', '198.51.100.1', '198.51.100.2', '2001:db8::1');
    theirs.client('set', 'postfix-sasl', 'banip', '198.51.100.3');
    theirs.client('set', 'sshd', 'unbanip', '198.51.100.2');
    theirs.client('set', 'recidive', 'banip', '198.51.100.4');
    await until('fail2ban has banned them', () => {
      const rules = host.ruleset();
      return ['198.51.100.1', '198.51.100.3', '198.51.100.4', '2001:db8::1'].every((one) =>
        rules.includes(one),
      );
    });
    const ends = new Map(
      theirs
        .client('get', 'sshd', 'banip', '--with-time')
        .split('\n')
        .map((line) => /^(\S+)\s+.* = (\S+ \S+)$/.exec(line.trim()))
        .map((match) => [match?.[1], match?.[2]]),
    );

    // Configuration: what banjour import writes.
    const imported = importConfig({ from: theirs.etc, shippedRoot: join(process.cwd(), 'config') });
    expect(imported.diagnostics.filter(({ level }) => level === 'error')).toEqual([]);
    for (const [name, { text }] of imported.files) {
      mkdirSync(dirname(host.path(`etc/${name}`)), { recursive: true });
      writeFileSync(host.path(`etc/${name}`), text);
    }
    // Bans, while fail2ban still runs.
    const now = wallClock.now();
    const bans = readFail2ban(theirs.database, now);
    expect(bans.skipped).toEqual([]);
    const { ledger } = openLedger(host.path('state/ledger.sqlite3'), now);
    expect(ledger.import(bans, now)).toHaveLength(4);
    expect(ledger.import(bans, now)).toHaveLength(0);
    ledger.close();

    // This host's journal is a directory; where lines come from is not what is moved here.
    const reading = ['sshd', 'postfix-sasl'].flatMap((jail) => [
      `[${jail}]`,
      'backend = auto',
      'logpath =',
    ]);
    host.write(
      'etc/jail.d/test.local',
      ['[DEFAULT]', `source = directory ${host.path('journal')}`, ...reading, ''].join('\n'),
    );
    await host.start();
    const table = () => host.namespace.run(['nft', 'list', 'table', 'inet', 'banjour']);
    // fail2ban goes only now, and with it its table: nobody was let in for a moment.
    await theirs.stop();
    expect(host.ruleset()).not.toContain('f2b-table');
    for (const address of ['198.51.100.1', '198.51.100.3', '198.51.100.4', '2001:db8::1'])
      expect(table()).toContain(address);
    expect(table()).not.toContain('198.51.100.2');

    const { banned } = await host.status.jail({ jail: 'sshd' });
    expect(banned.map(({ target, origin, state }) => [target, origin, state])).toEqual([
      ['198.51.100.1', 'import', 'in-force'],
      ['2001:db8::1', 'import', 'in-force'],
    ]);
    const end = Date.parse(`${ends.get('198.51.100.1')?.replace(' ', 'T')}`);
    expect(Math.abs(Date.parse(banned[0]?.until ?? '') - end)).toBeLessThan(5_000);
    expect((await host.status.jail({ jail: 'postfix-sasl' })).banned[0]?.until).toBeNull();
    const { jail: recidive } = await host.status.jail({ jail: 'recidive' });
    expect(recidive).toMatchObject({ source: 'ledger', currentlyBanned: 1 });
    const { jail: sshd } = await host.status.jail({ jail: 'sshd' });
    expect(sshd).toMatchObject({ maxretry: 4, findtimeSeconds: 1_200, bantimeSeconds: 7_200 });
    expect(table()).toMatch(/tcp dport \{ 22, 2222 \} ip saddr @ban4\.sshd/);

    // Imported bans are lifted like others, and new attackers are banned as ever.
    expect((await host.control.unban({ targets: ['198.51.100.3'] })).changed).toBe(1);
    host.fail('198.51.100.9', 4);
    await until('new attackers are banned', () =>
      host.announced('Ban').includes('sshd 198.51.100.9'),
    );
  });
});
