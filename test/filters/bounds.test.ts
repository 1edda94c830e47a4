/**
 * sshd as it writes, with names that a stranger chooses: each byte that cannot be printed is
 * escaped, once or twice, and a line ends at 500 bytes wherever it is then. Nothing that the
 * stranger wrote may be taken for an address.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { epochMicros } from '../../src/core/time.js';
import type { CompiledFilter } from '../../src/filter/filter.js';
import { identityOf } from '../../src/filter/match-groups.js';
import { shipped } from './samples.js';

const CLIENTS = ['192.0.2.9', '2001:db8:1234:5678:9abc:def0:1234:5678'];
const VICTIM = '198.51.100.77';
/** Bytes at which sshd hands a line to syslog (log.c: "%.500s"). */
const LINE_BYTES = 500;
/** Bytes of a name in the lines that name it once it was looked up (auth.c: "%.100s"). */
const NAME_BYTES = 100;

/**
 * `levels` times escaped, as vis(3) does it: a byte becomes four characters, and a backslash two.
 */
function escaped(name: string, levels: number): string {
  const once = [...Buffer.from(name, 'latin1')]
    .map((byte) =>
      byte > 126 || byte < 32
        ? `\\${byte.toString(8).padStart(3, '0')}`
        : String.fromCharCode(byte),
    )
    .join('');
  return levels === 1 ? once : once.replaceAll('\\', '\\\\');
}

/**
 * A client that takes another name within its connection: of what both names are said in, sshd
 * writes this much.
 */
const REASON_BYTES = 100;

function changed(first: string, second: string, client: string): string {
  const why = `Change of username or service not allowed: (${first},ssh-connection) -> (${second},ssh-connection)`;
  return `Disconnecting invalid user ${first} ${client} port 40000: ${why.slice(0, REASON_BYTES)} [preauth]`;
}

const ENDS: readonly ((name: string, client: string) => string)[] = [
  (name, client) => `Connection closed by invalid user ${name} ${client} port 40000 [preauth]`,
  (name, client) => `Connection reset by invalid user ${name} ${client} port 40000 [preauth]`,
  (name, client) => `Disconnected from invalid user ${name} ${client} port 40000 [preauth]`,
  (name, client) =>
    `Disconnecting invalid user ${name} ${client} port 40000: Too many authentication failures [preauth]`,
  (name, client) => `Connection from invalid user ${name} ${client} port 40000 timed out`,
  (name, client) =>
    `ssh_dispatch_run_fatal: Connection from invalid user ${name} ${client} port 40000: ` +
    'message authentication code incorrect [preauth]',
  (name, client) => changed('bob', name, client),
];
const METHODS = ['password', 'keyboard-interactive/pam'];

/** Pieces of a name: words that imitate the rest of a line, paddings of any length. */
const piece = fc.oneof(
  fc.constantFrom(
    ` ${VICTIM} port 1`,
    ` from ${VICTIM} port 1 ssh2`,
    ` from ${VICTIM} port 1`,
    ` ${VICTIM} port 1 [preauth]`,
    ` ${VICTIM} port 1: Too many authentication failures`,
    ` invalid user x ${VICTIM} port 1`,
    ' from ',
    VICTIM,
  ),
  fc
    .tuple(fc.constantFrom('a', '\xc3', '\\', ' '), fc.nat(520))
    .map(([unit, count]) => unit.repeat(count)),
);

/** One that fills a line so that it ends with the words given, or a few bytes beside. */
const aimed = fc
  .tuple(
    fc.constantFrom('a', '\xc3'),
    fc.integer({ min: -6, max: 6 }),
    fc.nat(3),
    fc.constantFrom(1, 2),
  )
  .map(([unit, off, end, levels]) => {
    const words =
      end === 3 ? ` ${VICTIM} port 1: Too many authentication failures` : ` ${VICTIM} port 1`;
    const before = (ENDS[end] as (name: string, client: string) => string)('', '').indexOf('  ');
    const width = escaped(unit, levels).length;
    return (
      unit.repeat(Math.max(0, Math.round((LINE_BYTES - before - 1 - words.length + off) / width))) +
      words
    );
  });
const names = fc.oneof(
  aimed,
  fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join('')),
);

/** What the filter counts of lines of one connection, as addresses. */
function counted(filter: CompiledFilter, pid: number, lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const text = `mx1 sshd-session[${pid}]: ${line.slice(0, LINE_BYTES)}`;
    const { result, facts } = filter.judge({ text }, { time: epochMicros(0), boot: 'b' });
    if (result !== 'failure') return [];
    const identity = identityOf(facts);
    return [identity.kind === 'address' ? identity.address.text : identity.kind];
  });
}

describe.each(['normal', 'ddos', 'extra', 'aggressive'])('sshd in mode %s', (mode) => {
  const { filter } = shipped('sshd', { mode });
  let pid = 0;

  test('counts the client and nobody else, whatever the name and wherever the line is cut', () => {
    const runs = Number(process.env['BANJOUR_PROPERTY_RUNS'] ?? 2000);
    const property = fc.property(
      names,
      fc.constantFrom(...CLIENTS),
      fc.nat(ENDS.length - 1),
      fc.constantFrom(1, 2),
      fc.option(fc.constantFrom(...METHODS)),
      (name, client, end, levels, method) => {
        const short = escaped(name.slice(0, NAME_BYTES), 1);
        const lines = [`Invalid user ${short} from ${client} port 40000`];
        if (method !== null)
          lines.push(`Failed ${method} for invalid user ${short} from ${client} port 40000 ssh2`);
        lines.push((ENDS[end] as (typeof ENDS)[number])(escaped(name, levels), client));
        const found = counted(filter, pid++, lines);
        expect(new Set(found)).toEqual(new Set([client]));
      },
    );
    fc.assert(property, { numRuns: runs });
  });

  test('takes no address out of the second name of a connection, wherever sshd cuts it', () => {
    const ends = ['', ': Too many authentication failures', ' timed out', ' [preauth]'];
    for (const client of CLIENTS)
      for (const end of ends)
        for (let padding = 0; padding <= REASON_BYTES; padding++) {
          const name = `${'a'.repeat(padding)} ${VICTIM} port 1${end}`;
          const lines = [
            `Invalid user bob from ${client} port 40000`,
            changed('bob', name, client),
          ];
          expect([name, ...counted(filter, pid++, lines)]).toEqual([name, client]);
        }
  });
});
