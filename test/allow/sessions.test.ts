import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, jest, test } from '@jest/globals';
import { adminHosts, administrators, hostsOf, sessionIds } from '../../src/allow/host.js';
import { ALLOW_LOGIND_BYTES_MAX, ALLOW_SESSIONS_MAX } from '../../src/core/limits.js';
import { ALLOW_LOGIND_DEADLINE_MS } from '../../src/core/timeouts.js';
import { Timeouts } from '../support/timeouts.js';

const directory = mkdtempSync(join(tmpdir(), 'banjour-sessions-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function file(name: string, text: string, mode = 0o644): string {
  const path = join(directory, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

const PASSWD =
  'root:x:0:0::/root:/bin/sh\ntoor:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\nbob:x:1001:27::/:/bin/sh\n';
const GROUP = 'root:x:0:\nsudo:x:27:alice\nusers:x:100:carol\nwheel:x:998: dave ,\n';
const block = (name: string, user: number, host: string, more = 'Remote=yes\nState=active') =>
  `Id=1\nUser=${user}\nName=${name}\nRemoteHost=${host}\n${more}\n`;

describe('administrators', () => {
  test('are root, members of sudo and wheel, and users whose own group is one of them', () => {
    expect([...administrators(PASSWD, GROUP)].sort()).toEqual([
      'alice',
      'bob',
      'dave',
      'root',
      'toor',
    ]);
  });
});

describe("logind's sessions", () => {
  test('ids are the first column, at most so many', () => {
    expect(sessionIds('   3 1000 alice - pts/0\n c12 0 root seat0 tty1\n\n')).toEqual(['3', 'c12']);
    const many = (n: number) => Array.from({ length: n }, (_, i) => `${i} 0 root - -\n`).join('');
    expect(sessionIds(many(ALLOW_SESSIONS_MAX))).toHaveLength(ALLOW_SESSIONS_MAX);
    expect(sessionIds(many(ALLOW_SESSIONS_MAX + 1))).toHaveLength(ALLOW_SESSIONS_MAX);
  });

  test('protect the remote hosts of administrators only', () => {
    const shown = [
      block('root', 0, '192.0.2.1'),
      block('alice', 1000, 'office.example.org'),
      block('carol', 1002, '192.0.2.3'),
      block('alice', 1000, '192.0.2.4', 'Remote=no\nState=active'),
      block('alice', 1000, '192.0.2.5', 'Remote=yes\nState=closing'),
      block('alice', 1000, ''),
    ].join('\n');
    expect(hostsOf(shown, administrators(PASSWD, GROUP))).toEqual([
      '192.0.2.1',
      'office.example.org',
    ]);
  });
});

describe('asking logind', () => {
  const probe = (script: string) => ({
    loginctl: file('loginctl', `#!/bin/sh\n${script}\n`, 0o755),
    setpriv: '/nonexistent',
    passwd: file('passwd', PASSWD),
    group: file('group', GROUP),
  });

  test('finds the hosts, also when one session ends in between', async () => {
    const found = await adminHosts(
      probe(`case "$1" in
        list-sessions) printf '  3 0 root\\n  4 0 root\\n';;
        show-session) printf 'User=0\\nName=root\\nRemote=yes\\nRemoteHost=192.0.2.1\\n'; echo 'No session 4' >&2; exit 1;;
      esac`),
    );
    expect(found).toEqual(['192.0.2.1']);
  });

  test('nobody is logged in: nobody is protected, and that is no failure', async () => {
    expect(await adminHosts(probe('exit 0'))).toEqual([]);
  });

  test('no answer is not the same as nobody', async () => {
    expect(await adminHosts(probe('exit 1'))).toBeUndefined();
    expect(await adminHosts({ ...probe('exit 0'), loginctl: '/nonexistent' })).toBeUndefined();
  });

  test('reads as much as the bound says', async () => {
    const said = (bytes: number) => probe(`head -c ${bytes} /dev/zero`);
    expect(await adminHosts(said(ALLOW_LOGIND_BYTES_MAX))).toEqual([]);
    expect(await adminHosts(said(ALLOW_LOGIND_BYTES_MAX + 1))).toBeUndefined();
  });

  test('gives up at the deadline', async () => {
    using timeouts = new Timeouts();
    const settled = jest.fn();
    const hanging = probe('exec sleep 60');
    const answer = adminHosts(hanging).finally(settled);
    timeouts.pass(ALLOW_LOGIND_DEADLINE_MS - 1);
    // A turn of the loop: whatever a struck deadline had ended would be over.
    await adminHosts({ ...hanging, loginctl: '/bin/false' });
    expect(settled).not.toHaveBeenCalled();
    timeouts.pass(1);
    expect(await answer).toBeUndefined();
  });
});
