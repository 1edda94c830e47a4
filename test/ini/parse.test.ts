import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseIni } from '../../src/ini/parse.js';
import { Report } from '../../src/ini/report.js';
import { linesOf, textOf } from '../../src/ini/value.js';

function parse(text: string) {
  const report = new Report();
  const sections = parseIni(text, '/e/x.conf', report);
  const get = (section: string, key: string) => {
    const option = sections.get(section)?.options.get(key);
    return option === undefined ? undefined : textOf(option.value);
  };
  return { sections, report, get };
}

describe('one configuration file', () => {
  test('takes "=" and ":" with or without blanks, and keys in any case', () => {
    const { get, report } = parse('[A]\nOne=1\nTWO : 2\nthree   =  a = b : c  \n');
    expect([get('A', 'one'), get('A', 'two'), get('A', 'three')]).toEqual(['1', '2', 'a = b : c']);
    expect(report.diagnostics).toEqual([]);
  });

  test('keeps the case of section names', () => {
    const { sections } = parse('[sshd]\na=1\n[SSHD]\na=2\n');
    expect([...sections.keys()]).toEqual(['sshd', 'SSHD']);
  });

  test('joins indented lines, tabs too, and drops blank lines at the end only', () => {
    const { get } = parse('[A]\nx = one\n    two\n\n\tthree  \n\n\ny = 1\n');
    expect(get('A', 'x')).toBe('one\ntwo\n\nthree');
    expect(get('A', 'y')).toBe('1');
  });

  test('begins a value on the line below its key', () => {
    expect(parse('[A]\nfailregex =\n  ^a\n  ^b\n').get('A', 'failregex')).toBe('\n^a\n^b');
  });

  test('skips comment lines within a value', () => {
    expect(
      parse('[A]\nx = one\n  # not me\n  ; nor me\n  two\n# nor me\n  three\n').get('A', 'x'),
    ).toBe('one\ntwo\nthree');
  });

  test('takes " ;" as a comment anywhere, "#" never and ";" not after a character', () => {
    const { get } = parse('[A]\nx = a ; gone\ny = a # stays\nz = a;b\nw = a\\; b\n');
    expect([get('A', 'x'), get('A', 'y'), get('A', 'z'), get('A', 'w')]).toEqual([
      'a',
      'a # stays',
      'a;b',
      'a\\; b',
    ]);
  });

  test('reads lines that end as on Windows', () => {
    expect(parse('[A]\r\nx = 1\r\n  2\r\n').get('A', 'x')).toBe('1\n2');
  });

  test.each([
    ['x = 1\n', 'ini.no-section', 1],
    ['[A]\nnonsense\n', 'ini.syntax', 2],
    ['[A]\n= 1\n', 'ini.syntax', 2],
    ['[A]\nx = 1\ny = 2\nX = 3\n', 'ini.duplicate-option', 4],
    ['[A]\nx = 1\n[B]\n[A]\n', 'ini.duplicate-section', 4],
  ])('says what is wrong with %j and where', (text, id, line) => {
    const [found] = parse(text).report.diagnostics;
    expect(found).toMatchObject({ level: 'error', id, place: { file: '/e/x.conf', line } });
    expect(found?.fix).toBeTruthy();
  });

  test('lets [DEFAULT] stand twice', () => {
    expect(parse('[DEFAULT]\na=1\n[A]\n[DEFAULT]\nb=2\n').report.diagnostics).toEqual([]);
  });

  test('collects all problems instead of stopping at the first', () => {
    expect(parse('a\n[A]\nb\nc\nd = 1\n').report.diagnostics).toHaveLength(3);
  });

  test('knows line and column of every line of a value', () => {
    const { sections } = parse('[A]\n  failregex = ^a\n# x\n      ^b\n');
    const value = sections.get('A')?.options.get('failregex')?.value ?? [];
    expect(linesOf(value)).toEqual([
      { text: '^a', place: { file: '/e/x.conf', line: 2, column: 15 } },
      { text: '^b', place: { file: '/e/x.conf', line: 4, column: 7 } },
    ]);
  });

  test('survives any text', () => {
    const line = fc.oneof(
      fc.constantFrom(
        '[A]',
        '[DEFAULT]',
        '[',
        ']',
        'k = v',
        ' more',
        '\t; c',
        '#',
        '',
        'k:',
        '=',
        '%(',
        '[A]x',
        '\u2028',
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { sections } = parse(lines.join('\n'));
        for (const section of sections.values())
          for (const option of section.options.values())
            for (const piece of option.value) expect(piece.text.slice(0, -1)).not.toContain('\n');
      }),
    );
  });
});
