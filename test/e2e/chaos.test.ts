/** The short form of `npm run chaos`: some of its faults by a fixed seed. */
import { describe, expect, test } from '@jest/globals';
import { elementOf, Recount } from './chaos/recount.js';
import { chaos } from './chaos/run.js';

describe('the recount', () => {
  test.each([
    ['203.0.113.5', 'ban4', '203.0.113.5'],
    ['2001:db8:bad:5::1', 'net6.64', '2001:db8:bad:5::'],
    ['2001:db8::7', 'net6.64', '2001:db8::'],
    ['2001:0db8:0:1:2:3:4:5', 'net6.64', '2001:db8:0:1::'],
  ])('looks for %s in %s as %s', (address, set, element) => {
    expect(elementOf(address)).toEqual({ set, element });
  });

  test('names what only one side has', () => {
    const recount = new Recount();
    recount.banned.set('ban4.sshd', new Set(['203.0.113.5', '203.0.113.6']));
    const kernel = new Map([['ban4.sshd', ['203.0.113.6', '203.0.113.7']]]);
    expect(recount.compare(kernel)).toEqual({
      missing: ['ban4.sshd 203.0.113.5'],
      extra: ['ban4.sshd 203.0.113.7'],
    });
  });
});

describe('chaos on trixie', () => {
  test('loses no decision and lets no packet of a banned host in', async () => {
    const say = (line: string) => process.stdout.write(`  ${line}\n`);
    const report = await chaos({ seed: 7, lastsMs: 90_000, hosts: 150, senders: 4, say });
    expect(report).toMatchObject({ mismatches: [], leaks: [] });
    expect(report.steps).toBeGreaterThan(0);
    expect(report.senders).toBe(4);
  });
});
