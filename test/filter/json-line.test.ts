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

describe('an object behind what a runtime or a logger writes in front of it', () => {
  const text: FilterText = {
    logtype: 'container',
    failregex: ['authentication failed.* rip=<HOST>', String.raw`^\s?\{\w+\} failed from <HOST>$`],
  };
  const found = (message: string, own = text) => {
    const bank = new FilterBank([jail('j', '', own)], noGuard);
    if (!gateTest(bank.gate)(message)) return [];
    const one = entry(message, { SYSLOG_IDENTIFIER: 'shipper' });
    return bank.judge([one]).events.map(({ address }) => address.text);
  };
  const FORGED = 'authentication failed, rip=198.51.100.9';
  const TRUE = 'authentication failed, rip=192.0.2.1';
  const named: FilterText = {
    ...text,
    prefregex: String.raw`^\s?(?:\S+ )?dovecot(?:\[\d+\])?:\s<F-CONTENT>.+</F-CONTENT>$`,
  };

  test.each([
    '2026-11-30T19:34:21.123456789Z stdout F ',
    '2026-11-30T19:34:21Z stderr F Nov 30 19:34:21 ',
    '2026-11-30T19:34:21+01:00 ',
    'Nov 30 19:34:21 ',
    '1795289661.123 ',
    'mail-1  | ',
    '\x1b[33mmail-1  |\x1b[0m ',
    '2026-11-30 19:34:21,123 INFO ',
    'WARN ',
    '[info]  ',
    'Nov 30 19:34:21 mail shipper[12]: ',
    '<22>1 2026-11-30T19:34:21Z mail shipper 12 - - ',
  ])('is one: %s', (before) => {
    expect(found(`${before}${JSON.stringify({ log: TRUE })}`)).toEqual(['192.0.2.1']);
    expect(found(`${before}${JSON.stringify({ log: `dovecot: ${TRUE}` })}`, named)).toEqual([
      '192.0.2.1',
    ]);
    // Its other keys are not judged, nor is an object within.
    expect(found(`${before}${JSON.stringify({ agent: FORGED, log: 'a' })}`)).toEqual([]);
    expect(found(`${before}{ "agent":"${FORGED}"`)).toEqual([]);
    const nested = JSON.stringify({ agent: FORGED });
    expect(found(JSON.stringify({ log: `${before}${nested}` }))).toEqual([]);
    expect(found(`${before}${JSON.stringify({ log: nested })}`)).toEqual([]);
  });

  test('has the header in front of it, too', () => {
    const line = (header: string) => `${header}${JSON.stringify({ msg: TRUE })}`;
    expect(found(line('Nov 30 19:34:21 mail dovecot[12]: '), named)).toEqual(['192.0.2.1']);
    expect(found(line('<22>1 2026-11-30T19:34:21Z mail dovecot - - - '), named)).toEqual([
      '192.0.2.1',
    ]);
    expect(found(line('Nov 30 19:34:21 mail other[12]: '), named)).toEqual([]);
  });

  test('is none in part, and other braces are text', () => {
    const part = `2026-11-30T19:34:21Z stdout P ${JSON.stringify({ log: TRUE, agent: FORGED })}`;
    expect(found(part)).toEqual([]);
    expect(found('Nov 30 19:34:21 {worker} failed from 192.0.2.1')).toEqual(['192.0.2.1']);
    expect(found(`who? ${JSON.stringify({ log: TRUE })}`)).toEqual(['192.0.2.1']);
  });
});

