import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { NftRunner } from '../../src/firewall/runner.js';

/** An nft that says this of its version; a session of it refuses each line that is no JSON. */
const nft = (version: string) => `#!/bin/sh
case "$*" in
-V) ${version} ;;
*-i*) while read -r line; do case "$line" in ack*) printf 'Error: no\\n%s\\n    ^\\n' "$line" >&2 ;; esac; done ;;
esac
`;

/** A runner over this nft, and what ends both. */
function runnerOf(script: string) {
  const folder = mkdtempSync(join(tmpdir(), 'banjour-nft-'));
  const path = join(folder, 'nft');
  writeFileSync(path, script, { mode: 0o755 });
  const runner = new NftRunner({ command: [path], directory: folder, residentDeadlineMs: 10_000 });
  const close = async () => {
    await runner.close();
    rmSync(folder, { recursive: true });
  };
  return { runner, close };
}

async function ways(version: string, count = 2): Promise<(string | undefined)[]> {
  const { runner, close } = runnerOf(nft(version));
  try {
    runner.warm();
    const vias: string[] = [];
    for (let i = 0; i < count; i++) vias.push((await runner.send([], 1)).via);
    return [...vias, runner.residentPid === undefined ? 'none kept' : 'one kept'];
  } finally {
    await close();
  }
}

describe('nft is kept running', () => {
  test.each(['v1.0.0 (Fearless Fosdick)', 'v1.0.6 (Lester Gooch #5)', 'v1.1.3 (Commodore)'])(
    'when it is %s',
    async (version) => {
      expect(await ways(`echo 'nftables ${version}'`)).toEqual([
        'resident',
        'resident',
        'one kept',
      ]);
    },
  );

  test('and starts before it has said its version', async () => {
    const { runner, close } = runnerOf(nft("echo 'nftables v1.0.6 (Lester Gooch #5)'"));
    runner.warm();
    const pid = runner.residentPid;
    expect(pid).toBeDefined();
    await runner.send([], 1);
    expect(runner.residentPid).toBe(pid);
    await close();
  });

  test('but not before 1.0, whose session does nothing after the first line that it refused', async () => {
    expect(await ways("echo 'nftables v0.9.8 (E.D.S.)'")).toEqual(['fresh', 'fresh', 'none kept']);
  });

  test('and not when it does not say its version in time', async () => {
    expect(await ways('exec sleep 20', 1)).toEqual(['fresh', 'none kept']);
  });
});
