import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { INI_TAG_USES_MAX } from '../../src/core/limits.js';
import { expandIniTags } from '../../src/ini/interpolate.js';
import { Report } from '../../src/ini/report.js';
import { literal, textOf } from '../../src/ini/value.js';

function expand(text: string, tags: Readonly<Record<string, string>>) {
  const report = new Report();
  const value = (one: string) => literal(one, { file: 'f', line: 1, column: 1 });
  const found = expandIniTags(
    'x',
    value(text),
    (name) => (Object.hasOwn(tags, name) ? value(tags[name] ?? '') : undefined),
    report,
  );
  return {
    text: found === undefined ? undefined : textOf(found),
    ids: report.diagnostics.map((one) => one.id),
  };
}

describe('<name>', () => {
  test('is replaced again until nothing changes, innermost first', () => {
    const tags = { mode: 'more', 'mdre-more': '^a <mdre-<mode>-other>', 'mdre-more-other': 'b' };
    expect(expand('<mdre-<mode>>', tags).text).toBe('^a b');
  });

  test('stays when no option has the name: the regex language has tags of its own', () => {
    expect(expand('^<HOST> <F-USER>.*</F-USER> (?P<y>a) <a b>', { USER: 'no' }).text).toBe(
      '^<HOST> <F-USER>.*</F-USER> (?P<y>a) <a b>',
    );
  });

  test.each([{ x: 'a' }, { a: '<b>', b: '<a>' }, { a: '<a>' }])(
    'of options that use one another is an error: %j',
    (tags) => {
      const key = 'x' in tags ? 'x' : 'a';
      expect(expand(`<${key}>`, tags)).toEqual({ text: undefined, ids: ['ini.tag-cycle'] });
    },
  );

  test('may be replaced as often as fail2ban lets it and once more is a cycle', () => {
    const chain = (length: number) => {
      const tags: Record<string, string> = { t: '' };
      for (let i = 1; i <= length; i++) tags[`a${i}`] = i === length ? '' : `<t><a${i + 1}>`;
      return expand('<a1>', tags).ids;
    };
    expect(chain(INI_TAG_USES_MAX)).toEqual([]);
    expect(chain(INI_TAG_USES_MAX + 3)).toEqual(['ini.tag-cycle']);
  });

  test('that doubles again and again stops at the bound', () => {
    const tags: Record<string, string> = { z: 'x'.repeat(100) };
    for (const name of 'abcdef')
      tags[name] = `<${String.fromCharCode(name.charCodeAt(0) + 1)}>`.repeat(10);
    tags['g'] = '<z>';
    expect(expand('<a>', tags).ids).toEqual(['ini.value-size']);
  });

  test('never throws and always ends, whatever the values say', () => {
    const text = fc
      .array(fc.constantFrom('<', '>', '<a>', '<b>', '<c<a>>', 'a', 'b', 'x'), { maxLength: 8 })
      .map((w) => w.join(''));
    fc.assert(
      fc.property(text, text, text, (a, b, start) => {
        const { text: found, ids } = expand(start, { a, b });
        expect(found === undefined).toBe(ids.length > 0);
      }),
      { numRuns: 40 },
    );
  });
});
