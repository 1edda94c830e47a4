/**
 * Random regexes in Python's syntax, each with texts made to match it now and then. The seed
 * decides everything.
 */

export interface Generated {
  readonly pattern: string;
  readonly multiline: boolean;
  readonly texts: readonly string[];
}

/** What a regex may hold; the rest is always in. */
export interface Wanted {
  readonly references: boolean;
  /** Captures within loops, loops whose round may be empty. */
  readonly wild: boolean;
  /**
   * Possessive loops and atomic groups: CPython 3.11 has defects there (wrong spans, even
   * SystemError).
   */
  readonly atomic?: boolean;
  /**
   * Texts with letters, digits and other characters of many scripts, also beyond U+FFFF; `named`:
   * the regexes name some.
   */
  readonly scripts?: 'texts' | 'named';
}

const ALPHABET = [...'aaabbbAB1_-: ', '\n', '\u2028', '\x1c', '\u00a0', '\ufeff'];

/**
 * Letters, digits, numbers, marks and symbols; what is an ASCII letter when case is ignored; a
 * space.
 */
const SCRIPTS = [...'éßªя漢²½Ⅷ٣९€§\u0301\u212a\u017f\u0130\u3000'];
/** What a regex can name without being one that is given the line itself. */
const PLAIN = ALPHABET.filter((char) => char !== '\ufeff');
const BEYOND = ['𝐀', '𝟗', '🙂'];

