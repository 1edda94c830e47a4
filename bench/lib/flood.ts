/**
 * Entry file of a process that asks the status socket named in its argument as fast as it can,
 * until it is ended.
 */
import { ControlClient } from '../../src/control/client.js';

/** Questions under way at once. */
const CLIENTS = 32;

const client = new ControlClient(process.argv[2] ?? '');
await Promise.all(
  Array.from({ length: CLIENTS }, async () => {
    for (;;) await client.status().catch(() => undefined);
  }),
);
