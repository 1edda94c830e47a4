/** The order in which a backend puts right what somebody else changed, over a kernel of memory. */
import { beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { NewElements } from '../../native/netlink-elements.js';
import type { Element, ElementChange } from '../../src/core/firewall.js';
import { NFT_FIRST_CHANGES_MAX, NFT_URGENT_BANS_MAX } from '../../src/core/limits.js';
import { NFT_RETURNING_BANS_MAX } from '../../src/core/service-limits.js';
import { plus, wallClock } from '../../src/core/time.js';
import { TableBackend } from '../../src/firewall/backend.js';
import type { BatchOutcome, NftCommand } from '../../src/firewall/json.js';
import type { KernelTables } from '../../src/firewall/kernel-tables.js';
import type { TableFamily } from '../../src/firewall/names.js';
import { RecordingTransport } from '../../src/firewall/recording.js';
import { returning } from '../../src/firewall/returning.js';
import { makeSchema } from '../../src/firewall/schema.js';
import { ban, hosts, inForce, plan } from './support.js';

const BAN = ban('sshd', '192.0.2.1', null);
const GONE = [{ delete: { table: { family: 'inet', name: 'banjour' } } }] as const;

/** Notes the order of what is asked of it; refuses the next batch when it is told to. */
class Watched extends RecordingTransport {
  calls: string[] = [];
  refuses = false;
  takes = false;
  remakes = false;
  memorized: readonly TableFamily[] = [];

  override async send(commands: readonly NftCommand[]): Promise<BatchOutcome> {
    const what = JSON.stringify(commands);
    this.calls.push(
      [what.includes('"rule"') ? 'rules' : '', what.includes('192.0.2.1') ? 'bans' : '']
        .join(' ')
        .trim(),
    );
    if (!this.refuses) return super.send(commands);
    this.refuses = false;
    return { refusal: 'File exists', via: 'fresh' };
  }

  add(sets: readonly NewElements[]): boolean {
    for (const { elements } of sets) this.calls.push(`past nft ${elements.length}`);
    return this.takes;
  }

  makeAnew(elements: () => readonly NewElements[]): boolean {
    if (!this.remakes) return false;
    this.calls.push(`anew ${elements().flatMap((one) => one.elements).length}`);
    return true;
  }

  memorize(families: readonly TableFamily[]): void {
    this.memorized = families;
  }

  override list(): Promise<KernelTables> {
    this.calls.push('list');
    return super.list();
  }

  override async outline(): Promise<KernelTables> {
    this.calls.push('outline');
    return super.list();
  }

  /** Reads at once, and answers when it may. */
  override async glance(): Promise<KernelTables> {
    this.calls.push('glance');
    const tables = await super.list();
    await this.mayAnswer;
    return tables;
  }

  mayAnswer: Promise<void> = Promise.resolve();
}

let kernel: Watched;
let backend: TableBackend;

beforeEach(async () => {
  kernel = new Watched();
  backend = new TableBackend(kernel);
  backend.provideWanted(() => [BAN]);
  await backend.open(plan(['sshd']), [BAN]);
  kernel.calls = [];
});

describe('a repair', () => {
  test('states the rules before it reads what stands, when more than elements were touched', async () => {
    await backend.repair('rule added', true);
    expect(kernel.calls).toEqual(['rules', 'list', 'rules']);
    expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 for good']);
  });

  test('brings rules and bans back when the table is gone', async () => {
    await kernel.send(GONE);
    kernel.calls = [];
    await backend.repair('table deleted', true);
    expect(kernel.calls).toEqual(['rules', 'list', 'rules bans']);
    expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 for good']);
  });

  test('goes by the comparison when the kernel refuses those rules', async () => {
    await kernel.send(GONE);
    kernel.calls = [];
    kernel.refuses = true;
    await backend.repair('set changed', true);
    expect(kernel.calls).toEqual(['rules', 'list', 'rules bans']);
    expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 for good']);
  });

  test('writes no ban into tables whose rules the kernel refused', async () => {
    backend.provideWanted(
      () => [BAN],
      () => [BAN],
    );
    kernel.refuses = true;
    await backend.repair('set changed', true);
    expect(kernel.calls).toEqual(['rules', 'list', 'rules']);
  });

  test('does not state the rules first where the tables came back whole', async () => {
    backend.provideWanted(
      () => [BAN],
      () => [BAN],
    );
    kernel.remakes = true;
    await backend.repair('table deleted', true);
    expect(kernel.calls).toEqual(['anew 1', 'list', 'rules']);
    kernel.calls = [];
    // Elements alone: the tables stand.
    await backend.repair('element deleted', false);
    expect(kernel.calls).toEqual(['list', 'rules']);
  });

  test.each([
    [false, ['inet']],
    [true, ['inet', 'bridge']],
  ])('has the tables of its plan kept, with bridges: %s', async (bridge, families) => {
    await backend.replan(plan(['sshd'], { bridge }), [BAN]);
    expect(kernel.memorized).toEqual(families);
    kernel.memorized = [];
    // A set of prefixes comes to each.
    await backend.apply([{ kind: 'put', ...ban('sshd', '198.51.100.0/24') }]);
    expect(kernel.memorized).toEqual(families);
  });

  test('brings so many urgent bans back by nft where there is no other way', async () => {
    const others = hosts(NFT_URGENT_BANS_MAX).map((host) => ban('sshd', host));
    const urgent = [BAN, ban('other', '192.0.2.8', null), ban('sshd', '192.0.2.7', -1), ...others];
    backend.provideWanted(
      () => [BAN],
      () => urgent,
    );
    await kernel.send(GONE);
    kernel.calls = [];
    const sent = jest.spyOn(kernel, 'send');
    await backend.repair('table deleted', true);
    expect(kernel.calls).toEqual([
      'rules',
      `past nft ${NFT_URGENT_BANS_MAX + 1}`,
      'bans',
      'list',
      'rules',
    ]);
    // By the resident nft, however many they are: the one that is over is none.
    const [commands, changes] = sent.mock.calls[1] as readonly unknown[];
    expect(changes).toBe(0);
    expect(JSON.stringify(commands).match(/"val":/g)).toHaveLength(NFT_URGENT_BANS_MAX - 2);
    expect(await inForce(backend)).toEqual(['sshd 192.0.2.1/32 for good']);
  });

  test('has so many urgent bans back past nft before it reads, and no more', async () => {
    const all = hosts(NFT_RETURNING_BANS_MAX + 1).map((host) => ban('sshd', host));
    let urgent: readonly Element[] = [];
    backend.provideWanted(
      () => [BAN],
      () => urgent,
    );
    kernel.takes = true;
    for (const count of [1, NFT_RETURNING_BANS_MAX, NFT_RETURNING_BANS_MAX + 1]) {
      urgent = all.slice(0, count);
      kernel.calls = [];
      await backend.repair('table deleted', true);
      const past = Math.min(count, NFT_RETURNING_BANS_MAX);
      expect(kernel.calls.slice(0, 3)).toEqual(['rules', `past nft ${past}`, 'list']);
    }
  });

  const MANY = NFT_FIRST_CHANGES_MAX + 2 * NFT_RETURNING_BANS_MAX + 1;
  const manyBans = () => hosts(MANY).map((host) => ban('sshd', host));

  test('has many bans follow the rules past nft, in pieces, with other work between them', async () => {
    kernel.takes = true;
    const replanning = backend.replan(plan(['sshd']), manyBans());
    const other = new Promise<void>((resolve) => setImmediate(resolve)).then(() =>
      kernel.calls.push('other work'),
    );
    const { refused } = await replanning;
    await other;
    expect(refused).toEqual([]);
    expect(kernel.calls.filter((call) => call !== 'other work')).toEqual([
      'list',
      'rules bans',
      `past nft ${NFT_FIRST_CHANGES_MAX}`,
      `past nft ${NFT_RETURNING_BANS_MAX}`,
      `past nft ${NFT_RETURNING_BANS_MAX}`,
      'past nft 1',
    ]);
    expect(kernel.calls.at(-1)).not.toBe('other work');
  });

  test('has them follow into the table alone that lacks them', async () => {
    await backend.replan(plan(['sshd']), manyBans());
    kernel.takes = true;
    const add = jest.spyOn(kernel, 'add');
    await backend.replan(plan(['sshd'], { bridge: true }), manyBans());
    const sets = add.mock.calls.flatMap(([some]) => some);
    expect(new Set(sets.map(({ family }) => family))).toEqual(new Set(['bridge']));
    expect(sets.flatMap(({ elements }) => elements)).toHaveLength(MANY);
  });

  test('has nft add them where the way past it fails, or packets are counted per element', async () => {
    await backend.replan(plan(['sshd']), [BAN, ...manyBans()]);
    expect(kernel.calls.filter((call) => call.startsWith('past'))).toEqual([
      `past nft ${NFT_FIRST_CHANGES_MAX}`,
      `past nft ${NFT_RETURNING_BANS_MAX}`,
    ]);
    expect(await inForce(backend)).toHaveLength(MANY + 1);
    kernel.takes = true;
    kernel.calls = [];
    const counted = plan(['sshd'], { countersPerElement: true });
    await backend.replan(counted, []);
    await backend.replan(counted, manyBans());
    expect(kernel.calls.filter((call) => call.startsWith('past'))).toEqual([]);
    expect(await inForce(backend)).toHaveLength(MANY);
  });

  test('leaves to nft what is counted per element, and out what is over', () => {
    const urgent = [BAN, ban('sshd', '192.0.2.7', 60)];
    const of = (countersPerElement: boolean) =>
      makeSchema(plan(['sshd'], { countersPerElement, bridge: true }), []);
    const now = wallClock.now();
    const inBoth = (keys: readonly string[], timeout: number | null) =>
      (['inet', 'bridge'] as const).map((family) => ({
        family,
        set: 'ban4.sshd',
        version: 4,
        elements: keys.map((key) => ({ key, timeout })),
      }));
    expect(returning(urgent, of(true), now)).toBeUndefined();
    expect(returning(urgent.slice(0, 1), of(false), now)).toEqual(inBoth(['192.0.2.1'], null));
    expect(returning(urgent, of(false), plus(now, 61))).toEqual(inBoth(['192.0.2.1'], null));
    expect(returning([], of(false), now)).toEqual([]);
  });

  test('only reads where elements alone may differ', async () => {
    await backend.repair('element deleted', false);
    expect(kernel.calls[0]).toBe('list');
  });
});

describe('an opening where tables stand', () => {
  const OTHER = ban('sshd', '198.51.100.7', null);
  const NET = ban('sshd', '203.0.113.0/24', null);
  const LOST = ban('sshd', '192.0.2.9', null);
  const put = (element: Element): ElementChange => ({ kind: 'put', ...element });

  /** What another process left, opened by this one. */
  function reopened(): { readonly backend: TableBackend; answer(): void } {
    let answer: () => void = () => undefined;
    kernel.mayAnswer = new Promise((resolve) => {
      answer = resolve;
    });
    return { backend: new TableBackend(kernel), answer };
  }

  test('states the rules, those of prefixes too, and takes bans while it reads', async () => {
    await backend.apply([put(NET)]);
    kernel.calls = [];
    const { backend: second, answer } = reopened();
    const stated = jest.spyOn(kernel, 'send');
    const wanted = [BAN, NET, LOST];
    const opening = second.open(plan(['sshd']), wanted);
    wanted.push(OTHER);
    await second.apply([put(OTHER)]);
    expect(kernel.calls).toEqual(['outline', 'rules', 'glance', '']);
    expect(JSON.stringify(stated.mock.calls[0]?.[0])).toContain('@net4.24.sshd');
    answer();
    await opening;
    expect(await inForce(second)).toEqual(
      ['192.0.2.1/32', '192.0.2.9/32', '198.51.100.7/32', '203.0.113.0/24'].map(
        (target) => `sshd ${target} for good`,
      ),
    );
  });

  test('says that it takes bans before it reads', async () => {
    const second = new TableBackend(kernel);
    await second.open(plan(['sshd']), [BAN], undefined, () => kernel.calls.push('taking'));
    expect(kernel.calls.slice(0, 4)).toEqual(['outline', 'rules', 'taking', 'glance']);
  });

  test('does not take over what was lifted while it read', async () => {
    const { backend: second, answer } = reopened();
    const found: Element[] = [];
    const wanted = [BAN];
    const opening = second.open(plan(['sshd']), wanted, (elements) => {
      found.push(...elements);
      return [];
    });
    wanted.pop();
    await second.apply([{ kind: 'remove', jail: BAN.jail, target: BAN.target }]);
    answer();
    await opening;
    // Whoever keeps the ledger knows that it is over.
    expect(found).toEqual([BAN]);
    expect(await inForce(second)).toEqual([]);
  });

  test('reads once more, alone, when a change of its own came between', async () => {
    kernel.glance = async () => undefined as never;
    const second = new TableBackend(kernel);
    await second.open(plan(['sshd']), [BAN, LOST]);
    expect(kernel.calls).toEqual(['outline', 'rules', 'list', 'rules']);
    expect(await inForce(second)).toHaveLength(2);
  });

  test.each([
    [
      'nothing stands',
      async () => {
        await kernel.send(GONE);
      },
    ],
    [
      'a set is of another kind',
      async () => {
        await kernel.send(GONE);
        const other = { family: 'inet', table: 'banjour', name: 'ban4.sshd' } as const;
        await kernel.send([
          { add: { table: { family: 'inet', name: 'banjour' } } },
          { add: { set: { ...other, type: 'ipv6_addr', flags: ['timeout'] } } },
        ]);
      },
    ],
    [
      'the rules are refused',
      async () => {
        kernel.refuses = true;
      },
    ],
  ])('is one transaction with the bans where %s', async (_, spoil) => {
    await spoil();
    kernel.calls = [];
    const second = new TableBackend(kernel);
    await second.open(plan(['sshd']), [BAN], undefined, () => kernel.calls.push('taking'));
    expect(kernel.calls.filter((call) => ['glance', 'taking'].includes(call))).toEqual([]);
    expect(kernel.calls).toContain('list');
    expect(await inForce(second)).toEqual(['sshd 192.0.2.1/32 for good']);
  });
});
