/** What the page says without a browser: words, lists, sliders; and what its source must not have. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { counted } from '../../../src/core/text.js';
import type { LiveTick, WhatIfSetting } from '../../../src/web/api.js';
import {
  ago,
  asSentence,
  endsIn,
  lengthOf,
  shortTime,
  size,
} from '../../../src/web/page/format.js';
import { afterTick, alarmsOf, NOTHING_YET } from '../../../src/web/page/live.js';
import { PAGE_ROWS, RowPages } from '../../../src/web/page/pages.js';
import { linkTo, routeOf } from '../../../src/web/page/session.js';
import { nearestSetting, stepsOf } from '../../../src/web/page/sliders.js';
import { until } from '../../support/until.js';

const SOURCE = 'src/web/page';
const BUILT = 'dist/page';

describe('the source of the page', () => {
  const files = readdirSync(SOURCE).filter((name) => /\.(?:tsx?|html)$/.test(name));
  /** Ways by which a text becomes markup, script or a place to go. */
  const WAYS =
    /innerHTML|outerHTML|dangerouslySetInnerHTML|insertAdjacentHTML|document\.write|createContextualFragment|setHTML|srcdoc|\beval\b|new Function|javascript:|\bon[a-z]+=|text\/html/;

  test.each(files)('%s has no way by which a text becomes markup', (name) => {
    const lines = readFileSync(join(SOURCE, name), 'utf8').split('\n');
    expect(lines.filter((line) => WAYS.test(line))).toEqual([]);
  });

  test.each(files)('%s shows nothing as empty that is not known yet', (name) => {
    expect(readFileSync(join(SOURCE, name), 'utf8')).not.toMatch(/\.data \?\? \[\]/);
  });

  test('takes markup apart in one place only, whose elements are counted', () => {
    const parsing = files.filter((name) =>
      readFileSync(join(SOURCE, name), 'utf8').includes('DOMParser'),
    );
    expect(parsing).toEqual(['picture.tsx']);
    const allowed = /const ELEMENTS = new Set\(\[([^\]]+)\]/.exec(
      readFileSync(join(SOURCE, 'picture.tsx'), 'utf8'),
    )?.[1];
    expect(allowed?.match(/\w+/g)?.sort()).toEqual(
      ['circle', 'desc', 'path', 'polyline', 'rect', 'svg', 'text', 'title'].sort(),
    );
  });
});

