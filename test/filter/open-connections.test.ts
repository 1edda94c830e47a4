import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { TALLY_SESSIONS_MAX } from '../../src/core/limits.js';
import type { EpochMicros } from '../../src/core/time.js';
import { NONE, OpenConnections } from '../../src/filter/open-connections.js';

const at = (time: number) => time as EpochMicros;
const ROWS = 3;

/** The same, kept in lists. */
class Model {
  rows: { key: string; seen: number; open: { name: string | undefined; time: number }[] }[] = [];

  open(key: string, name: string | undefined, time: number): void {
    const row = this.rows.find((one) => one.key === key) ?? { key, seen: time, open: [] };
    if (!this.rows.includes(row) && this.rows.length >= ROWS) this.rows.shift();
    this.rows = [...this.rows.filter((one) => one !== row), row];
    if (name !== undefined) this.drop(row.open, name);
    if (row.open.length >= TALLY_SESSIONS_MAX) row.open.shift();
    row.open.push({ name, time });
    row.seen = time;
  }

  close(key: string, name: string | undefined, time: number): void {
    const row = this.rows.find((one) => one.key === key);
    if (row === undefined) return;
    this.drop(row.open, name);
    this.rows = this.rows.filter((one) => one !== row);
    row.seen = time;
    if (row.open.length > 0) this.rows.push(row);
  }

  expire(since: number, but: string): void {
    while (this.rows[0] !== undefined && this.rows[0].key !== but && this.rows[0].seen < since)
      this.rows.shift();
  }

  private drop(open: { name: string | undefined }[], name: string | undefined): void {
    const index = open.findIndex((one) => one.name === name);
    if (index >= 0) open.splice(index, 1);
  }
}

test('any order of begins, ends and silences leaves what lists would hold', () => {
  const name = fc.constantFrom(undefined, 'p', 'q', 'r');
  const step = fc.record({
    what: fc.constantFrom('open', 'open', 'close', 'expire'),
    address: fc.constantFrom('192.0.2.1', '192.0.2.2', '2001:db8::1', '198.51.100.7', ''),
    boot: fc.constantFrom('a', 'b'),
    name,
    pause: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [table, model] = [new OpenConnections(ROWS), new Model()];
      let time = 100;
      for (const { what, address, boot, name, pause } of steps) {
        time += pause;
        const key = `${boot} ${address}`;
        if (what === 'open') {
          table.open(address, boot, name, at(time));
          model.open(key, name, time);
        } else if (what === 'close') {
          table.close(table.find(address, boot), name, at(time));
          model.close(key, name, time);
        } else {
          table.expire(time - 4, table.find(address, boot));
          model.expire(time - 4, key);
        }
        expect(table.size).toBe(model.rows.length);
        for (const { key: known, open } of model.rows) {
          const [b = '', a = ''] = known.split(' ');
          const row = table.find(a, b);
          expect(row).not.toBe(NONE);
          for (const each of [undefined, 'p', 'q', 'r'])
            expect(table.heard(row, each)).toBe(open.find((one) => one.name === each)?.time);
        }
      }
    }),
  );
});

describe('many', () => {
  test('addresses are all found while the table grows, and gone after their end', () => {
    const table = new OpenConnections(1_000);
    const address = (i: number) => `192.0.${i >> 8}.${i & 255}`;
    for (let i = 0; i < 1_000; i++) table.open(address(i), 'b', `p${i}`, at(i));
    for (let i = 0; i < 1_000; i++)
      expect(table.heard(table.find(address(i), 'b'), `p${i}`)).toBe(i);
    table.open('2001:db8::1', 'b', undefined, at(2_000));
    expect([table.size, table.find(address(0), 'b')]).toEqual([1_000, NONE]);
    for (let i = 1; i < 1_000; i++) table.close(table.find(address(i), 'b'), `p${i}`, at(3_000));
    expect(table.size).toBe(1);
  });

  test('connections of one address: as many as the bound, the oldest goes for one more', () => {
    const table = new OpenConnections();
    for (let i = 0; i < TALLY_SESSIONS_MAX; i++) table.open('192.0.2.1', 'b', `p${i}`, at(i));
    const row = table.find('192.0.2.1', 'b');
    expect(table.heard(row, 'p0')).toBe(0);
    table.open('192.0.2.1', 'b', 'more', at(100));
    expect([table.heard(row, 'p0'), table.heard(row, 'p1')]).toEqual([undefined, 1]);
  });
});
