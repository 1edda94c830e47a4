import { describe, expect, test } from '@jest/globals';
import { assert, EXIT, messageOf, OperatingError, OperatorError } from '../../src/core/errors.js';

describe('errors', () => {
  test('for the operator carry a hint and the exit code of wrong usage unless told otherwise', () => {
    const error = new OperatorError('no such jail', { hint: 'banjour status' });
    expect([error.name, error.hint, error.exitCode, error.cause]).toEqual([
      'OperatorError',
      'banjour status',
      EXIT.usage,
      undefined,
    ]);
    expect(new OperatorError('x', { exitCode: EXIT.config }).exitCode).toBe(78);
  });

  test('of the surroundings carry a code and the cause', () => {
    const cause = new Error('EIO');
    const error = new OperatingError('ERR_X', 'cannot read', { cause });
    expect([error.name, error.code, error.cause]).toEqual(['OperatingError', 'ERR_X', cause]);
  });

  test('of ours are named bugs', () => {
    expect(() => assert(false, 'impossible')).toThrow('bug: impossible');
    expect(() => assert(true, 'fine')).not.toThrow();
  });

  test('anything thrown has a text', () => {
    expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined']);
  });
});
