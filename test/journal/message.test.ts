import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { HOST_CHARS_MAX, MESSAGE_CHARS_MAX, MESSAGE_TAIL_CHARS } from '../../src/core/limits.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { composeMessage, entryOf, MESSAGE_HEAD_CHARS } from '../../src/journal/message.js';

const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;

describe('the MESSAGE of an entry', () => {
  test('is joined of all its values by one blank', () => {
    expect(composeMessage([])).toEqual({ text: '' });
    expect(composeMessage([{ head: 'a' }, { head: '' }, { head: 'b' }])).toEqual({ text: 'a  b' });
  });

  test('is cut by its bound after joining', () => {
    const half = 'x'.repeat(MESSAGE_CHARS_MAX / 2);
    expect(composeMessage([{ head: half.slice(1) }, { head: half }]).cutAt).toBeUndefined();
    expect(composeMessage([{ head: half }, { head: half }]).cutAt).toBe(MESSAGE_HEAD_CHARS);
  });

  test('keeps the beginning of the first and the end of the last value when one was cut on the way', () => {
    const { text, cutAt } = composeMessage([
      { head: 'one' },
      { head: 'two', tail: 'owt' },
      { head: 'three' },
    ]);
    expect(text).toBe('one two\nowt three');
    expect(text[cutAt ?? -1]).toBe('\n');
  });

  test('never passes its bound nor breaks a character apart', () => {
    const unit = fc.constantFrom('a', 'ü', '🙂');
    const long = fc
      .tuple(fc.string({ unit, maxLength: 5 }), unit, fc.integer({ min: 0, max: 3 }))
      .map(([text, fill, times]) => text + fill.repeat(times * 4000));
    const piece = fc.oneof(fc.record({ head: long }), fc.record({ head: long, tail: long }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 4 }), (pieces) => {
        const { text, cutAt } = composeMessage(pieces);
        expect(text.length).toBeLessThanOrEqual(MESSAGE_CHARS_MAX);
        expect(LONE_SURROGATE.test(text)).toBe(false);
        if (cutAt !== undefined) {
          expect(text[cutAt]).toBe('\n');
          expect(text.length - cutAt - 1).toBeLessThanOrEqual(MESSAGE_TAIL_CHARS);
        }
      }),
    );
  });
});

describe('an entry', () => {
  const name = { cursor: cursor('c'), realtime: epochMicros(1) };
  const long = 'x'.repeat(MESSAGE_CHARS_MAX + 1);

  test('names its host only as another one, and its cut only where there is one', () => {
    const host = 'h'.repeat(HOST_CHARS_MAX);
    const fields = new Map([['_HOSTNAME', `${host}h`]]);
    const keys = (message: string, ofHost: boolean) => {
      const entry = entryOf({ ...name, fields, messages: [{ head: message }] }, ofHost);
      expect(entry).toMatchObject({
        ...name,
        fields,
        message: composeMessage([{ head: message }]).text,
      });
      return [entry.host, entry.cutAt, Object.keys(entry).length];
    };
    expect(keys('short', false)).toEqual([undefined, undefined, 4]);
    expect(keys('short', true)).toEqual([host, undefined, 5]);
    expect(keys(long, false)).toEqual([undefined, MESSAGE_HEAD_CHARS, 5]);
    expect(keys(long, true)).toEqual([host, MESSAGE_HEAD_CHARS, 6]);
  });
});
