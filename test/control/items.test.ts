import { expect, test } from '@jest/globals';
import { JsonItems } from '../../src/control/items.js';
import { CONTROL_STREAM_BACKLOG_BYTES_MAX } from '../../src/core/service-limits.js';

/** Items of one list, as pieces of it come. */
class ItemSplitter {
  readonly #found: string[] = [];
  readonly #items = new JsonItems((json) => this.#found.push(json));

  get isOver(): boolean {
    return this.#items.isOver;
  }

  take(piece: Buffer): string[] {
    this.#items.take(piece);
    return this.#found.splice(0);
  }
}

const ITEMS = [
  { user: '},{"id":1', list: ['[', ']', '\\', '"', { deep: [1] }] },
  {},
  { user: 'é\u2028\\"]' },
];

test.each([1, 2, 7, 1_000])('a list in pieces of %i bytes is the same list', (size) => {
  const bytes = Buffer.from(`${JSON.stringify(ITEMS)}\n`);
  const splitter = new ItemSplitter();
  const items: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size)
    items.push(...splitter.take(bytes.subarray(at, at + size)).map((item) => JSON.parse(item)));
  expect(items).toEqual(ITEMS);
  expect(splitter.isOver).toBe(true);
});

test('a list without an end is not over, an item may be so large', () => {
  const splitter = new ItemSplitter();
  expect([splitter.take(Buffer.from('[{"a":1}')), splitter.isOver]).toEqual([['{"a":1}'], false]);
  const begin = Buffer.from('{"a":"');
  splitter.take(
    Buffer.concat([begin, Buffer.alloc(CONTROL_STREAM_BACKLOG_BYTES_MAX - begin.length, 'x')]),
  );
  expect(() => splitter.take(Buffer.from('x'))).toThrow('an item is larger');
});
