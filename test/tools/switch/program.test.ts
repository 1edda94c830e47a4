import { expect, test } from '@jest/globals';
import { SWITCH_ANSWER_BYTES_MAX } from '../../../src/core/service-limits.js';
import { SWITCH_PROGRAM_MS_MAX } from '../../../src/core/timeouts.js';
import { Interrupted } from '../../../src/tools/switch/host.js';
import { ask, BOUNDS } from '../../../src/tools/switch/system.js';

const SH = ['/bin/sh', '-c'];

test('whatever comes of a program', async () => {
  expect(await ask([...SH, 'echo out; echo err >&2; exit 3'], undefined)).toEqual({
    status: 3,
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await ask(['no-such-program'], undefined)).toMatchObject({ status: 127 });
});

test('an answer as long as it may be, and one byte more', async () => {
  expect(BOUNDS).toEqual({ bytesMax: SWITCH_ANSWER_BYTES_MAX, deadlineMs: SWITCH_PROGRAM_MS_MAX });
  const bounds = { ...BOUNDS, bytesMax: 5 };
  expect((await ask([...SH, 'printf 12345'], undefined, bounds)).stdout).toBe('12345');
  await expect(ask([...SH, 'printf 123456'], undefined, bounds)).rejects.toThrow(
    'answers more than 5 bytes',
  );
});

test('a program that hangs is ended, and at once when the administrator wants it over', async () => {
  await expect(
    ask([...SH, 'exec sleep 60'], undefined, { ...BOUNDS, deadlineMs: 50 }),
  ).rejects.toThrow('no answer');
  const over = new AbortController();
  const asked = ask([...SH, 'exec sleep 60'], over.signal);
  over.abort();
  await expect(asked).rejects.toThrow(Interrupted);
  await expect(ask([...SH, 'true'], over.signal)).rejects.toThrow(Interrupted);
});
