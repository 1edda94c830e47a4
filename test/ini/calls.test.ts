import { describe, expect, test } from '@jest/globals';
import { parseCall, parseCalls } from '../../src/ini/calls.js';
import { Report } from '../../src/ini/report.js';
import { literal, textOf } from '../../src/ini/value.js';

function calls(text: string) {
  const report = new Report();
  const found = parseCalls(literal(text, { file: 'jail.local', line: 7, column: 10 }), report, {
    key: 'action',
  });
  return {
    found: found?.map(({ name, options }) => [
      name,
      Object.fromEntries([...options].map(([k, v]) => [k, textOf(v)])),
    ]),
    first: report.diagnostics[0],
  };
}

describe('filters and actions with parameters', () => {
  test.each([
    ['postfix', [['postfix', {}]]],
    ['postfix[mode=aggressive]', [['postfix', { mode: 'aggressive' }]]],
    ['x[a="1, 2", b=\'"]\'][c=, d= e f ]', [['x', { a: '1, 2', b: '"]', c: '', d: 'e f' }]]],
    [
      'iptables-multiport[name=a,\n  port="25,465"]\n sendmail[]\n\n mail',
      [
        ['iptables-multiport', { name: 'a', port: '25,465' }],
        ['sendmail', {}],
        ['mail', {}],
      ],
    ],
    ['nftables [type=allports]', [['nftables', { type: 'allports' }]]],
    ['a[Mode=x,]', [['a', { mode: 'x' }]]],
    ['', []],
  ])('are read from %j', (text, expected) => {
    expect(calls(text).found).toEqual(expected);
  });

  test.each(['[a=b]', 'x[a', 'x[a=b', 'x[a="b', 'x[a="b" c]', 'x[=b]'])(
    'are refused with their place: %j',
    (text) => {
      const { found, first } = calls(text);
      expect(found).toBeUndefined();
      expect(first).toMatchObject({
        id: 'ini.call',
        level: 'error',
        place: { file: 'jail.local', line: 7 },
        key: 'action',
      });
    },
  );

  test('are one only where one is wanted', () => {
    const report = new Report();
    expect(
      parseCall(literal('a b', { file: 'f', line: 1 }), report, { key: 'filter' }),
    ).toBeUndefined();
    expect(report.diagnostics[0]).toMatchObject({ id: 'ini.call', value: 'b' });
  });
});