/** Mulberry32. */
function randomOf(seed: number): (below: number) => number {
  let state = seed | 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

interface Piece {
  readonly pattern: string;
  readonly sample: string;
  /** Least characters consumed. */
  readonly least: number;
}

export function generate(seed: number, wanted: Wanted): Generated {
  return new Generator(randomOf(seed), wanted).regex();
}

class Generator {
  private groups = 0;
  private closed: { group: number; sample: string }[] = [];

  constructor(
    private readonly random: (below: number) => number,
    private readonly wanted: Wanted,
  ) {}

  regex(): Generated {
    const piece = this.alternation(4);
    const head = this.pick(['', '', '', '^', '(?i)', '(?s)', '(?m)', '(?#x)']);
    const tail = this.pick(['', '', '', '$', '\\Z', '\\b']);
    const texts = [
      piece.sample,
      this.noise(3) + piece.sample + this.noise(3),
      this.mutate(piece.sample),
      this.mutate(this.mutate(piece.sample)),
      this.noise(12),
      '',
    ].map((text) => text.replace(/\n+$/, ''));
    return { pattern: head + piece.pattern + tail || 'a', multiline: this.random(8) === 0, texts };
  }

  private pick<T>(from: readonly T[]): T {
    return from[this.random(from.length)] as T;
  }

  private noise(length: number): string {
    return Array.from({ length: this.random(length + 1) }, () => this.character()).join('');
  }

  /** A character of a text. */
  private character(): string {
    const { scripts } = this.wanted;
    if (scripts === undefined || this.random(2) === 0) return this.pick(ALPHABET);
    return this.pick(scripts === 'texts' ? [...SCRIPTS, ...BEYOND] : SCRIPTS);
  }

  private mutate(text: string): string {
    const characters = [...text];
    const at = this.random(characters.length + 1);
    characters.splice(at, this.random(2), this.noise(1));
    return characters.join('');
  }

  private alternation(depth: number): Piece {
    const before = this.closed;
    const branches = Array.from({ length: this.pick([1, 1, 1, 2, 2, 3]) }, () => {
      this.closed = [...before];
      return this.sequence(depth);
    });
    // References may look at groups of other branches: those took no part.
    this.closed = [...before, ...this.closed.filter((group) => !before.includes(group))];
    return {
      pattern: branches.map((branch) => branch.pattern).join('|'),
      sample: this.pick(branches).sample,
      least: Math.min(...branches.map((branch) => branch.least)),
    };
  }

  private sequence(depth: number): Piece {
    const parts = Array.from({ length: this.random(4) + (depth > 3 ? 1 : 0) }, () =>
      this.quantified(depth),
    );
    return {
      pattern: parts.map((part) => part.pattern).join(''),
      sample: parts.map((part) => part.sample).join(''),
      least: parts.reduce((sum, part) => sum + part.least, 0),
    };
  }

  private quantified(depth: number): Piece {
    const counts = this.pick(['', '', '', '*', '+', '?', '{2}', '{1,3}', '{,2}', '{2,}']);
    if (counts === '') return this.atom(depth);
    const loops = counts !== '?';
    const groups = this.groups;
    const piece = this.atom(depth);
    const fixed = /^(?:\^|\$|\\[AZbB])$/.test(piece.pattern) || piece.pattern === '';
    const tame = !loops || (piece.least > 0 && this.groups === groups);
    if (fixed || (!this.wanted.wild && !tame)) return piece;
    const rounds =
      { '*': this.random(3), '+': 1 + this.random(2), '?': this.random(2) }[counts] ?? 2;
    return {
      pattern: piece.pattern + counts + this.pick(['', '', '', '?', this.wanted.atomic ? '+' : '']),
      sample: piece.sample.repeat(rounds),
      least:
        /[*?,]/.test(counts) && !counts.startsWith('{1') && !counts.startsWith('{2')
          ? 0
          : piece.least,
    };
  }

  private atom(depth: number): Piece {
    const kind = this.random(depth <= 0 ? 9 : 22);
    if (kind < 4) return this.literal();
    if (kind < 6) return this.characterClass();
    if (kind < 8) return this.category();
    if (kind < 9)
      return { pattern: this.pick(['^', '$', '\\A', '\\Z', '\\b', '\\B']), sample: '', least: 0 };
    if (kind < 12) return this.wrap('(?:', depth);
    if (kind < 16) return this.group(depth);
    if (kind === 16) return this.wrap(this.pick(['(?i:', '(?s:', '(?m:', '(?-i:', '(?is:']), depth);
    if (kind === 17)
      return { ...this.wrap(this.pick(['(?=', '(?!']), depth), sample: '', least: 0 };
    if (kind === 18) {
      const body = this.pick(['a', 'ab', '[^a]', ':|b', '\\s', 'a{2}', '\\b', '(?:a|b)-']);
      return { pattern: `${this.pick(['(?<=', '(?<!'])}${body})`, sample: '', least: 0 };
    }
    if (kind === 19) return this.wanted.atomic ? this.wrap('(?>', depth) : this.literal();
    return this.reference(depth);
  }

  private category(): Piece {
    const piece = this.pick(CLASSES);
    const other = { '\\w': 'я', '\\W': '€', '\\d': '٣', '.': '🙂' }[piece.pattern];
    if (this.wanted.scripts === undefined || other === undefined || this.random(2) === 0)
      return piece;
    return { ...piece, sample: this.wanted.scripts === 'texts' || other !== '🙂' ? other : '漢' };
  }

  private literal(): Piece {
    const { scripts } = this.wanted;
    const chars =
      scripts === 'named' ? [...ALPHABET, ...SCRIPTS] : scripts === 'texts' ? PLAIN : ALPHABET;
    const char = this.pick(chars);
    return { pattern: char === '\n' ? '\\n' : char === '-' ? '\\-' : char, sample: char, least: 1 };
  }

  private characterClass(): Piece {
    const members = Array.from({ length: 1 + this.random(3) }, () => this.pick(MEMBERS)).join('');
    const negated = this.random(3) === 0;
    const first = this.random(6) === 0 ? ']' : '';
    return {
      pattern: `[${negated ? '^' : ''}${first}${members}]`,
      sample: this.character(),
      least: 1,
    };
  }

  private wrap(open: string, depth: number): Piece {
    const piece = this.alternation(depth - 1);
    return { ...piece, pattern: `${open}${piece.pattern})` };
  }

  private group(depth: number): Piece {
    const group = ++this.groups;
    const piece = this.wrap(this.random(4) === 0 ? '(' : `(?P<g${group}>`, depth);
    this.closed.push({ group, sample: piece.sample });
    return piece;
  }

  private reference(depth: number): Piece {
    const target = this.closed[this.random(this.closed.length || 1)];
    if (!this.wanted.references || target === undefined) return this.literal();
    if (this.random(2) === 0)
      return { pattern: `(?:\\${target.group})`, sample: target.sample, least: 0 };
    const yes = this.sequence(depth - 1);
    const no = this.sequence(depth - 1);
    return {
      pattern: `(?(${target.group})${yes.pattern}|${no.pattern})`,
      sample: this.pick([yes, no]).sample,
      least: Math.min(yes.least, no.least),
    };
  }
}

const CLASSES: readonly Piece[] = [
  { pattern: '.', sample: 'a', least: 1 },
  { pattern: '\\s', sample: '\x1c', least: 1 },
  { pattern: '\\S', sample: '\ufeff', least: 1 },
  { pattern: '\\w', sample: 'b', least: 1 },
  { pattern: '\\W', sample: '-', least: 1 },
  { pattern: '\\d', sample: '1', least: 1 },
  { pattern: '\\D', sample: '_', least: 1 },
  { pattern: '(?:a|ab)', sample: 'ab', least: 1 },
];
const MEMBERS = [
  'a',
  'b',
  'A',
  '1',
  '_',
  ' ',
  ':',
  '[',
  '\\s',
  '\\d',
  '\\W',
  '\\-',
  'a-b',
  '\\n',
  '\\u2028',
  '\\x1c',
];
