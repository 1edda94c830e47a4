import { describe, expect, test } from '@jest/globals';
import { type TimeLineFacts, timeLine } from '../../src/tools/time-line.js';

const T0 = Date.parse('2026-11-21T18:00:00.000Z');
const at = (second: number) => new Date(T0 + second * 1000).toISOString();
const entries = (...seconds: number[]) => seconds.map((second) => ({ time: at(second), count: 1 }));
const facts = (more: Partial<TimeLineFacts>): TimeLineFacts => ({
  entries: entries(0, 300, 590, 600),
  findtimeSeconds: 600,
  needed: 4,
  isWeighing: false,
  ...more,
});
const ban = { time: at(600), until: at(4200) };
const clockless = (line = '') => line.replace(/\d{4}-\d\d-\d\d [\d:]{8}/g, 'TIME');

describe('a time line', () => {
  test('has a mark per entry where its time is, the window and the decision', () => {
    const [head, marks = '', window = '', axis] = timeLine(facts({ ban }), 100);
    expect(head).toBe(
      '  Time line (● an attempt, 2 to 9 and + so many at once; bans at 4 within 10m):',
    );
    expect(marks).toBe(`  ●${'·'.repeat(37)}●${'·'.repeat(35)}●●■━━━━▶`);
    expect(window).toMatch(/^ {2}├─+ 10m ─+┤$/);
    expect(window).toHaveLength(marks.indexOf('■'));
    expect(clockless(axis?.trim())).toMatch(/^TIME +banned TIME, until TIME$/);
  });

  test('counts attempts that fall together, and entries that tell of several', () => {
    const many = [...entries(0, 600, 600, 600), { time: at(300), count: 12 }];
    const [, marks = ''] = timeLine(facts({ entries: many }), 100);
    expect(marks.replaceAll('·', '')).toBe('  ●+3');
  });

  test('tells how the ban ends, or that there is none', () => {
    const tail = (more: Partial<TimeLineFacts>) => {
      const [, marks = '', , axis = ''] = timeLine(facts(more), 100);
      return [marks.slice(marks.indexOf('■')), clockless(axis.slice(22).trim())];
    };
    expect(tail({ ban: { ...ban, until: null } })).toEqual(['■━━━━∞', 'banned TIME, for good']);
    expect(tail({ ban: { ...ban, ended: at(700) } })).toEqual(['■━━━━┤', 'banned TIME, over TIME']);
    expect(tail({})[1]).toBe('TIME');
  });

  test('of a jail that weighs has no window', () => {
    const lines = timeLine(facts({ isWeighing: true, findtimeSeconds: 604_800, ban }), 100);
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('bans at 4 points; half of them are gone after 7d');
    expect(lines[1]).toMatch(/^ {2}●·+●·+●●■/);
  });

  test('of a jail that weighs shows points where all of them are known', () => {
    const weighed = [
      { time: at(0), count: 1, points: 2 },
      { time: at(300), count: 1, points: 1 },
      { time: at(600), count: 4, points: 9.6 },
    ];
    const line = (some: TimeLineFacts['entries'], isWeighing: boolean) => {
      const [head = '', marks = ''] = timeLine(facts({ entries: some, isWeighing }), 100);
      return [head.slice(13, 24), marks.replaceAll('·', '').trim()];
    };
    expect(line(weighed, true)).toEqual(['● a point, ', '2●+']);
    expect(line(weighed, false)).toEqual(['● an attemp', '●●4']);
    expect(line([...weighed, { time: at(590), count: 1 }], true)[0]).toBe('● an attemp');
  });

  test('fits into every width, and is left out where nothing can be seen', () => {
    for (const width of [29, 40, 80, 100, 1000, Number.POSITIVE_INFINITY])
      for (const line of timeLine(facts({ ban }), width).slice(1, 3))
        expect(line.length).toBeLessThanOrEqual(Math.min(width, 90));
    expect(timeLine(facts({ ban }), 28)).toEqual([]);
    expect(timeLine(facts({ ban, entries: [] }), 100)).toEqual([]);
    expect(timeLine(facts({ ban, entries: [{ time: '', count: 1 }] }), 100)).toEqual([]);
  });

  test('of one moment, or of entries behind their ban, is drawn', () => {
    for (const list of [entries(5), entries(5, 5), entries(700, 9)])
      for (const findtimeSeconds of [0, 1, 600])
        expect(timeLine(facts({ entries: list, ban, findtimeSeconds }), 80).join('')).not.toMatch(
          /NaN|undefined/,
        );
  });
});
