import { describe, expect } from '@jest/globals';
import { compileRegex, type Regex } from '../../../src/filter/regex/regex.js';
import { fail2banPackage } from '../../support/fail2ban.js';
import { vmGuard } from '../../support/guard.js';
import { needs } from '../../support/require.js';
import { generate, type Wanted } from './generate.js';
import { askPython, type Found, hasPython } from './python.js';
import { stockRegexes } from './stock.js';

const withPython = needs(hasPython(), 'python3 3.11 or newer is not installed');

interface Match {
  readonly index: number;
  readonly end: number;
  readonly groups: Readonly<Record<string, string | undefined>>;
}

function ours(match: Match | null): unknown {
  if (match === null) return null;
  const groups = Object.entries(match.groups).filter(([, value]) => value !== undefined);
  return [match.index, match.end, groups.sort()];
}

/** Python counts characters, JavaScript those beyond U+FFFF as two. */
function theirs(found: Found | null, text: string): unknown {
  if (found === null) return null;
  const place = (characters: number) => [...text].slice(0, characters).join('').length;
  return ours({ index: place(found.start), end: place(found.end), groups: found.groups });
}

function compile(source: string, multiline: boolean): { v8: Regex; linear: Regex } {
  const options = { usedns: 'raw', multiline, finalNewline: false } as const;
  const v8 = compileRegex(source, options).regex;
  const linear = compileRegex(source, options).regex;
  if (v8 === undefined || linear === undefined) throw new Error(`does not compile: ${source}`);
  linear.demote();
  return { v8, linear };
}

/** What differs between our matches and Python's; a call of `expect` for each pair takes minutes. */
class Differences {
  readonly found: object[] = [];

  /** Notes where the matcher says something else than Python. */
  compare(where: object, matcher: string, match: Match | null, expected: unknown): void {
    const said = ours(match);
    if (JSON.stringify(said) !== JSON.stringify(expected))
      this.found.push({ ...where, matcher, said, expected });
  }
}

/** Compares on generated pairs; gives their number and that of the matches. */
function compareGenerated(
  firstSeed: number,
  count: number,
  wanted: Wanted,
): { pairs: number; matches: number } {
  const generated = Array.from({ length: count }, (_, i) => generate(firstSeed + i, wanted)).filter(
    ({ pattern }) => pattern.trim() !== '',
  );
  const answers = askPython(generated);
  const differences = new Differences();
  let pairs = 0;
  let matches = 0;
  generated.forEach(({ pattern, multiline, texts }, i) => {
    const answer = answers[i];
    if (answer === undefined || 'error' in answer)
      throw new Error(`Python refuses ${pattern}: ${answer?.error}`);
    const { v8, linear } = compile(pattern, multiline);
    texts.forEach((text, j) => {
      const found = answer.found[j];
      if (found === 'slow' || found === undefined) return;
      const slow = linear.exec(text);
      if (linear.gaveUp > 0) return;
      pairs++;
      if (found !== null) matches++;
      const expected = theirs(found, text);
      differences.compare({ pattern, text }, 'linear', slow, expected);
      // Random regexes may hold V8 up as anyone's could: then the other executor serves.
      let fast: Match | null | undefined;
      vmGuard(() => {
        fast = v8.exec(text);
      }, 50);
      if (fast !== undefined) differences.compare({ pattern, text }, 'V8', fast, expected);
    });
  });
  expect(differences.found).toEqual([]);
  return { pairs, matches };
}

describe("the same matches and groups as Python's re.search", () => {
  const found = fail2banPackage('1.1.0-8');
  const root = 'root' in found ? found.root : '';
  const reason = 'reason' in found ? found.reason : 'python3 is not installed';
  needs(root !== '' && hasPython(), reason)(
    'every regex of the Debian package, on the sample lines of its filter, in both executors',
    () => {
      const stock = stockRegexes(root);
      const answers = askPython(
        stock.map(({ expanded, multiline, texts }) => ({ pattern: expanded, multiline, texts })),
      );
      const differences = new Differences();
      const unheld: object[] = [];
      let pairs = 0;
      let matches = 0;
      stock.forEach(({ filter, source, multiline, texts }, i) => {
        const answer = answers[i];
        if (answer === undefined || 'error' in answer)
          throw new Error(`${filter}: ${answer?.error}`);
        const { v8, linear } = compile(source, multiline);
        texts.forEach((text, j) => {
          const found = answer.found[j];
          if (found === 'slow' || found === undefined) return;
          pairs++;
          if (found !== null) matches++;
          const where = { filter, source, text };
          const expected = theirs(found, text);
          differences.compare(where, 'linear', linear.exec(text), expected);
          differences.compare(where, 'V8', v8.exec(text), expected);
          if (found !== null && v8.literals?.some((literal) => text.includes(literal)) === false)
            unheld.push(where);
        });
      });
      expect(differences.found).toEqual([]);
      expect(unheld).toEqual([]);
      console.log(`${stock.length} regexes, ${pairs} pairs, ${matches} matches`);
      expect(stock.length).toBeGreaterThan(250);
      expect(matches).toBeGreaterThan(1000);
    },
    120_000,
  );

  const kinds: readonly (readonly [string, number, Wanted])[] = [
    [
      'groups, classes, loops, anchors, looks and scoped flags',
      1,
      { references: false, wild: false },
    ],
    [
      'back-references and conditionals, also to groups that took no part',
      10_001,
      { references: true, wild: false },
    ],
    [
      'captures within loops and loops whose round may be empty',
      20_001,
      { references: true, wild: true },
    ],
    ['possessive loops and atomic groups', 30_001, { references: true, wild: false, atomic: true }],
    ['texts of many scripts', 40_001, { references: false, wild: false, scripts: 'texts' }],
    [
      'regexes and texts of many scripts',
      50_001,
      { references: true, wild: false, scripts: 'named' },
    ],
  ];
  for (const [title, seed, wanted] of kinds) {
    withPython(
      `generated: ${title}`,
      () => {
        const { pairs, matches } = compareGenerated(seed, 400, wanted);
        console.log(`${title}: ${pairs} pairs, ${Math.round((100 * matches) / pairs)} % match`);
        expect(matches / pairs).toBeGreaterThan(0.3);
      },
      120_000,
    );
  }
});
