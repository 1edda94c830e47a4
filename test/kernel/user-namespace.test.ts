/** A container with a user namespace of its own, where nobody may exceed the system's limits. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { NFT_RETURNING_BANS_MAX } from '../../src/core/service-limits.js';
import { hasCommand, needs } from '../support/require.js';

const CHILD = join(process.cwd(), 'dist/test/kernel/user-namespace.child.js');

const inUserNamespace = needs(
  hasCommand('nft') && spawnSync('unshare', ['-Urn', 'nft', 'list', 'ruleset']).status === 0,
  'needs nft and user namespaces',
);

inUserNamespace('all bans come back past nft, in pieces that the socket takes', () => {
  const { stdout, stderr } = spawnSync('unshare', ['-Urn', process.execPath, CHILD], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { sendBytesMax, isBack, counts } = JSON.parse(stdout);
  // The kernel doubles what is asked for, and keeps some for itself.
  const systemMax = Number(readFileSync('/proc/sys/net/core/wmem_max', 'utf8'));
  expect(sendBytesMax).toBe(2 * Math.min(systemMax, (1 << 20) + 32) - 32);
  expect(counts).toEqual([NFT_RETURNING_BANS_MAX, NFT_RETURNING_BANS_MAX]);
  expect(isBack).toBe(true);
});
