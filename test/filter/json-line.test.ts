import { describe, expect, test } from '@jest/globals';
import { FilterBank } from '../../src/filter/bank.js';
import { entryInJson, literalInJson } from '../../src/filter/json-line.js';
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
    for (const literal of bank.gate.literals ?? []) expect(literal).toMatch(/^[^"\\/<>&'+`]+$/);
    expect(literalInJson('user=<"', 3)).toBe('user=');
    expect(literalInJson('a/b', 3)).toBeUndefined();
    expect(literalInJson('a, [b]: {c|~}!', 3)).toBe('a, [b]: {c|~}!');
  });
});
