/**
 * The firewall's figures, in the network namespace that `bench/firewall.ts` starts it in. Ratios
 * count: each way is measured beside a bare `nft -f` of one element and beside one nft per ban
 * through a shell, which is fail2ban's way, in the same run on the same machine. Prints the rows as
 * JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromBits, hostPrefix, parsePrefix } from '../../src/core/address.js';
import type { Element, ElementChange } from '../../src/core/firewall.js';
import { mustJailName } from '../../src/core/names.js';
import type { FirewallPlan } from '../../src/core/specs.js';
import { plus, wallClock } from '../../src/core/time.js';
import { NftBackend } from '../../src/firewall/nft.js';

const JAIL = mustJailName('sshd');
const PLAN: FirewallPlan = {
  hook: 'input',
  bridge: false,
  rules: [{ jail: JAIL, ports: [{ first: 22, last: 22 }], protocols: ['tcp'], verdict: 'drop' }],
  allow: [],
  countersPerElement: false,
};

/** Three quarters IPv4, one quarter IPv6, an hour each; different ones for different `from`. */
function bans(count: number, from = 0): Element[] {
  const until = plus(wallClock.now(), 3600);
  return Array.from({ length: count }, (_, i) => {
    const n = BigInt(from + i);
    const address =
      i % 4 === 3 ? fromBits(6, (0x20010db8n << 96n) | (n << 16n)) : fromBits(4, 0x0b000000n + n);
    return { jail: JAIL, target: hostPrefix(address), until };
  });
}

const puts = (elements: readonly Element[]) =>
  elements.map((one): ElementChange => ({ kind: 'put', ...one }));

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return performance.now() - start;
}

async function repeated(times: number, run: (i: number) => Promise<unknown>): Promise<number> {
  const values: number[] = [];
  for (let i = 0; i < times; i++) values.push(await timed(() => run(i)));
  return median(values);
}

/** Runs a program and waits for it without holding the thread. */
async function program(command: readonly string[]): Promise<void> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: 'ignore' });
  const [status] = (await once(child, 'exit')) as [number | null];
  if (status !== 0) throw new Error(`${command.join(' ')}: status ${status}`);
}

interface Place {
  readonly backend: NftBackend;
  /** Until the tables have been repaired once more. */
  readonly healed: () => Promise<unknown>;
}

async function withKernel<T>(
  wanted: () => readonly Element[],
  run: (place: Place) => Promise<T>,
): Promise<T> {
  const backend = new NftBackend();
  let ring: () => void = () => undefined;
  backend.provideWanted(wanted);
  backend.onDrift(({ kind }) => kind === 'healed' && ring());
  const healed = () =>
    new Promise<void>((resolve) => {
      ring = resolve;
    });
  try {
    return await run({ backend, healed });
  } finally {
    await backend.close();
    await program(['nft', 'flush', 'ruleset']);
  }
}

const rows: { what: string; ms: number; note: string }[] = [];
const row = (what: string, ms: number, note = '') => {
  rows.push({ what, ms, note });
  console.error(`... ${what}: ${ms.toFixed(2)} ms`);
};

/** One ban, with `inForce` others there: ours, a bare nft, and an nft through a shell. */
async function single(folder: string, inForce: number): Promise<void> {
  await withKernel(
    () => [],
    async ({ backend }) => {
      await backend.open(PLAN, bans(inForce));
      const file = join(folder, 'one.nft');
      const round = 10;
      // In rounds, so that all three see the same weather. A pause between them: an nft that ends
      // waits for the kernel to free what the transaction before it deleted, and would pay for
      // somebody else.
      const rest = () => new Promise((resolve) => setTimeout(resolve, 100));
      const ours: number[] = [];
      const bare: number[] = [];
      const shell: number[] = [];
      for (let from = 0; from < 4 * round; from += round) {
        for (let i = from; i < from + round; i++) {
          ours.push(await timed(() => backend.apply(puts(bans(1, 10_000_000 + i)))));
        }
        await rest();
        for (let i = from; i < from + round; i++) {
          writeFileSync(
            file,
            `add element inet banjour ban4.sshd { 198.18.0.${i} timeout 3600s }\n`,
          );
          bare.push(await timed(() => program(['nft', '-f', file])));
        }
        await rest();
        for (let i = from; i < from + round; i++) {
          const command = `nft add element inet banjour ban4.sshd \\{ 198.18.1.${i} \\}`;
          shell.push(await timed(() => program(['sh', '-c', command])));
        }
        await rest();
      }
      const with_ = inForce === 0 ? 'none' : inForce.toLocaleString('en');
      row(
        `one ban, ${with_} in force: banjour`,
        median(ours),
        `${(median(ours) / median(bare)).toFixed(2)} of a bare nft`,
      );
      row(`one ban, ${with_} in force: bare nft -f`, median(bare));
      row(
        `one ban, ${with_} in force: sh -c nft`,
        median(shell),
        `${(median(shell) / median(bare)).toFixed(2)} of a bare nft`,
      );
    },
  );
}

