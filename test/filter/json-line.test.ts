import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FilterBank } from '../../src/filter/bank.js';
import { ANY_ESCAPE, entryInJson, literalInJson } from '../../src/filter/json-line.js';
import { gateTest } from '../../src/journal/gate.js';
import { entry, type FilterText, jail } from '../support/filters.js';
import { noGuard } from '../support/guard.js';

const LINE = 'Nov 21 19:34:21 mail dovecot: failed, user=<"a/b">, rip=192.0.2.1';
const lineIn = (message: string) => entryInJson(entry(message, {}))?.message;

describe('a line in a JSON object', () => {
  test.each([
    JSON.stringify({ log: LINE, stream: 'stderr', time: '2026-11-21T19:34:21.1Z' }),
    JSON.stringify({ time: 1, message: LINE }),
    JSON.stringify({ msg: LINE, more: { msg: 'x', list: [{ log: 1 }, 'message'] } }),
    JSON.stringify({ _PID: '1', MESSAGE: LINE }),
    ` ${JSON.stringify({ l: '"log":', log: LINE }, undefined, 1)}\n`,
    JSON.stringify({ log: LINE }).replace('log', 'l\\u006fg').replaceAll('/', '\\/'),
  ])('is read: %s', (message) => {
    expect(lineIn(message)).toBe(LINE);
  });

  test.each([
    // A key twice, however it is written, and two texts: one of them may be a stranger's.
    '{"log":"a","log":"b"}',
    '{"log":"a","l\\u006fg":"b"}',
    '{"x":1,"log":"a","x":2}',
    '{"log":"a","message":"b"}',
    '{"log":"a","msg":null}',
    // A part of a line, no text, no object, more than one, cut.
    '{"log":"a","partial_message":"true"}',
    '{"log":{"log":"a"}}',
    '{"logs":"a"}',
    '["log"]',
    '"log"',
    '{"log":"a"} {"log":"b"}',
    '{"log":"a"}x',
    'x{"log":"a"}',
    '{"log":"a"',
    '{"__proto__":{"log":"a"}}',
    '{}',
    '',
  ])('is none: %s', (message) => {
    expect(lineIn(message)).toBeUndefined();
  });

  test('is none where the middle of the message was left out, or in a text file', () => {
    const whole = entry('{"log":"a"}', {});
    expect(entryInJson({ ...whole, cutAt: 5 })).toBeUndefined();
    expect(entryInJson({ ...whole, whole: true })).toBeUndefined();
  });

  test.each([{ CONTAINER_PARTIAL_MESSAGE: 'true' }, { _LINE_BREAK: 'nul' }])(
    'is none where the object may go on in another entry: %j',
    (fields) => {
      expect(entryInJson(entry('{"log":"a"}', fields))).toBeUndefined();
    },
  );

  test('costs little however deep it is', () => {
    const deep = `{"log":"a","x":${'['.repeat(4_000)}${']'.repeat(4_000)}}`;
    expect(lineIn(deep)).toBe('a');
  });
});

