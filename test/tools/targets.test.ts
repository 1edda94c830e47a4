import { expect, test } from '@jest/globals';
import { EXIT } from '../../src/core/errors.js';
import { targetsOf } from '../../src/tools/arguments.js';

test('addresses and prefixes stay as they were written', () => {
  const words = ['192.0.2.1', '198.51.100.0/24', '2001:DB8::1', '2001:db8::/64'];
  expect(targetsOf(words)).toEqual(words);
});

test.each([
  [['300.1.1.1'], '"300.1.1.1" is not an address or prefix; nothing was changed'],
  [
    ['192.0.2.1', 'mail.example', '192.0.2.0/33'],
    '"mail.example", "192.0.2.0/33" are not addresses or prefixes; nothing was changed',
  ],
])('%j is refused whole', (words, message) => {
  expect(() => targetsOf(words)).toThrow(
    expect.objectContaining({ message, exitCode: EXIT.dataError }),
  );
});
