import { describe, expect, test } from '@jest/globals';
import { mergePorts } from '../../src/core/specs.js';
import {
  compileOps,
  compileStructure,
  mustRebuild,
  removeTable,
} from '../../src/firewall/compile.js';
import { batchText } from '../../src/firewall/json.js';
import type { KernelTable } from '../../src/firewall/kernel-tables.js';
import { setOf } from '../../src/firewall/names.js';
import { makeSchema, maskText } from '../../src/firewall/schema.js';
import { schemaText } from '../../src/firewall/text.js';
import { plan, prefix, rule } from './support.js';

const AT = { table: 'inet', set: 'ban4.sshd' } as const;
const place = { family: 'inet', table: 'banjour' };

/** A kernel table made of what a schema says, as if it had been sent. */
function standing(schema: ReturnType<typeof makeSchema>): KernelTable {
  const [table] = schema;
  return {
    sets: new Map(
      table?.sets.map((set) => [
        set.name,
        {
          type: set.family === 4 ? 'ipv4_addr' : 'ipv6_addr',
          flags: [set.kind === 'allow' ? 'interval' : 'timeout'],
          size: set.size,
          counter: set.counter,
          expires: false,
          elements: new Map(),
        },
      ]),
    ),
    chains: new Map(
      table?.chains.map(({ name, base }) => [
        name,
        {
          type: base === undefined ? undefined : 'filter',
          hook: base?.hook,
          priority: base?.priority,
          policy: base === undefined ? undefined : 'accept',
        },
      ]),
    ),
    counters: new Map(table?.counters.map((name) => [name, { packets: 1, bytes: 40 }])),
  };
}

describe('the batch of element changes', () => {
  test('a new ban is one add', () => {
    expect(compileOps([{ ...AT, key: '192.0.2.1', kind: 'add', timeout: 600 }])).toEqual([
      {
        add: {
          element: {
            ...place,
            name: 'ban4.sshd',
            elem: [{ elem: { val: '192.0.2.1', timeout: 600 } }],
          },
        },
      },
    ]);
  });

  test('extensions and removals are safe whether the element is there or not, one command per kind and set', () => {
    const commands = compileOps([
      { ...AT, key: '192.0.2.1', kind: 'replace', timeout: 600 },
      { ...AT, key: '192.0.2.2', kind: 'remove' },
      { ...AT, key: '192.0.2.3', kind: 'replace', timeout: null },
      { table: 'bridge', set: 'ban4.sshd', key: '192.0.2.2', kind: 'remove' },
    ]);
    const keys = ['192.0.2.1', '192.0.2.2', '192.0.2.3'];
    const bridge = { family: 'bridge', table: 'banjour', name: 'ban4.sshd', elem: ['192.0.2.2'] };
    expect(commands).toEqual([
      { add: { element: { ...place, name: 'ban4.sshd', elem: keys } } },
      { delete: { element: { ...place, name: 'ban4.sshd', elem: keys } } },
      {
        add: {
          element: {
            ...place,
            name: 'ban4.sshd',
            elem: [{ elem: { val: '192.0.2.1', timeout: 600 } }, '192.0.2.3'],
          },
        },
      },
      { add: { element: bridge } },
      { delete: { element: bridge } },
    ]);
  });

  test('is one line, whatever is in it', () => {
    expect(batchText(compileOps([{ ...AT, key: 'x\ny', kind: 'remove' }]))).not.toContain('\n');
  });

  test('of nothing is nothing', () => {
    expect(compileOps([])).toEqual([]);
  });
});

