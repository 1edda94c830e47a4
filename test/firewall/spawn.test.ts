import { describe, expect, test } from '@jest/globals';
import { NFT_ERROR_BYTES_MAX } from '../../src/core/limits.js';
import { SS_OUTPUT_BYTES_MAX } from '../../src/core/service-limits.js';
import { SS_DEADLINE_MS } from '../../src/core/timeouts.js';
import { killSockets } from '../../src/firewall/nft.js';
import { type Command, findProgram, run } from '../../src/firewall/spawn.js';
import { prefix } from './support.js';

const SHELL: Command = ['/bin/sh', '-c'];
const limits = { deadlineMs: 30_000, outputBytesMax: 10, errorBytesMax: 10 };

describe('a child process', () => {
  test('is found in the folders of the system and nowhere else', () => {
    expect(findProgram('sh')).toMatch(/^\/(usr\/)?bin\/sh$/);
    expect(findProgram('no-such-program')).toBeUndefined();
  });

  test('gets a clean environment and no terminal of ours', async () => {
    const { stdout } = await run(SHELL, ['env; pwd'], { ...limits, outputBytesMax: 1000 });
    const lines = stdout
      .trim()
      .split('\n')
      .filter((line) => !line.startsWith('_=') && !line.startsWith('PWD='));
    expect(lines.sort()).toEqual([
      '/',
      'HOME=/dev/null',
      'LC_ALL=C',
      expect.stringMatching(/^PATH=\/usr\/sbin:/),
    ]);
  });

  test('inherits no descriptor but its three', async () => {
    const { stdout } = await run(SHELL, ['ls /proc/$$/fd'], { ...limits, outputBytesMax: 1000 });
    expect(
      stdout
        .trim()
        .split('\n')
        .filter((fd) => Number(fd) < 10),
    ).toEqual(['0', '1', '2']);
  });

  test('says how it ended; a bad status is a result', async () => {
    expect(await run(SHELL, ['echo out; echo err >&2; exit 3'], limits)).toEqual({
      status: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
  });

  test('may print as much as it is allowed to and not one byte more', async () => {
    expect((await run(SHELL, ['printf 0123456789'], limits)).stdout).toBe('0123456789');
    await expect(run(SHELL, ['printf 0123456789x; exec sleep 9'], limits)).rejects.toMatchObject({
      code: 'ERR_NFT_OUTPUT',
    });
  });

  test('may complain at any length, and the beginning is kept', async () => {
    const { stderr } = await run(SHELL, ['printf 0123456789x >&2'], limits);
    expect(stderr).toBe('0123456789');
    const words = await run(SHELL, [`head -c ${NFT_ERROR_BYTES_MAX + 1} /dev/zero >&2`], {
      ...limits,
      errorBytesMax: NFT_ERROR_BYTES_MAX,
    });
    expect(words.stderr).toHaveLength(NFT_ERROR_BYTES_MAX);
  });

  test('that has answered in time is heard, however busy this thread was', async () => {
    const given = run(SHELL, ['echo here'], { ...limits, deadlineMs: 100 });
    // As a large ledger does at a start.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
    expect((await given).stdout).toBe('here\n');
  });

  test('is killed at its deadline', async () => {
    const pids: number[] = [];
    const options = { ...limits, deadlineMs: 100, onStart: (pid: number) => void pids.push(pid) };
    await expect(run(['/bin/sleep'], ['30'], options)).rejects.toMatchObject({
      code: 'ERR_NFT_DEADLINE',
    });
    expect(() => process.kill(pids[0] ?? 0, 0)).toThrow();
  });

  test('that cannot be started is an error with a stable code', async () => {
    await expect(run(['/no/such/program'], [], limits)).rejects.toMatchObject({
      code: 'ERR_NFT_START',
    });
  });
});

describe('closing sockets', () => {
  const ss = (script: string) => ({ command: ['/bin/sh', '-c', script, 'ss'] as const });

  test('asks ss for the connected sockets of exactly this prefix', async () => {
    const say = 'for word; do printf "%s\\n" "$word"; done';
    expect(await killSockets(prefix('192.0.2.0/24'), ss(say))).toBe(9);
    const check = (dst: string) => ss(`[ "$*" = "-K -H -n -t -u state connected dst ${dst}" ]`);
    expect(await killSockets(prefix('192.0.2.0/24'), check('192.0.2.0/24'))).toBe(0);
    expect(await killSockets(prefix('192.0.2.1'), check('192.0.2.1'))).toBe(0);
    expect(await killSockets(prefix('2001:db8::1'), check('[2001:db8::1]'))).toBe(0);
    expect(await killSockets(prefix('2001:db8::/64'), check('[2001:db8::/64]'))).toBe(0);
  });

  test('that fails or hangs is an error, not a wait', async () => {
    await expect(killSockets(prefix('192.0.2.1'), ss('echo no >&2; exit 1'))).rejects.toMatchObject(
      {
        code: 'ERR_SS_FAILED',
      },
    );
    await expect(
      killSockets(prefix('192.0.2.1'), { ...ss('exec sleep 9'), deadlineMs: 100 }),
    ).rejects.toMatchObject({
      code: 'ERR_NFT_DEADLINE',
    });
    expect(SS_DEADLINE_MS).toBeLessThanOrEqual(5_000);
  });

  test('counts no more sockets than fit into its bound', async () => {
    const lines = (bytes: number) => ss(`head -c ${bytes} /dev/zero`);
    expect(await killSockets(prefix('192.0.2.1'), lines(SS_OUTPUT_BYTES_MAX))).toBe(1);
    await expect(
      killSockets(prefix('192.0.2.1'), lines(SS_OUTPUT_BYTES_MAX + 1)),
    ).rejects.toMatchObject({
      code: 'ERR_NFT_OUTPUT',
    });
  });
});