async function many(size: number, times: number, perBan: number): Promise<void> {
  const ms = await withKernel(
    () => [],
    async ({ backend }) => {
      await backend.open(PLAN, []);
      return repeated(times, (i) => backend.apply(puts(bans(size, i * size))));
    },
  );
  const theirs = perBan * size;
  row(
    `${size.toLocaleString('en')} bans at once`,
    ms,
    `one nft each: ${(theirs / 1000).toFixed(1)} s, ${Math.round(theirs / ms)} times`,
  );
}

async function startUp(size: number, times: number): Promise<void> {
  const wanted = bans(size);
  const fresh: number[] = [];
  const standing: number[] = [];
  for (let i = 0; i < times; i++) {
    await withKernel(
      () => wanted,
      async ({ backend }) => {
        fresh.push(await timed(() => backend.open(PLAN, wanted)));
        standing.push(await timed(() => backend.open(PLAN, wanted)));
      },
    );
  }
  row(`start-up with ${size.toLocaleString('en')}, nothing in the kernel (boot)`, median(fresh));
  row(`start-up with ${size.toLocaleString('en')}, all in force (restart)`, median(standing));
}

async function heal(size: number, times: number): Promise<void> {
  const wanted = bans(size);
  await withKernel(
    () => wanted,
    async ({ backend, healed }) => {
      await backend.open(PLAN, wanted);
      const after = (command: string[]) =>
        repeated(times, async () => {
          const whole = healed();
          await program(command);
          await whole;
        });
      row(
        `heal ${size.toLocaleString('en')} after nft flush ruleset, with the flush`,
        await after(['nft', 'flush', 'ruleset']),
      );
      const first = wanted[0]?.target.base ?? '';
      row(
        `heal ${size.toLocaleString('en')} after one element was deleted, with that`,
        await after(['nft', 'delete', 'element', 'inet', 'banjour', 'ban4.sshd', '{', first, '}']),
      );
    },
  );
}

/**
 * Masked hash sets against an interval set, both with prefixes of one length: the cost of one more
 * for nft.
 */
async function prefixes(size: number): Promise<void> {
  await withKernel(
    () => [],
    async ({ backend }) => {
      const nets = Array.from({ length: size + 20 }, (_, i) =>
        parsePrefix(`11.${i >> 8}.${i & 255}.0/24`),
      ).filter((one) => one !== undefined);
      const until = plus(wallClock.now(), 3600);
      await backend.open(
        PLAN,
        nets.slice(0, size).map((target) => ({ jail: JAIL, target, until })),
      );
      const ours = await repeated(20, (i) => {
        const target = nets[size + i];
        return target === undefined
          ? Promise.resolve()
          : backend.apply([{ kind: 'put', jail: JAIL, target, until }]);
      });
      const elements = nets
        .slice(0, size)
        .map(({ base, length }) => `${base}/${length} timeout 3600s`);
      await program(['nft', 'add', 'table', 'inet', 'other']);
      await program([
        'nft',
        'add',
        'set',
        'inet',
        'other',
        's',
        '{ type ipv4_addr; flags interval, timeout; }',
      ]);
      const folder = mkdtempSync(join(tmpdir(), 'banjour-bench-'));
      writeFileSync(
        join(folder, 'many.nft'),
        `add element inet other s { ${elements.join(', ')} }\n`,
      );
      await program(['nft', '-f', join(folder, 'many.nft')]);
      rmSync(folder, { recursive: true });
      const theirs = await repeated(20, (i) =>
        program([
          'nft',
          'add',
          'element',
          'inet',
          'other',
          's',
          `{ 12.0.${i}.0/24 timeout 3600s }`,
        ]),
      );
      row(`one prefix more, ${size.toLocaleString('en')} in force: banjour (masked hash)`, ours);
      row(`one prefix more, ${size.toLocaleString('en')} in force: nft, interval set`, theirs);
    },
  );
}

const folder = mkdtempSync(join(tmpdir(), 'banjour-bench-'));
try {
  await single(folder, 0);
  await single(folder, 100_000);
  const perBan =
    rows.find(({ what }) => what.endsWith('none in force: sh -c nft'))?.ms ?? Number.NaN;
  for (const [size, times] of [
    [1_000, 7],
    [10_000, 5],
    [100_000, 3],
  ] as const)
    await many(size, times, perBan);
  await startUp(100_000, 3);
  for (const [size, times] of [
    [1_000, 7],
    [10_000, 5],
    [100_000, 3],
  ] as const)
    await heal(size, times);
  await prefixes(1_000);
  console.log(JSON.stringify(rows));
} finally {
  rmSync(folder, { recursive: true });
}
