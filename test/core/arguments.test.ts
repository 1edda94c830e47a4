import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { fillArguments } from '../../src/core/text.js';

describe('filled arguments', () => {
  const values: Readonly<Record<string, string>> = { ip: '192.0.2.1', bantime: '-1' };
  const fill = (template: readonly string[], user: string) =>
    fillArguments(template, (name) => (name === 'F-USER' ? user : values[name]), ['bantime']);

  test('are the words with what is known filled in; the program stays', () => {
    expect(
      fill(['/bin/<ip>', '<ip>', 'a <ip>', '<other>', '<bantime>', '--', '-u<F-USER>'], 'bob'),
    ).toEqual(['/bin/<ip>', '192.0.2.1', 'a 192.0.2.1', '<other>', '-1', '--', '-ubob']);
  });

  test.each(['--help', '-V', '-', '--', '-e/etc/passwd'])(
    'the user %s becomes no option',
    (user) => {
      expect(fill(['/bin/grep', '<F-USER>', '<F-USER><ip>'], user)).toEqual([
        '/bin/grep',
        `\\x2d${user.slice(1)}`,
        `\\x2d${user.slice(1)}192.0.2.1`,
      ]);
    },
  );

  test('begin with a dash only where the configuration has written one, and are never more or fewer', () => {
    const template = ['/bin/tell', '<F-USER>', 'u=<F-USER>', '-u<F-USER>', '--', '<F-USER>'];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string().map((text) => `-${text}`),
          fc.constant('<bantime>'),
        ),
        (user) => {
          const filled = fill(template, user);
          expect(filled.map((word) => word.startsWith('-'))).toEqual(
            template.map((word) => word.startsWith('-')),
          );
          expect(filled[0]).toBe('/bin/tell');
        },
      ),
    );
  });
});
