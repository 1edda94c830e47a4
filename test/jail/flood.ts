/**
 * A million addresses fail once each, a few attack for real among them. Prints what became of it as
 * JSON.
 */

import { peakResidentBytes } from '../../src/agent/memory.js';
import type { FilterEvent } from '../../src/core/decision.js';
import { cursor, mustJailName } from '../../src/core/names.js';
import { type EpochMicros, epochMicros, type Seconds } from '../../src/core/time.js';
import { Jails } from '../../src/jail/jails.js';
import { context } from './support.js';

const ADDRESSES = 1_000_000;
const ATTACKERS = 20;
const JAIL = mustJailName('flood');
const IDS = '0123456789abcdef0123456789abcdef';

const jails = new Jails([
  {
    jail: JAIL,
    maxretry: 3,
    findtime: 3_600 as Seconds,
    bantime: null,
    ipv6prefix: 64,
    forgetOnSuccess: false,
  },
]);
const banned = new Set<string>();
const nothingKnown = context();
const start = epochMicros(1_790_000_000_000_000);

function fail(address: FilterEvent['address'], i: number): void {
  const time = (start + i * 1_000) as EpochMicros;
  const hex = i.toString(16);
  const text = cursor(
    `s=${IDS};i=${hex};b=${IDS};m=${hex};t=${time.toString(16)};x=${IDS.slice(0, 16)}`,
  );
  const event: FilterEvent = {
    kind: 'failure',
    jail: JAIL,
    address,
    count: 1,
    time,
    cursor: text,
    user: `user${i}`,
    regex: 0,
  };
  for (const { target } of jails.step(event, time, nothingKnown).decisions) banned.add(target.base);
}

for (let i = 0; i < ADDRESSES; i++) {
  const hex = i.toString(16).padStart(8, '0');
  const [a, b, c] = [(i >> 16) & 255, (i >> 8) & 255, i & 255];
  if (i % 2 === 0) fail({ family: 4, text: `10.${a}.${b}.${c}` }, i);
  else fail({ family: 6, text: `2001:db8:${hex.slice(0, 4)}:${hex.slice(4)}::1` }, i);
  if (i % 5_000 === 0) fail({ family: 4, text: `192.0.2.${(i / 5_000) % ATTACKERS}` }, i);
}

console.log(
  JSON.stringify({
    rssMiB: Math.round(peakResidentBytes() / 1024 / 1024),
    banned: [...banned].sort(),
    stats: jails.stats(JAIL, (start + ADDRESSES * 1_000) as EpochMicros),
  }),
);
