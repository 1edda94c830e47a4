import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from '@jest/globals';
import { makeNetworkNamespace } from '../support/netns.js';
import { kernelTest, nftWords } from './kernel.js';

kernelTest(
  'the kernel signals a change of our tables by itself; nobody has to look for it',
  async () => {
    const namespace = makeNetworkNamespace();
    const [program, ...args] = namespace.inside([
      process.execPath,
      join(process.cwd(), 'dist/test/kernel/doorbell-signal.child.js'),
    ]);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const exited = once(child, 'exit');
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const line = async () => (await lines.next()).value as string;
    const nft = (...words: string[]) => namespace.run([...nftWords(), ...words]);
    try {
      expect(await line()).toBe('ready');
      nft('add', 'table', 'inet', 'banjour');
      expect(await line()).toBe('rung table changed');
      nft('add', 'set', 'inet', 'banjour', 's', '{ type ipv4_addr; }');
      expect(await line()).toBe('rung set changed');
      nft('delete', 'table', 'inet', 'banjour');
      expect(await line()).toMatch(/^rung (?:set|table) deleted$/);
      child.stdin.end();
      expect(await line()).toBe('closed');
      // The signal would end a process that no longer handles it.
      expect((await exited)[0]).toBe(0);
    } finally {
      child.kill('SIGKILL');
      namespace.remove();
    }
  },
);
