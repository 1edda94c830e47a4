import { describe, expect, test } from '@jest/globals';
import {
  assert,
  EXIT,
  messageOf,
  OperatingError,
  OperatorError,
  packError,
  unpackError,
} from '../../src/core/errors.js';
import { ERROR_CAUSES_MAX } from '../../src/core/limits.js';

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
    expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual([
      'a',
      'b',
      'undefined',
    ]);
  });
});

describe('errors that cross threads', () => {
  const crossed = (error: unknown) => unpackError(structuredClone(packError(error)));
  const cause = new OperatingError('ERR_DISK', 'full', { cause: new Error('ENOSPC') });

  test.each([
    [
      'of the operator',
      new OperatorError('no journal', { hint: 'name one', exitCode: EXIT.noInput, cause }),
    ],
    ['of the operator, without more', new OperatorError('no such jail')],
    ['of the surroundings', new OperatingError('ERR_JOURNAL_CLOSED', 'it is closed', { cause })],
    ['that are bugs', new TypeError('x is not a function')],
  ])('%s arrive as they were thrown', (_, error) => {
    const arrived = crossed(error);
    expect(arrived).toEqual(error);
    expect([arrived.message, arrived.stack, arrived.cause]).toEqual([
      error.message,
      error.stack,
      error.cause,
    ]);
    for (const key of ['hint', 'exitCode', 'code'] as const)
      expect((arrived as OperatorError & OperatingError)[key]).toBe(
        (error as OperatorError & OperatingError)[key],
      );
    expect(arrived instanceof OperatorError).toBe(error instanceof OperatorError);
    expect(arrived instanceof OperatingError).toBe(error instanceof OperatingError);
  });

  test('may be anything, and may be their own cause', () => {
    expect(crossed('a text')).toEqual(new Error('a text'));
    const endless = new Error('endless');
    endless.cause = endless;
    let causes = 0;
    for (let one: unknown = crossed(endless).cause; one instanceof Error; one = one.cause) causes++;
    expect(causes).toBe(ERROR_CAUSES_MAX);
  });
});
