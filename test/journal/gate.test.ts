import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { gateTest } from '../../src/journal/gate.js';

describe('the literal gate', () => {
  test('passes what contains one of the literals, every character of them taken as it is', () => {
    const literal = fc.string({
      unit: fc.constantFrom('a', 'b', '.', '*', '[', ']', '\\', '|', '^', '$', '(', '-'),
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.array(literal, { maxLength: 4 }), fc.array(literal, { maxLength: 8 }), (literals, words) => {
        const text = words.join('');
        expect(gateTest({ literals, fields: [] })(text)).toBe(literals.some((each) => text.includes(each)));
      }),
    );
  });

  test('passes everything without literals', () => {
    expect(gateTest({ literals: undefined, fields: [] })('')).toBe(true);
  });
});
