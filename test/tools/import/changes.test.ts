import { expect, test } from '@jest/globals';
import { changesOf } from '../../../src/tools/import/files.js';
import { load } from '../../config/support.js';

const configOf = (jails: string, settings = '') =>
  load({ 'jail.local': jails, 'banjour.local': `[Definition]\n${settings}` }).config;

test('jails that come and go, values, filters and settings are told, secrets are not', () => {
  const jail = '[a]\nenabled = true\nfilter = x\n';
  const token = (text: string) =>
    `action = %(action_)s\n  webhook[url="https://example.org/${text}"]\n`;
  const before = configOf(`${jail}${token('one')}[b]\nenabled = true\nfilter = x\n`);
  const after = configOf(
    `${jail}maxretry = 9\nfailregex = ^other <HOST>\n${token('two')}[c]\nenabled = true\nfilter = x\n`,
    'loglevel = DEBUG\n',
  );
  const lines = changesOf(before, after);
  expect(lines).toEqual(
    expect.arrayContaining([
      'loglevel: INFO -> DEBUG',
      '[a] maxretry: 5 -> 9',
      '[a] its filter has changed',
      '[c] is new',
      '[b] is no longer enabled',
    ]),
  );
  expect(lines.find((line) => line.startsWith('[a] action: '))).toMatch(
    /\(hidden\).* has changed$/,
  );
  expect(lines.join('\n')).not.toContain('example.org');
  expect(changesOf(after, after)).toEqual([]);
  expect(changesOf(undefined, after)).toEqual([]);
});