describe('a filter that looks for it', () => {
  const text: FilterText = {
    logtype: 'container',
    prefregex: String.raw`^\s?(?:\S+ )?dovecot(?:\[\d+\])?:\s<F-CONTENT>.+</F-CONTENT>$`,
    failregex: ['^failed, user=<[^>]*>, rip=<HOST>$'],
  };
  const found = (message: string, more: Partial<FilterText> = {}, name = 'shipper') => {
    const bank = new FilterBank([jail('j', '', { ...text, ...more })], noGuard);
    const one = entry(message, { SYSLOG_IDENTIFIER: name, CONTAINER_NAME: 'mail' });
    return bank.judge([one]).events.map(({ address }) => address.text);
  };

  test('finds it with its own header or the entry’s, also where quotes and brackets are escaped', () => {
    const log = JSON.stringify({ log: `${LINE}\n` }).replace(/[<>]/g, (one) =>
      one === '<' ? '\\u003c' : '\\u003e',
    );
    expect(found(log)).toEqual(['192.0.2.1']);
    const bare = JSON.stringify({ message: LINE.slice(LINE.indexOf('failed')) });
    expect(found(bare, {}, 'dovecot')).toEqual(['192.0.2.1']);
    expect(found(bare)).toEqual([]);
  });

  test('is one whose administrator has said so', () => {
    expect(found(JSON.stringify({ log: LINE }))).toEqual(['192.0.2.1']);
    const { logtype: _, ...other } = text;
    const bank = new FilterBank([jail('j', '', other)], noGuard);
    const one = entry(JSON.stringify({ log: LINE }), { CONTAINER_NAME: 'mail' });
    expect(bank.judge([one]).events).toEqual([]);
  });

  test('lets through what it needs: the gate has no text that an object escapes', () => {
    const bank = new FilterBank([jail('j', '', text)], noGuard);
    const plain = (bank.gate.literals ?? []).filter((literal) => literal !== ANY_ESCAPE);
    expect(plain).not.toEqual([]);
    for (const literal of plain) expect(literal).toMatch(/^[^"\\/<>&'+`]+$/);
    expect(literalInJson('user=<"', 3)).toBe('user=');
    expect(literalInJson('a/b', 3)).toBeUndefined();
    expect(literalInJson('a, [b]: {c|~}!', 3)).toBe('a, [b]: {c|~}!');
  });
});

describe('the verdict on an object', () => {
  const text: FilterText = {
    logtype: 'container',
    failregex: ['authentication failed.* rip=<HOST>'],
    ignoreregex: ['user=<"a/b">'],
  };
  const FORGED = 'authentication failed, rip=198.51.100.9';
  const made = (own: FilterText) => {
    const bank = new FilterBank([jail('j', '', own)], noGuard);
    return { bank, passes: gateTest(bank.gate) };
  };
  const usual = made(text);
  const found = (message: string, { bank, passes } = usual, fields = {}) => {
    // As the source asks before anything but MESSAGE is read.
    if (!passes(message)) return [];
    const one = entry(message, { SYSLOG_IDENTIFIER: 'mail', ...fields });
    return bank.judge([one]).events.map(({ address }) => address.text);
  };

  const SHORT: Readonly<Record<string, string>> = {
    '"': '\\"',
    '\\': '\\\\',
    '/': '\\/',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
  };
  /** One of the ways in which JSON may write the text; a number for each UTF-16 unit says which. */
  const spelt = (line: string, ways: readonly number[]) => {
    const units = line.split('').map((unit, i) => {
      const way = ways.length === 0 ? 0 : (ways[i % ways.length] as number);
      const hex = unit.charCodeAt(0).toString(16).padStart(4, '0');
      const mustBe = unit < ' ' || unit === '"' || unit === '\\';
      if (way === 1) return `\\u${hex}`;
      if (way === 2) return `\\u${hex.toUpperCase()}`;
      return (way === 3 || mustBe ? SHORT[unit] : undefined) ?? (mustBe ? `\\u${hex}` : unit);
    });
    return `"${units.join('')}"`;
  };
  const piece = fc.oneof(
    fc.constantFrom(
      ...[
        'authentication failed',
        ' rip=192.0.2.1',
        ' rip=',
        'user=<"a/b">',
        '\n',
        '"}',
        '{"log":"',
      ],
      ...[FORGED, 'Nov 21 19:34:21 mail ', 'mail[1]: ', '\\', '\x1b[31m', ', "message":"', 'é🙂'],
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const line = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''));
  const ways = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 });
  const blanks = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 12 });
  const key = fc.constantFrom('log', 'message', 'msg', 'MESSAGE');
  const more = fc.constantFrom(
    '',
    `"agent":"${FORGED}",`,
    `"x":{"log":"${FORGED}"},`,
    `"y":["log","${FORGED}"],`,
    `"z":"{\\"log\\":\\"${FORGED}\\"}",`,
  );
  const object = fc
    .tuple(line, ways, blanks, key, more)
    .map(([words, how, space, name, others]) => {
      const value = `${spelt(name, how)}${space}:${space}${spelt(words, how)}`;
      return { words, message: `${space}{${space}${others}${value}${space}}${space}` };
    });

  test('is that on the line within, however it is spelt and whatever else is there', () => {
    fc.assert(
      fc.property(object, ({ words, message }) => {
        // What begins an object itself is no line, and none within another.
        fc.pre(!/^(?:\s|\x1b\[[\d;:]*m)*\{/.test(words));
        expect(found(message)).toEqual(found(words));
      }),
      { numRuns: 1_000 },
    );
  });

  test('is none for an object within the text of another, and for what may be a part of one', () => {
    fc.assert(
      fc.property(object, ways, fc.integer({ min: 1, max: 400 }), ({ message }, how, length) => {
        expect(found(`{"log":${spelt(message, how)}}`)).toEqual([]);
        const begin = message.slice(0, message.indexOf('{') + length);
        expect(found(begin, usual, { CONTAINER_PARTIAL_MESSAGE: 'true' })).toEqual([]);
      }),
    );
    expect(found(`{"agent":"${FORGED}","log":"a","log":"b"}`)).toEqual([]);
    expect(found(`\x1b[32m{"agent":"${FORGED}","log":"a"}`)).toEqual([]);
  });

  test('goes by every key where the regex is written for objects', () => {
    const own = made({ ...text, failregex: [String.raw`^.*\{"id":"\d+","ip":"<HOST>",`] });
    const message = '{"id":"1","ip":"192.0.2.1","message":"Login failed"}';
    expect(found(message, own)).toEqual(['192.0.2.1']);
    expect(found(JSON.stringify({ log: message }), own)).toEqual(['192.0.2.1']);
  });

  test('counts an object without a line as an entry without the prefix', () => {
    const bank = new FilterBank(
      [jail('j', '', { ...text, prefregex: '^mail: <F-CONTENT>.+</F-CONTENT>$' })],
      noGuard,
    );
    bank.judge([entry(`{"agent":"mail: ${FORGED}"}`)]);
    expect(bank.stats()[0]).toMatchObject({ prefixed: { count: 0 }, unprefixed: { count: 1 } });
  });
});
