/**
 * Servers that accept and never answer: what a mail server, a webhook and whois are on their worst
 * day. A program of its own, so that it can run in a machine's network: `node stalled.js PORT...`.
 * It writes each accepted port on a line, and ends with whoever holds its standard input.
 */
import { createServer } from 'node:net';

process.stdin.once('end', () => process.exit()).resume();
for (const port of process.argv.slice(2).map(Number))
  createServer((socket) => {
    process.stdout.write(`${port}\n`);
    // Whatever is said is taken, so that the other side never waits for its own words to leave.
    socket.on('error', () => undefined).resume();
  })
    .on('error', (error) => {
      throw error;
    })
    .listen(port, '127.0.0.1', () => process.stdout.write('listening\n'));