describe('the batch of the structure', () => {
  const small = plan([rule('sshd', { ports: [{ first: 22, last: 22 }] })], {
    allow: [prefix('10.0.0.0/8')],
  });

  test('makes table, counter, sets, chains and rules in this order', () => {
    const [table] = makeSchema(small, []);
    if (table === undefined) throw new Error('no table');
    const set = (name: string, type: string, flag: string) => ({
      add: { set: { ...place, name, type, flags: [flag] } },
    });
    const saddr = (protocol: string) => ({ payload: { protocol, field: 'saddr' } });
    const equals = (left: unknown, right: unknown) => ({ match: { op: '==', left, right } });
    const port = equals({ payload: { protocol: 'tcp', field: 'dport' } }, 22);
    const entry = (family: string, target: string) => ({
      add: {
        rule: {
          ...place,
          chain: 'input',
          expr: [equals({ meta: { key: 'nfproto' } }, family), { jump: { target } }],
        },
      },
    });
    expect(compileStructure(table)).toEqual([
      { add: { table: { family: 'inet', name: 'banjour' } } },
      { add: { counter: { ...place, name: 'jail.sshd' } } },
      set('allow4', 'ipv4_addr', 'interval'),
      set('allow6', 'ipv6_addr', 'interval'),
      set('ban4.sshd', 'ipv4_addr', 'timeout'),
      set('ban6.sshd', 'ipv6_addr', 'timeout'),
      { add: { chain: { ...place, name: 'bans4' } } },
      { add: { chain: { ...place, name: 'bans6' } } },
      {
        add: {
          chain: {
            ...place,
            name: 'input',
            type: 'filter',
            hook: 'input',
            prio: -10,
            policy: 'accept',
          },
        },
      },
      { flush: { chain: { ...place, name: 'bans4' } } },
      { flush: { chain: { ...place, name: 'bans6' } } },
      { flush: { chain: { ...place, name: 'input' } } },
      {
        add: {
          rule: {
            ...place,
            chain: 'bans4',
            expr: [equals(saddr('ip'), '@allow4'), { return: null }],
          },
        },
      },
      {
        add: {
          rule: {
            ...place,
            chain: 'bans4',
            expr: [
              port,
              equals(saddr('ip'), '@ban4.sshd'),
              { counter: 'jail.sshd' },
              { drop: null },
            ],
          },
        },
      },
      {
        add: {
          rule: {
            ...place,
            chain: 'bans6',
            expr: [equals(saddr('ip6'), '@allow6'), { return: null }],
          },
        },
      },
      {
        add: {
          rule: {
            ...place,
            chain: 'bans6',
            expr: [
              port,
              equals(saddr('ip6'), '@ban6.sshd'),
              { counter: 'jail.sshd' },
              { drop: null },
            ],
          },
        },
      },
      entry('ipv4', 'bans4'),
      entry('ipv6', 'bans6'),
      { flush: { set: { ...place, name: 'allow4' } } },
      {
        add: {
          element: { ...place, name: 'allow4', elem: [{ prefix: { addr: '10.0.0.0', len: 8 } }] },
        },
      },
      { flush: { set: { ...place, name: 'allow6' } } },
    ]);
  });

  test('empties what is no longer wanted before it deletes it', () => {
    const old = makeSchema(plan(['sshd', 'web'], { hook: 'both' }), []);
    const [table] = makeSchema(plan(['sshd']), []);
    if (table === undefined) throw new Error('no table');
    const text = compileStructure(table, standing(old)).map((command) => JSON.stringify(command));
    const at = (part: object) => text.indexOf(JSON.stringify(part));
    const flushed = at({ flush: { chain: { ...place, name: 'forward' } } });
    expect(flushed).toBeGreaterThan(0);
    expect(at({ delete: { chain: { ...place, name: 'forward' } } })).toBeGreaterThan(flushed);
    expect(at({ delete: { set: { ...place, name: 'ban4.web' } } })).toBeGreaterThan(flushed);
    expect(at({ delete: { counter: { ...place, name: 'jail.web' } } })).toBeGreaterThan(flushed);
    expect(text.some((line) => line.includes('"delete":{"table"'))).toBe(false);
  });

  test('removes and makes the table in one transaction only when add cannot mend it', () => {
    const schema = makeSchema(small, []);
    const [table] = schema;
    if (table === undefined) throw new Error('no table');
    const same = standing(schema);
    expect(mustRebuild(table, same)).toBe(false);
    const change = <K, V>(map: Map<K, V>, key: K, value: Partial<V>) => {
      const old = map.get(key);
      if (old === undefined) throw new Error('nothing to change');
      return new Map(map).set(key, { ...old, ...value });
    };
    expect(
      mustRebuild(table, { ...same, sets: change(same.sets, 'ban4.sshd', { type: 'ipv6_addr' }) }),
    ).toBe(true);
    expect(
      mustRebuild(table, {
        ...same,
        sets: change(same.sets, 'ban4.sshd', { flags: ['interval', 'timeout'] }),
      }),
    ).toBe(true);
    expect(
      mustRebuild(table, { ...same, sets: change(same.sets, 'ban4.sshd', { counter: true }) }),
    ).toBe(true);
    for (const other of [{ size: 7 }, { expires: true }, { type: 'map' }, { flags: [] }])
      expect(mustRebuild(table, { ...same, sets: change(same.sets, 'ban4.sshd', other) })).toBe(
        true,
      );
    expect(
      mustRebuild(table, { ...same, chains: change(same.chains, 'input', { priority: 0 }) }),
    ).toBe(true);
    for (const other of [{ policy: 'drop' }, { type: 'nat' }])
      expect(mustRebuild(table, { ...same, chains: change(same.chains, 'input', other) })).toBe(
        true,
      );
    expect(compileStructure(table, same, true).slice(0, 3)).toEqual([
      ...removeTable('inet'),
      { add: { table: { family: 'inet', name: 'banjour' } } },
    ]);
  });
});

