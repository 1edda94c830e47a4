/** Options in `filter = name[option=value]`: what has no effect is told, what may have some is not. */
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import { formatDiagnostic } from '../../src/core/finding.js';
import { diskTree } from '../../src/ini/tree.js';
import { load } from './support.js';

/** What is said of a file over the shipped configuration. */
function said(...lines: readonly string[]): string[] {
  const text = lines.join('\n');
  const { diagnostics } = loadConfig({
    shippedRoot: join(process.cwd(), 'config'),
    adminRoot: '/nonexistent',
    tree: {
      ...diskTree,
      read: (path) => (path === '/nonexistent/jail.local' ? { text } : diskTree.read(path)),
    },
  });
  return diagnostics
    .filter(({ place }) => place?.file === '/nonexistent/jail.local')
    .map(formatDiagnostic);
}

const jail = (name: string, filter: string, ...more: readonly string[]) =>
  said(`[${name}]`, 'enabled = true', `filter = ${filter}`, ...more);

const WARNING = (line: number, key: string, filter: string, value: string, fix: string) =>
  expect.stringMatching(
    new RegExp(
      `^/nonexistent/jail\\.local:${line}:\\d+: warning: \\[[\\w-]+\\] ${key}: the filter "${filter}" has no such option, so it has no effect \\(got "${value}"\\); ${fix}$`,
    ),
  );

describe('an option that nothing in the filter knows is told, with its place and a remedy', () => {
  test.each([
    ['sshd', 'sshd[logtyp=x]', 'logtyp', 'x', 'did you mean logtype\\?'],
    ['sshd', 'sshd[mod=ddos]', 'mod', 'ddos', 'did you mean mode\\?'],
    ['sshd', 'sshd[publickye=any]', 'publickye', 'any', 'did you mean publickey\\?'],
    ['dropbear', 'dropbear[mode=x]', 'mode', 'x', 'remove it, or correct its name'],
    ['opensmtpd', 'opensmtpd[foo=bar]', 'foo', 'bar', 'remove it, or correct its name'],
    ['opensmtpd', 'opensmtpd[maxline="2"]', 'maxline', '2', 'did you mean maxlines\\?'],
  ])('[%s] filter = %s', (name, filter, key, value, fix) => {
    expect(jail(name, filter)).toEqual([WARNING(3, key, name, value, fix)]);
  });

  test('a mode of the jail, too, which its filter does not have', () => {
    expect(jail('dropbear', 'dropbear[mode=%(mode)s]', 'mode = aggressive')).toEqual([
      WARNING(4, 'mode', 'dropbear', 'aggressive', 'remove it, or correct its name'),
    ]);
  });
});

describe('silent is', () => {
  test.each([
    ['an option of the filter', 'sshd[mode=aggressive, publickey=any]'],
    ['the normal mode, which every filter is in', 'dropbear[mode=normal]'],
    ['a key that every filter may have', 'dropbear[maxlines=2, logtype=journal, loggedby=system]'],
    ['no option', 'dropbear[]'],
  ])('%s', (_, filter) => {
    expect(jail(/^\w+/.exec(filter)?.[0] ?? '', filter)).toEqual([]);
  });

  test('a name that only a tag of a tag forms', () => {
    const filter =
      '[Definition]\nfailregex = <re-<kind>>\nre-a = ^a <HOST>\nkind = a\njournalmatch = _UID=0\n';
    const files = { '/usr/filter.d/f.conf': filter };
    const of = (call: string) =>
      load({ ...files, 'jail.local': `[j]\nenabled = true\nfilter = f[${call}]\n` }).diagnostics;
    expect(of('kind=z, re-z="^z <HOST>"')).toEqual([]);
    expect(of('kind=a, re-z="^z <HOST>"').map(({ key }) => key)).toEqual(['re-z']);
  });

  test('a name that another option of the call, an include or the jail uses', () => {
    const files = {
      '/usr/filter.d/base.conf': '[DEFAULT]\nwho = %(shared)s\nshared = x\n',
      '/usr/filter.d/f.conf':
        '[INCLUDES]\nbefore = base.conf\n[Definition]\nfailregex = ^%(who)s <HOST>\njournalmatch = _UID=0\n',
    };
    const of = (lines: string) =>
      load({ ...files, 'jail.local': `[j]\nenabled = true\n${lines}\n` }).diagnostics;
    expect(of('filter = f[shared=y, who="<mine>", mine=z]')).toEqual([]);
    expect(of('filter = f[part=z]\nfailregex = ^<part> <HOST>')).toEqual([]);
  });

  test('what [DEFAULT] says to all filters, as fail2ban’s own jail.conf does', () => {
    expect(
      said(
        '[DEFAULT]',
        'mode = aggressive',
        'filter = %(__name__)s[mode=%(mode)s]',
        '[dropbear]',
        'enabled = true',
        'filter = %(__name__)s[mode=%(mode)s]',
      ),
    ).toEqual([]);
  });
});

test('what the package says to its filter is no fault of the administrator’s filter of that name', () => {
  const files = {
    '/usr/jail.conf': '[x]\nfilter = x[mode=more]\n',
    '/etc/filter.d/x.conf': '[Definition]\nfailregex = ^bad <HOST>\njournalmatch = _UID=0\n',
  };
  const of = (lines: string) => load({ ...files, 'jail.local': `[x]\nenabled = true\n${lines}` });
  expect(of('').diagnostics).toEqual([]);
  expect(of('filter = x[mode=more]\n').diagnostics.map(({ key }) => key)).toEqual(['mode']);
});

test('a wrong value of a filter’s option is shown, whatever the option is called', () => {
  expect(jail('sshd', 'sshd[publickey=all]')).toEqual([
    expect.stringMatching(
      / publickey: the filter "sshd" has no such publickey \(got "all"\); choose /,
    ),
  ]);
  expect(jail('dropbear', 'dropbear[keys=all]')).toEqual([
    expect.stringContaining(
      'keys: the filter "dropbear" has no such option, so it has no effect (got "all")',
    ),
  ]);
});

test('a secret of another key that comes to a filter’s option is not', () => {
  for (const filter of ['sshd[publickey=%(api_token)s]', 'dropbear[keys=%(api_token)s]'])
    expect(jail(filter.split('[')[0] as string, filter, 'api_token = S3KRET').join('\n')).toMatch(
      /\(got "\(hidden\)"\)/,
    );
});
