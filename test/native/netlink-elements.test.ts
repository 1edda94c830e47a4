import { describe, expect, test } from '@jest/globals';
import { cut, type NewElements, sizeOf } from '../../native/netlink-elements.js';

const set = (count: number, name = 'ban4.sshd'): NewElements => ({
  family: 'inet',
  set: name,
  version: 4,
  elements: Array.from({ length: count }, (_, i) => ({ key: `10.0.0.${i}`, timeout: 1 })),
});

describe('elements in pieces that a socket takes', () => {
  test.each([
    [1, 1],
    [1_000, 1],
    [1_001, 1],
    [10_000, 1],
  ])('%i are %i piece where it takes all', (count, pieces) => {
    const all = [set(count), set(count, 'ban4.mail')];
    const cutAll = cut(all, sizeOf(all));
    expect(cutAll).toHaveLength(pieces);
    expect(cut(all, sizeOf(all) - 1)).toHaveLength(2);
    expect(cutAll?.flat().flatMap((one) => one.elements)).toEqual(
      all.flatMap((one) => one.elements),
    );
    expect(cutAll?.flat().every((one) => one.elements.length <= 1_000)).toBe(true);
  });

  test('each is no larger than the socket takes, and nothing is lost or told twice', () => {
    for (const bytesMax of [704, 4_576, 100_000]) {
      const pieces = cut([set(2_345), set(1, 'ban4.mail')], bytesMax) ?? [];
      for (const piece of pieces) expect(sizeOf(piece)).toBeLessThanOrEqual(bytesMax);
      const of = (name: string) =>
        pieces.flat().flatMap((one) => (one.set === name ? one.elements : []));
      expect(of('ban4.sshd')).toEqual(set(2_345).elements);
      expect(of('ban4.mail')).toHaveLength(1);
    }
  });

  test('there are none where it does not take one element', () => {
    expect(cut([set(1)], 704)).toHaveLength(1);
    expect(cut([set(1)], 703)).toBeUndefined();
  });

  test('the first leaves room for what goes ahead, and is empty where there is none', () => {
    const all = [set(100)];
    expect(cut(all, sizeOf(all) + 500, 500)).toHaveLength(1);
    expect(cut(all, sizeOf(all) + 500, 501)?.map((piece) => piece.length)).toEqual([0, 1]);
  });
});
