import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { observable } from '../../../src/filter/regex/captures.js';
import { parseRegex } from '../../../src/filter/regex/parse.js';
import { compileProgram, programSize } from '../../../src/filter/regex/program.js';
import { compileRegex } from '../../../src/filter/regex/regex.js';
import { generate } from './generate.js';

const treeOf = (pattern: string) => observable(parseRegex(pattern, false));

test.each([
  'ab',
  'a|b|cd',
  '(?P<a>x)(?:(?P=a)|(?(a)y|z))',
  'a{3,5}',
  '(?:a?){2,6}',
  '(?:a?)*',
  '(?:ab)+',
  '[ab]++',
  '(?:ab)++',
  '(?>a|b)(?=c)(?<!d)',
  'a{2}+',
])('how long the program of %s is, is known before it is made', (pattern) => {
  const tree = treeOf(pattern);
  expect(programSize(tree)).toBe(compileProgram(tree).op.length);
});

test('the same of any regex', () => {
  fc.assert(
    fc.property(fc.integer(), fc.boolean(), (seed, wild) => {
      const { pattern } = generate(seed, { references: true, wild, atomic: true });
      fc.pre(pattern.trim() !== '');
      const tree = treeOf(pattern);
      expect(programSize(tree)).toBe(compileProgram(tree).op.length);
    }),
  );
});

test('texts that were given up on are told of a regex whose program was never wanted, too', () => {
  const { regex } = compileRegex('^a <HOST>', { usedns: 'raw' });
  expect(regex?.gaveUp).toBe(0);
  expect(regex?.find('')).toBeNull();
  expect(regex?.find('a 192.0.2.1')?.groups()).toMatchObject({ ip4: '192.0.2.1' });
});
