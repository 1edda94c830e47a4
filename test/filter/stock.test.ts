import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { stockFilter } from '../support/conformance.js';
import { fail2banPackage } from '../support/fail2ban.js';
import { needs } from '../support/require.js';

const found = fail2banPackage('1.1.0-8');
const root = 'root' in found ? join(found.root, 'etc/fail2ban') : '';
const withPackage = needs('root' in found, 'reason' in found ? found.reason : '');

/** Not filters: parts that filters include, without a failregex of their own. */
const PARTS = [
  'apache-common',
  'botsearch-common',
  'common',
  'exim-common',
  'nginx-error-common',
  'selinux-common',
];

describe("the filters of Debian 13's fail2ban", () => {
  for (const logtype of ['file', 'journal'])
    withPackage(
      `all load for lines of a ${logtype}; only parts of others are refused, with a reason`,
      () => {
        const names = readdirSync(join(root, 'filter.d')).filter((name) => name.endsWith('.conf'));
        const refused = names
          .map((name) => ({
            name: name.replace('.conf', ''),
            ...stockFilter(root, name.replace('.conf', ''), { logtype }),
          }))
          .filter(({ filter }) => filter === undefined);
        expect(names.length).toBeGreaterThan(80);
        expect(refused.map(({ name }) => name).sort()).toEqual(PARTS);
        for (const { problems } of refused)
          expect(problems.join()).toMatch(/filter\.d\/[\w-]+\.conf:\d+/);
      },
    );

  for (const name of [
    'postfix',
    'dovecot',
    'sshd',
    'exim',
    'courier-auth',
    'sendmail-auth',
    'roundcube-auth',
  ])
    withPackage(`${name} has literals for the gate`, () => {
      expect(
        stockFilter(root, name, { logtype: 'journal' }).filter?.literals?.length,
      ).toBeGreaterThan(0);
    });
});

test('a package that cannot be had is told with its reason', () => {
  expect('root' in found || found.reason !== '').toBe(true);
});