describe('the built page', () => {
  test('is there, with the licences of what is in it', () => {
    for (const name of ['index.html', 'app.js', 'app.css', 'icon.svg'])
      expect([name, existsSync(join(BUILT, name))]).toEqual([name, true]);
    expect(readFileSync(join(BUILT, 'LICENCES.txt'), 'utf8')).toMatch(/^preact .*[\s\S]*MIT/);
    expect(JSON.parse(readFileSync(join(BUILT, 'modules.json'), 'utf8'))).toEqual([
      'node_modules/preact',
    ]);
  });

  test('is as dark by choice as by the system', () => {
    const css = readFileSync(join(SOURCE, 'app.css'), 'utf8');
    const colours = (selector: string) =>
      css.split(`${selector} {\n`)[1]?.split('}')[0]?.match(/\S.*;/g) ?? [];
    const chosen = colours(':root[data-theme="dark"]');
    expect(chosen.length).toBeGreaterThan(20);
    expect(colours(':root:not([data-theme="light"])')).toEqual(chosen);
  });

  test('loads nothing from elsewhere, and nothing within its markup', () => {
    const html = readFileSync(join(BUILT, 'index.html'), 'utf8');
    expect(html).not.toMatch(/https?:|<style|\sstyle=|<script(?! src="\/app\.js" defer>)/);
    expect(readFileSync(join(BUILT, 'app.css'), 'utf8')).not.toMatch(/https?:|url\(|@import/);
  });
});

describe('words', () => {
  test.each([
    [0, '0 s'],
    [59, '59 s'],
    [60, '1 min'],
    [3_905, '1 h 5 min'],
    [86_400 * 3, '3 d'],
    [Number.NaN, '-'],
  ])('%d seconds are %s', (seconds, words) => expect(lengthOf(seconds)).toBe(words));

  test('of times', () => {
    const now = Date.UTC(2026, 5, 1, 12);
    const iso = (ms: number) => new Date(now + ms).toISOString();
    expect(ago(iso(-1_000), now)).toBe('just now');
    expect(ago(iso(-130_000), now)).toBe('2 min ago');
    expect(ago('nonsense', now)).toBe('never');
    expect(endsIn(null, now)).toBe('for good');
    expect(endsIn(iso(61_000), now)).toBe('in 1 min 1 s');
    expect(endsIn(iso(-1), now)).toBe('over');
    expect(shortTime('nonsense', now)).toBe('-');
    expect(shortTime(iso(-86_400_000 * 400), now)).toMatch(/^27 Apr 2025$/);
  });

  test('of a remark of the agent are a sentence, with the times of the reader', () => {
    const told = (time: string) => `ounted since ${time}: what came before is missing`;
    for (const time of ['2026-11-30T08:00:00.000Z', '2025-11-30T08:00:00Z'])
      expect(asSentence(`c${told(time)}`)).toBe(`C${told(shortTime(time))}.`);
    expect(asSentence('It is whole.')).toBe('It is whole.');
  });

  test('of numbers', () => {
    expect([counted(1, 'ban'), counted(2_000, 'ban')]).toEqual(['1 ban', '2,000 bans']);
    expect([size(999), size(72_240), size(0)]).toEqual(['999 B', '72.2 kB', '0 B']);
  });
});

describe('a link', () => {
  test.each(['javascript:alert(1)', '//evil.example', '"><script>', '../..', '#', '%00'])(
    'to %s leads into the page and comes back whole',
    (text) => {
      const link = linkTo('explain', { address: text });
      expect(link).toMatch(/^#\/explain\?address=[\w%.*+-]*$/);
      expect(routeOf(link)).toMatchObject({ view: 'explain' });
      expect(routeOf(link).params.get('address')).toBe(text);
    },
  );
});

describe('the live state', () => {
  const tick = (minute: number, attempts: number) =>
    ({
      time: '2026-01-01T00:00:00Z',
      isAgentAnswering: true,
      isFollowing: true,
      minute: { time: `2026-01-01T00:${minute}:00Z`, jails: { sshd: { attempts, bans: 0 } } },
      bans: [],
      bansMade: 1,
      bansEnded: 2,
      alarms: [],
    }) as unknown as LiveTick;

  test('takes the newest word on a minute, and keeps an hour', () => {
    let live = afterTick(afterTick(NOTHING_YET, tick(10, 1)), tick(10, 5));
    expect(live.minutes.map(({ jails }) => jails['sshd']?.attempts)).toEqual([5]);
    for (let minute = 11; minute < 80; minute++) live = afterTick(live, tick(minute, 1));
    expect(live.minutes).toHaveLength(60);
    expect(live.changes).toBe(3 * 71);
  });
});

describe('the sliders', () => {
  const setting = (maxretry: number, findtime: number, more: Partial<WhatIfSetting> = {}) =>
    ({ maxretry, findtime, weighing: {}, login: 'on', lines: 'x', ...more }) as WhatIfSetting;
  const tried = [
    setting(5, 600, { lines: '' }),
    setting(3, 600),
    setting(3, 3600),
    setting(5, 3600, { weighing: { credit: '7d' } }),
    setting(5, 3600),
    setting(5, 600, { weighing: { maxretry: '8' } }),
  ];

  test('have the values that were tried', () => {
    expect(stepsOf(tried)).toEqual({
      maxretry: [3, 5],
      findtime: [600, 3600],
      slow: [null, '8'],
    });
  });

  test('mean the setting that was tried and is nearest, and keep what was moved', () => {
    expect(nearestSetting(tried, { maxretry: 3, findtime: 600, slow: null }, 'maxretry')).toBe(1);
    expect(nearestSetting(tried, { maxretry: 5, findtime: 3600, slow: null }, 'findtime')).toBe(4);
    expect(nearestSetting(tried, { maxretry: 3, findtime: 3600, slow: '8' }, 'slow')).toBe(5);
  });
});

describe('the rows of a long list', () => {
  afterEach(() => {
    jest.useRealTimers();
  });

  test('come by the page; those far from the reader fall away', async () => {
    const asked: number[] = [];
    const drawn: number[] = [];
    const pages = new RowPages<number>(
      async (offset) => {
        asked.push(offset);
        return Array.from({ length: PAGE_ROWS }, (_, i) => offset + i);
      },
      () => drawn.push(asked.length),
    );
    pages.want(-3, PAGE_ROWS);
    expect(pages.at(PAGE_ROWS)).toBeUndefined();
    await until('both pages', () => drawn.length === 2);
    expect([asked, pages.at(0), pages.at(PAGE_ROWS)]).toEqual([[0, PAGE_ROWS], 0, PAGE_ROWS]);
    pages.want(100 * PAGE_ROWS, 112 * PAGE_ROWS - 1);
    expect(pages.at(0)).toBeUndefined();
  });

  test('are not asked for again and again while nobody answers', async () => {
    jest.useFakeTimers();
    let asked = 0;
    const pages = new RowPages(
      async () => {
        asked++;
        throw new Error('nobody');
      },
      () => pages.want(0, 1),
    );
    pages.want(0, 1);
    await jest.advanceTimersByTimeAsync(2_999);
    expect(asked).toBe(1);
    await jest.advanceTimersByTimeAsync(3_000);
    expect(asked).toBe(2);
    pages.close();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(2);
  });
});

test('an alarm that was told of live and in an answer is shown once, the newest first', () => {
  const alarm = (second: number, user = 'anna') => ({
    ...{ time: `2026-11-29T10:00:0${second}.000Z`, kind: 'takeover' as const, jail: 'login' },
    ...{ user, address: '192.0.2.1', count: 6 },
  });
  const shown = alarmsOf([alarm(2)], [alarm(1), alarm(2), alarm(2, 'berta')], 2);
  expect(shown.map(({ time, user }) => [time.slice(17, 19), user])).toEqual([
    ['02', 'anna'],
    ['02', 'berta'],
  ]);
  expect(alarmsOf([], [alarm(1), alarm(3)], 9).map(({ time }) => time.slice(17, 19))).toEqual([
    '03',
    '01',
  ]);
});
