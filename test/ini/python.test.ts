import { spawnSync } from 'node:child_process';
import { describe, expect } from '@jest/globals';
import fc from 'fast-check';
import { hasCommand, needs } from '../support/require.js';
import { loadText } from './support.js';

/**
 * Python's ConfigParser as fail2ban sets it up: sections, or null when it refuses text or value.
 */
const SCRIPT = `
import configparser, json, sys
out = []
for text in json.load(sys.stdin):
    parser = configparser.ConfigParser(inline_comment_prefixes=';')
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        out.append(None)
        continue
    values = {}
    for section in parser.sections():
        for key in parser._sections[section]:
            try:
                values[section + '/' + key] = parser.get(section, key)
            except (configparser.Error, ValueError):
                values[section + '/' + key] = None
    out.append(values)
json.dump(out, sys.stdout)
`;

const LINE = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('[a]', '[b]', '[A]', '[DEFAULT]', '[a] x', ' [b]', '[', '[]', ']'),
  },
  {
    weight: 8,
    arbitrary: fc
      .tuple(
        fc.constantFrom('', '', ' ', '\t'),
        fc.constantFrom('k', 'l', 'm', 'N', 'two words', ''),
        fc.constantFrom('=', ' = ', ':', ' : ', ' =', ' '),
        fc.constantFrom(
          '',
          'v',
          '%(k)s',
          '%(l)s%(M)s',
          '%%',
          '%',
          'a;b',
          'a ;b',
          'a # b',
          'x=y',
          '%(k',
          '%(none)s',
          '  pad  ',
        ),
      )
      .map((parts) => parts.join('')),
  },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '  more',
      '\tmore %(l)s',
      '    deep = er',
      '# comment',
      '  ; comment',
      '',
      '   ',
      ' [a]',
    ),
  },
);

describe("this reader and Python's own", () => {
  needs(hasCommand('python3'), 'python3 is not installed')(
    'agree on 8,000 texts, right ones and wrong ones',
    () => {
      const texts = fc
        .sample(fc.array(LINE, { maxLength: 9 }), { numRuns: 8_000, seed: 20_261_121 })
        .map((lines) =>
          // Most of them begin with a section, or every second one would be refused for that alone.
          [...(lines.length % 5 === 0 ? [] : ['[a]']), ...lines, ''].join('\n'),
        );
      const run = spawnSync('python3', ['-c', SCRIPT], {
        input: JSON.stringify(texts),
        encoding: 'utf8',
        maxBuffer: 1 << 26,
      });
      expect(run.stderr).toBe('');
      const theirs: (Record<string, string | null> | null)[] = JSON.parse(run.stdout);
      let accepted = 0;
      let values = 0;
      for (const [i, text] of texts.entries()) {
        const expected = theirs[i];
        const it = loadText(text);
        if (expected === null || expected === undefined) {
          expect({ text, refused: it.report.failed }).toEqual({ text, refused: true });
          continue;
        }
        accepted++;
        expect({ text, ids: it.ids }).toEqual({ text, ids: [] });
        const ours: Record<string, string | null> = {};
        for (const [name, section] of it.document.sections)
          for (const key of section.options.keys())
            ours[`${name}/${key}`] = it.get(name, key) ?? null;
        values += Object.keys(ours).length;
        expect({ text, values: ours }).toEqual({ text, values: expected });
      }
      expect(accepted).toBeGreaterThan(1_000);
      expect(values).toBeGreaterThan(1_500);
    },
  );
});
