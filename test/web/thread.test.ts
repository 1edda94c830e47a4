/** The thread of the page as the companion sees it, with threads that are made up. */
import { expect, test } from '@jest/globals';
import { WebThread, type WebWork } from '../../src/web/thread.js';

const LINK = { what: 'link', user: null } as const;

/** A thread that is ready, and then does this with what it is asked. */
const started = (onMessage: string, ended: (error: unknown) => void = () => undefined) => {
  const text = `import { parentPort } from 'node:worker_threads';
parentPort.on('message', ({ id }) => { ${onMessage} });
parentPort.postMessage({ type: 'ready', view: { viewers: 3 } });`;
  const entry = new URL(`data:text/javascript,${encodeURIComponent(text)}`);
  return WebThread.start(entry, {} as WebWork, { log: () => undefined, ended });
};

test('what it is asked it answers', async () => {
  const thread = await started("parentPort.postMessage({ type: 'done', id, value: 'link' })");
  expect([thread.view, await thread.ask(LINK)]).toEqual([{ viewers: 3 }, 'link']);
  await thread.stop();
});

test('one that has died answers at once that it has, and is stopped at once', async () => {
  const ends: unknown[] = [];
  const thread = await started("throw new Error('out of memory')", (error) => ends.push(error));
  await expect(thread.ask(LINK)).rejects.toThrow('out of memory');
  await expect(thread.ask(LINK)).rejects.toThrow('out of memory');
  await thread.stop();
  expect(ends).toMatchObject([{ message: 'out of memory' }]);
});
