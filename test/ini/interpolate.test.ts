import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { INI_DEPTH_MAX, INI_VALUE_CHARS_MAX } from '../../src/core/limits.js';
import { interpolate } from '../../src/ini/interpolate.js';
import { linesOf, literal } from '../../src/ini/value.js';
import { Loaded, loadText } from './support.js';

describe('%(name)s', () => {
  test('is the option of the section, else of [DEFAULT]', () => {
    const it = loadText('[DEFAULT]\na=default\nb=default\n[S]\na=own\nx=%(a)s %(B)s\n');
    expect(it.get('S', 'x')).toBe('own default');
  });

  test('within [DEFAULT] sees the section that uses it', () => {
    const it = loadText(
      '[DEFAULT]\naction=ban %(port)s of %(__name__)s\nport=all\n[smtp]\nport=25\n[x]\n',
    );
    expect([it.get('smtp', 'action'), it.get('x', 'action')]).toEqual([
      'ban 25 of smtp',
      'ban all of x',
    ]);
  });

  test('of another section is %(section/name)s, else of [DEFAULT]; its own names are still seen from here', () => {
    const it = loadText(
      '[DEFAULT]\nd=D\nown=default\n[lt_short]\np=<%(own)s>\n[S]\nown=mine\nx=%(lt_short/p)s %(lt_short/d)s %(default/own)s\n',
    );
    expect(it.get('S', 'x')).toBe('<mine> D default');
  });

  test('with "known/" is what an earlier file said, over several files and in [DEFAULT] too', () => {
    const it = new Loaded(
      {
        '/e/x.conf': '[DEFAULT]\nignoreip=1\n[S]\na=one\n',
        '/e/x.d/1.conf': '[S]\na=%(known/a)s two\n',
        '/e/x.local':
          '[DEFAULT]\nignoreip=%(known/ignoreip)s 2\n[S]\na=%(known/a)s three\nport=%(known/ignoreip)s\n',
      },
      'x',
    );
    expect(it.get('S', 'a')).toBe('one two three');
    expect(it.get('S', 'ignoreip')).toBe('1 2');
    expect(it.get('S', 'port')).toBe('1 2');
    expect(it.ids).toEqual([]);
  });

  test('with "known/" falls back to [DEFAULT], as sendmail-auth extends the common prefix', () => {
    const it = loadText('[DEFAULT]\np=common\n[S]\np=%(known/p)s and more\n');
    expect(it.get('S', 'p')).toBe('common and more');
  });

  test('takes what the caller gives first, as it is', () => {
    const it = loadText('[S]\na=own\nx=%(a)s\n');
    const vars = new Map([['a', literal('100% %(b)s', { file: 'jail', line: 1 })]]);
    const value = interpolate(it.document, 'S', 'x', it.report, vars) ?? [];
    expect(linesOf(value).map((line) => line.text)).toEqual(['100% %(b)s']);
  });

  test('stands beside %% for a percent sign', () => {
    expect(loadText('[S]\nd=%%Y-%%m\nx=%(d)s %%(d)s\n').get('S', 'x')).toBe('%Y-%m %(d)s');
  });

  test.each([
    ['[S]\nx = 100% sure\n', 'ini.percent', { line: 2, column: 8 }],
    ['[S]\nx = a\n  %(y)\n', 'ini.percent', { line: 3, column: 3 }],
    ['[S]\nx = a %(y)s\n', 'ini.unknown-name', { line: 2, column: 7 }],
    ['[S]\nx = %(y)s\ny = %(x)s\n', 'ini.cycle', { line: 2 }],
    ['[S]\nx = %(x)s\n', 'ini.cycle', { line: 2 }],
  ])('in %j is an error with its place', (text, id, place) => {
    const it = loadText(text);
    expect(it.get('S', 'x')).toBeUndefined();
    expect(it.first).toMatchObject({
      id,
      level: 'error',
      place: { file: '/e/x.conf', ...place },
      section: 'S',
    });
    expect(it.first?.fix).toBeTruthy();
  });

  test('names the circle', () => {
    const it = loadText('[S]\na=%(b)s\nb=%(c)s\nc=%(b)s\n');
    it.get('S', 'a');
    expect(it.first?.message).toContain('b -> c -> b');
  });

  test.each([
    [INI_DEPTH_MAX, []],
    [INI_DEPTH_MAX + 1, ['ini.depth']],
  ])('may go %i options deep', (depth, ids) => {
    const lines = Array.from(
      { length: depth },
      (_, i) => `a${i + 1} = ${i + 1 < depth ? `%(a${i + 2})s` : 'end'}`,
    );
    const it = loadText(`[S]\n${lines.join('\n')}\n`);
    it.get('S', 'a1');
    expect(it.ids).toEqual(ids);
  });

  test('that doubles again and again stops at the bound instead of filling the memory', () => {
    const ten = (name: string) => `%(${name})s`.repeat(10);
    const it = loadText(
      `[S]\na=${ten('b')}\nb=${ten('c')}\nc=${ten('d')}\nd=${ten('e')}\ne=${'x'.repeat(200)}\n`,
    );
    expect(it.get('S', 'a')).toBeUndefined();
    expect(it.ids).toEqual(['ini.value-size']);
    expect(it.get('S', 'b')?.length).toBe(200_000);
    expect(200_000).toBeLessThan(INI_VALUE_CHARS_MAX);
  });

  test.each([
    [INI_VALUE_CHARS_MAX, []],
    [INI_VALUE_CHARS_MAX + 1, ['ini.value-size']],
  ])('may give a value of %i characters', (length, ids) => {
    const it = loadText(`[S]\na=${'x'.repeat(length)}\n`);
    it.get('S', 'a');
    expect(it.ids).toEqual(ids);
  });

  test('leaves each line of the result with the place of the line that is least indirect', () => {
    const it = loadText('[S]\np=prefix\nn=^a\n  ^b\nx=%(p)s one\n  %(n)s\n');
    const value = interpolate(it.document, 'S', 'x', it.report) ?? [];
    expect(linesOf(value).map(({ text, place }) => [text, place.line])).toEqual([
      ['prefix one', 5],
      ['^a', 3],
      ['^b', 4],
    ]);
  });

  test('never throws and always ends, whatever the values say', () => {
    const word = fc.constantFrom(
      '%',
      '%%',
      '%(a)s',
      '%(b)s',
      '%(S/c)s',
      '%(known/a)s',
      '%(default/b)s',
      'x',
      '(',
      ')s',
    );
    const text = fc.array(word, { maxLength: 8 }).map((words) => words.join(''));
    fc.assert(
      fc.property(text, text, text, text, (a, b, c, d) => {
        const it = new Loaded(
          {
            '/e/x.conf': `[DEFAULT]\nb=${d}\n[S]\na=${a}\nb=${b}\n`,
            '/e/x.local': `[S]\na=${c}\nc=${d}\n`,
          },
          'x',
        );
        for (const key of ['a', 'b', 'c'])
          if (it.get('S', key) === undefined) expect(it.ids.length).toBeGreaterThan(0);
      }),
    );
  });
});
