import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  parseBoolean,
  parseDuration,
  parseInteger,
  parsePorts,
  parseProtocols,
  parseServices,
  parseVerdict,
} from '../../src/config/values.js';
import { nearest } from '../../src/core/text.js';

describe('lengths of time', () => {
  test.each([
    ['600', 600],
    ['10m', 600],
    ['1d12h', 129_600],
    ['1w', 604_800],
    ['1w 2d', 777_600],
    ['-1', -1],
    ['0d 1h 30m', 5_400],
    ['1hour+30min', 5_400],
    ['1year-6mo', 15_778_800],
    ['6 months', 15_778_800],
    [
      '1yy 1mon 1wee 1da 1hou 1min 1sec',
      31_557_600 + 2_629_800 + 604_800 + 86_400 + 3_600 + 60 + 1,
    ],
    ['60*60*24', 86_400],
    ['1.5h', 5_400],
    ['10M', 600],
  ])('are read as fail2ban reads them: %s', (text, value) => {
    expect(parseDuration(text)).toEqual({ value });
  });

  test.each(['', 'soon', '10x', '1d12', 'm', '1e9', '10 m m', '101y', '--1'])(
    'are refused when they are none: %j',
    (text) => {
      if (text === '1d12') expect(parseDuration(text)).toEqual({ value: 86_412 });
      else expect(parseDuration(text)).toHaveProperty('problem');
    },
  );

  test('end, whatever is written', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseDuration(text)));
  });
});

describe('ports', () => {
  test('are numbers, names and ranges', () => {
    expect(parsePorts('smtp,465, submission\nsieve 8000:8010')).toEqual({
      value: [
        { first: 25, last: 25 },
        { first: 465, last: 465 },
        { first: 587, last: 587 },
        { first: 4190, last: 4190 },
        { first: 8000, last: 8010 },
      ],
    });
  });

  test.each(['0:65535', '1-65535', '', 'all'])('are all of them: %j', (text) => {
    expect(parsePorts(text)).toEqual({ value: 'all' });
  });

  test.each(['nosuchservice', '65536', '10:5', '1:70000', '-1'])(
    'are refused when there is no such: %s',
    (text) => {
      expect(parsePorts(text)).toHaveProperty('problem');
    },
  );

  test('65535 is one, 65536 is none', () => {
    expect(parsePorts('65535')).toEqual({ value: [{ first: 65_535, last: 65_535 }] });
  });

  test('have their names from services(5), aliases too', () => {
    const ports = parseServices(
      '# comment\nsmtp 25/tcp mail # Simple\nmail 99/tcp\nodd\nqmqp\t628/tcp\n',
    );
    expect([ports.get('mail'), ports.get('qmqp'), ports.get('simple')]).toEqual([
      25,
      628,
      undefined,
    ]);
  });
});

describe('other values', () => {
  test('protocols', () => {
    expect(parseProtocols('tcp,udp tcp')).toEqual({ value: ['tcp', 'udp'] });
    expect(parseProtocols('all')).toEqual({ value: 'all' });
    expect(parseProtocols('icmp')).toHaveProperty('problem');
  });

  test('verdicts, as nftables and iptables write them', () => {
    expect(parseVerdict('DROP')).toEqual({ value: 'drop' });
    expect(parseVerdict('REJECT --reject-with icmp-port-unreachable')).toEqual({ value: 'reject' });
    expect(parseVerdict('reject with tcp reset')).toEqual({ value: 'reject' });
    expect(parseVerdict('accept')).toHaveProperty('problem');
  });

  test('booleans', () => {
    expect(['1', 'On', 'true', 'YES'].map(parseBoolean)).toEqual(Array(4).fill({ value: true }));
    expect(['0', 'off', 'False', 'no'].map(parseBoolean)).toEqual(Array(4).fill({ value: false }));
    expect(parseBoolean('ture')).toHaveProperty('problem');
  });

  test('numbers stay within their bounds', () => {
    expect(parseInteger('1', 1, 9)).toEqual({ value: 1 });
    for (const text of ['0', '10', '1.5', 'x', ''])
      expect(parseInteger(text, 1, 9)).toHaveProperty('problem');
  });

  test('misspelled words have a neighbour, others none', () => {
    expect(nearest('maxrety', ['maxretry', 'maxlines'])).toBe('maxretry');
    expect(nearest('bnatime', ['bantime', 'findtime'])).toBe('bantime');
    expect(nearest('colour', ['maxretry', 'bantime'])).toBeUndefined();
  });
});