describe('the ruleset as text', () => {
  test('says ports, protocols, prefixes and verdicts as nft does', () => {
    const jail = rule('mail', {
      ports: [
        { first: 25, last: 25 },
        { first: 465, last: 587 },
      ],
      protocols: ['tcp', 'udp'],
      verdict: 'reject',
    });
    const text = schemaText(
      makeSchema(
        plan([jail], { hook: 'prerouting', bridge: true, countersPerElement: true }),
        [setOf(jail.jail, prefix('2001:db8::/56'))],
        { setSize: 9 },
      ),
    );
    expect(text).toContain(
      'meta l4proto { tcp, udp } th dport { 25, 465-587 } ip6 saddr & ffff:ffff:ffff:ff00:: == @net6.56.mail counter name "jail.mail" goto rejects',
    );
    expect(text).toContain('type filter hook prerouting priority -310; policy accept;');
    expect(text).toContain('\t\tsize 9\n\t\tflags timeout\n\t\tcounter\n');
    const bridge = text.slice(text.indexOf('table bridge'));
    expect(bridge).toContain('meta protocol ip6 jump bans6');
    expect(bridge).toContain('counter name "jail.mail" drop');
    expect(bridge).not.toContain('reject');
  });
});

describe('parts of the schema', () => {
  test('masks', () => {
    expect([maskText(4, 1), maskText(4, 24), maskText(4, 31)]).toEqual([
      '128.0.0.0',
      '255.255.255.0',
      '255.255.255.254',
    ]);
    expect([maskText(6, 1), maskText(6, 64), maskText(6, 127)]).toEqual([
      '8000::',
      'ffff:ffff:ffff:ffff::',
      'ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe',
    ]);
  });

  test('ports that overlap or touch are one range', () => {
    expect(
      mergePorts([
        { first: 143, last: 143 },
        { first: 20, last: 25 },
        { first: 24, last: 30 },
        { first: 144, last: 150 },
        { first: 22, last: 23 },
      ]),
    ).toEqual([
      { first: 20, last: 30 },
      { first: 143, last: 150 },
    ]);
  });
});
