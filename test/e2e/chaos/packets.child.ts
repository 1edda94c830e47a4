/**
 * Entry file of two programs. `send`, in the attackers' namespace: each address named on standard
 * input sends a packet every 20 ms. `receive`, in the machine's: tells of each packet that arrives.
 * The time in a packet is CLOCK_MONOTONIC of the sender, which both share, so neither's delays
 * count.
 */
import { createSocket } from 'node:dgram';
import { createInterface } from 'node:readline';
import { SERVER } from '../lib/mailhost.js';

const PORT = 9999;
const EVERY_MS = 20;

function send(): void {
  const senders: (() => void)[] = [];
  createInterface({ input: process.stdin }).on('line', (address) => {
    const family = address.includes(':') ? 6 : 4;
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    // What a firewall answers is no error of ours.
    socket.on('error', () => undefined);
    socket.bind(0, address, () =>
      senders.push(() => socket.send(`${address} ${now()}`, PORT, SERVER[family], () => undefined)),
    );
  });
  process.stdin.on('end', () => process.exit());
  setInterval(() => {
    for (const each of senders) each();
  }, EVERY_MS);
}

function receive(): void {
  for (const type of ['udp4', 'udp6'] as const) {
    const socket = createSocket({ type, ipv6Only: type === 'udp6' });
    socket.on('message', (text) => process.stdout.write(`${text}\n`));
    socket.bind(PORT);
  }
  process.stdin.on('end', () => process.exit()).resume();
}

function now(): string {
  return (process.hrtime.bigint() / 1_000n).toString();
}

if (process.argv[2] === 'send') send();
else receive();
