/**
 * Backends on the real kernel, each in a network namespace of its own. BANJOUR_TEST_NFT may name
 * another nft, e.g. `chroot /srv/trixie /usr/sbin/nft` for the one of Debian 13.
 */
import { NftBackend, type NftBackendOptions } from '../../src/firewall/nft.js';
import type { Command } from '../../src/firewall/spawn.js';
import { makeNetworkNamespace, type NetworkNamespace } from '../support/netns.js';
import { hasCommand, isRoot, needs } from '../support/require.js';
import { until as waitUntil } from '../support/until.js';

export const kernelTest = needs(
  isRoot && hasCommand('nft') && hasCommand('ip') && hasCommand('nsenter'),
  'needs root, nft, ip and nsenter',
);

export interface Bench {
  readonly backend: NftBackend;
  readonly namespace: NetworkNamespace;
  /** Runs nft by hand, as somebody else would. */
  readonly nft: (...args: string[]) => string;
  readonly dispose: () => Promise<void>;
}

/** The command of BANJOUR_TEST_NFT, if it is set. */
export function testCommand(): { command?: Command } {
  const [program, ...args] = (process.env['BANJOUR_TEST_NFT'] ?? '')
    .split(' ')
    .filter((word) => word !== '');
  if (program === undefined) return {};
  return { command: [program.startsWith('/') ? program : `/usr/sbin/${program}`, ...args] };
}

/** The nft of the tests as the beginning of a command line. */
export function nftWords(): readonly string[] {
  return testCommand().command ?? ['nft'];
}

/** A namespace and a backend for it. */
export function makeBench(options: NftBackendOptions = {}): Bench {
  const namespace = makeNetworkNamespace();
  const netns = `/run/netns/${namespace.name}`;
  const backend = new NftBackend({ ...testCommand(), netns, ...options });
  return {
    backend,
    namespace,
    nft: (...args) => namespace.run([...nftWords(), ...args]),
    dispose: async () => {
      await backend.close().catch(() => undefined);
      namespace.remove();
    },
  };
}

/** Waits until `condition` holds; throws after `ms`. */
export function until(condition: () => boolean | Promise<boolean>, ms?: number): Promise<void> {
  return waitUntil(`${condition}`, condition, ms);
}
