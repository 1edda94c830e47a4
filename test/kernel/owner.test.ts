/** Who holds the tables of a network namespace, on the real kernel. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { ownedTable, TableOwner } from '../../native/netlink-owner.js';
import { EXIT, OperatorError } from '../../src/core/errors.js';
import { NFT_COMMENT_BYTES_MAX } from '../../src/core/limits.js';
import { NftBackend } from '../../src/firewall/nft.js';
import { claimTables, ownerOfTables } from '../../src/firewall/owner.js';
import { plan } from '../firewall/support.js';
import { makeNetworkNamespace, type NetworkNamespace } from '../support/netns.js';
import { kernelTest as test, until } from './kernel.js';

const CHILD = join(process.cwd(), 'dist/test/kernel/owner.child.js');

async function within(
  run: (netns: string, namespace: NetworkNamespace) => Promise<void>,
): Promise<void> {
  const namespace = makeNetworkNamespace();
  try {
    await run(`/run/netns/${namespace.name}`, namespace);
  } finally {
    namespace.remove();
  }
}

function refusalOf(netns: string): OperatorError {
  try {
    claimTables({ netns })?.release();
  } catch (error) {
    if (error instanceof OperatorError) return error;
    throw error;
  }
  throw new Error('nobody refused');
}

/** A process that holds the tables until it ends. */
async function holder(netns: string, ...before: readonly string[]): Promise<ChildProcess> {
  const [file = '', ...args] = [...before, process.execPath, CHILD, netns];
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

test('the second is refused, told who the first is, and is the first when that one has gone', () =>
  within(async (netns) => {
    const first = claimTables({ netns });
    const error = refusalOf(netns);
    expect(error.exitCode).toBe(EXIT.temporary);
    expect(error.message).toMatch(
      new RegExp(
        `^another agent holds the table inet banjour: pid ${process.pid}( of \\S+)? on ${hostname()} since \\d{4}-\\d\\d-\\d\\dT[\\d:]+Z$`,
      ),
    );
    expect(ownerOfTables({ netns })).toContain(`pid ${process.pid}`);
    first?.release();
    expect(ownerOfTables({ netns })).toBeUndefined();
    claimTables({ netns })?.release();
  }));

test('a killed owner is gone at once', () =>
  within(async (netns) => {
    const child = await holder(netns);
    expect(refusalOf(netns).message).toContain(`pid ${child.pid}`);
    await killed(child);
    const next = claimTables({ netns });
    expect(next).toBeDefined();
    next?.release();
  }));

test('an owner in another pid namespace holds as well, is told as that, and is gone at once', () =>
  within(async (netns) => {
    const child = await holder(netns, 'unshare', '--pid', '--fork', '--kill-child', '--mount-proc');
    expect(refusalOf(netns).message).toMatch(/: pid 1 .*another pid namespace/);
    await killed(child);
    // The child of the killed unshare ends by a signal of its own.
    await until(() => ownerOfTables({ netns }) === undefined);
    const next = claimTables({ netns });
    expect(next).toBeDefined();
    next?.release();
  }));

test('a flush of the ruleset takes it from nobody, and nobody else may remove it', () =>
  within(async (netns, namespace) => {
    const owner = claimTables({ netns });
    namespace.run(['nft', 'flush', 'ruleset']);
    expect(() => namespace.run(['nft', 'delete', 'table', 'inet', 'banjour-owner'])).toThrow(
      /not permitted/,
    );
    expect(refusalOf(netns).message).toContain(`pid ${process.pid}`);
    owner?.release();
  }));

test.each([0, 1])('a comment is as long as nft reads it back: %s characters more', (more) =>
  within(async (netns, namespace) => {
    const comment = 'x'.repeat(NFT_COMMENT_BYTES_MAX - 1);
    const owner = TableOwner.claim('commented', comment + 'y'.repeat(more), netns);
    expect(ownedTable('commented', netns)).toEqual({ owned: true, comment });
    const saved = namespace.run(['nft', 'list', 'table', 'inet', 'commented']);
    await within(async (_, other) => {
      other.run(['nft', '-f', '-'], saved);
    });
    if (owner instanceof TableOwner) owner.release();
  }),
);

test('a table of the same name that somebody made by hand holds nobody up', () =>
  within(async (netns, namespace) => {
    namespace.run(['nft', 'add', 'table', 'inet', 'banjour-owner']);
    expect(ownerOfTables({ netns })).toBeUndefined();
    const owner = claimTables({ netns });
    expect(refusalOf(netns).message).toContain(`pid ${process.pid}`);
    owner?.release();
  }));

test('a backend that is closed gives the tables up, and one that flushes takes them from nobody', () =>
  within(async (netns) => {
    const first = new NftBackend({ netns, resident: false });
    first.claim();
    await first.open(plan(['sshd']), []);
    const second = new NftBackend({ netns, resident: false });
    await expect(second.flush()).rejects.toThrow(/another agent holds/);
    await second.close();
    expect((await first.read()).present).toBe(true);
    await first.close();
    const third = new NftBackend({ netns, resident: false });
    await third.flush();
    expect((await third.read()).present).toBe(false);
    await third.close();
    expect(ownerOfTables({ netns })).toBeUndefined();
  }));

test('whoever has no say in the firewall is told so by the firewall, not by its owner', () =>
  within(async (netns) => {
    const first = claimTables({ netns });
    const child = spawn('setpriv', [
      '--bounding-set',
      '-net_admin',
      '--inh-caps',
      '-net_admin',
      process.execPath,
      CHILD,
      netns,
    ]);
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
    });
    await once(child.stdout, 'data');
    expect(said).toBe('nothing\n');
    await killed(child);
    first?.release();
  }));