describe('a regex of the administrator for whole objects', () => {
  const judge = (failregex: readonly string[], message: string) => {
    const own: FilterText = { logtype: 'container', failregex };
    const bank = new FilterBank([jail('j', '', own)], noGuard);
    if (!gateTest(bank.gate)(message)) return [];
    const one = entry(message, { SYSLOG_IDENTIFIER: 'app' });
    return bank.judge([one]).events.map(({ address }) => address.text);
  };
  const object = (more: object, ip: unknown = '192.0.2.1') =>
    JSON.stringify({ msg: 'login failed', ...more, remote_ip: ip, port: 1 });

  const OWN = [
    String.raw`remote_ip\W+<HOST>`,
    '"remote_ip.{3}<HOST>',
    `["']remote_ip["'] ?: ?"<HOST>`,
    String.raw`\x22remote_ip\x22:\x22<HOST>`,
    String.raw`^\{.*login failed.*remote_ip\S{3}<HOST>`,
    'login failed.*"remote_ip":"<HOST>"?',
  ];
  test.each(OWN)('matches as it would without a container: %s', (regex) => {
    for (const before of ['', '2026-11-30T19:34:21Z stdout F ', 'mail-1  | ']) {
      expect(judge([regex], before + object({ user: 'bob' }))).toEqual(['192.0.2.1']);
      expect(judge([regex], before + object({}, '192.0.2.1:4000'))).toEqual(['192.0.2.1']);
      expect(judge([regex], before + object({ client_ip: '192.0.2.1' }))).toEqual(['192.0.2.1']);
      expect(judge([regex], JSON.stringify({ log: before + object({}) }))).toEqual(['192.0.2.1']);
    }
  });

  const WORDS = [
    'remote_ip 198.51.100.9',
    'login failed remote_ip::::198.51.100.9',
    '"remote_ip:::198.51.100.9',
    '"remote_ip":"198.51.100.9',
    '"remote_ip":"198.51.100.9"',
    '198.51.100.9',
    'remote_ip',
    ['remote_ip', '198.51.100.9'],
    { remote_ip_: ['198.51.100.9'] },
  ];
  test.each(OWN)('finds nobody in words of strangers: %s', (regex) => {
    for (const words of WORDS)
      for (const message of [
        object({ user: words }),
        object({ user: words }, null),
        JSON.stringify({ msg: 'login failed', remote_ip: null, agent: words }),
        `2026-11-30T19:34:21Z stdout F ${object({ user: words })}`,
      ])
        expect([message, judge([regex], message)]).not.toEqual([message, ['198.51.100.9']]);
  });

  test.each([
    ['login failed.*<HOST>', { log: 'login failed', agent: '198.51.100.9' }],
    ['login failed.*user.*<HOST>', { log: 'login failed', user: '198.51.100.9' }],
    ['user.*rip=<HOST>', { user: 'a rip=198.51.100.9', log: 'x' }],
    ['login failed from <HOST>', { log: 'x', agent: 'login failed from 198.51.100.9' }],
  ])('is none that names no key where the address stands: %s', (regex, parsed) => {
    expect(judge([regex], JSON.stringify(parsed))).toEqual([]);
    expect(judge([regex], `Nov 30 19:34:21 ${JSON.stringify(parsed)}`)).toEqual([]);
  });

  test('does not hand the object to the others of its filter', () => {
    const both = ['login failed.*agent.*<HOST>', '"remote_ip":"<HOST>"'];
    expect(judge(both, object({ agent: '198.51.100.9' }))).toEqual(['192.0.2.1']);
    expect(judge(both, object({ agent: '198.51.100.9' }, null))).toEqual([]);
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

  const before = fc.constantFrom(
    '2026-11-30T19:34:21Z stdout F ',
    'Nov 30 19:34:21 ',
    'mail-1  | ',
  );
  test('is that on the line within, however it is spelt and whatever else is there', () => {
    fc.assert(
      fc.property(object, before, ({ words, message }, before) => {
        // What begins an object itself is no line, and none within another.
        const [header = ''] = words.replace(/\x1b\[[\d;:]*m/g, '').split('{');
        fc.pre(!words.includes('{') || /\S$/.test(header));
        const expected = found(words);
        expect(found(message)).toEqual(expected);
        expect(found(before + message)).toEqual(expected);
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
