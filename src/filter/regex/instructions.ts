/** Instructions of the linear matcher, and what can be known from them before a text is read. */

import { bitmapOf, type CharSet, union } from './charset.js';
import { type AssertKind, type Node, nullable } from './tree.js';

/** Operations; `a` and `b` are operands, the next instruction follows unless it says otherwise. */
export const OP = {
  /** One code unit `a`. */
  char: 0,
  /** One code unit of set `a`. */
  set: 1,
  /** Try `a`, then `b`. */
  split: 2,
  jump: 3,
  /** Writes the position to slot `a`. */
  save: 4,
  /** As many of set `a` as there are, then ever fewer. */
  run: 5,
  /** None of set `a`, then ever more. */
  lazyRun: 6,
  /** As many of set `a` as there are, and no fewer. */
  fullRun: 7,
  assert: 8,
  /** Runs the look (or atomic group) `a`, goes on at `b`. */
  look: 9,
  /** End of the regex or of a look. */
  accept: 10,
  /** Repeats group `a`; `b` is 1 when case is ignored. */
  backref: 11,
  /** Goes on when group `a` took part, else jumps to `b`. */
  cond: 12,
  /** Jumps to `b` when the position is still that of slot `a`: the round was empty. */
  check: 13,
} as const;

export const ASSERTS: readonly AssertKind[] = [
  'start',
  'end',
  'line-start',
  'line-end',
  'word',
  'not-word',
  'ascii-word',
  'not-ascii-word',
];

export interface Look {
  readonly start: number;
  readonly negative: boolean;
  /** Characters to step back first. */
  readonly back: number;
  /** The position goes on from where the body ended. */
  readonly atomic: boolean;
  /** What it captures is kept; so its successes cannot be remembered. */
  readonly captures: boolean;
}

/**
 * What the key of a choice needs besides position: the groups tested later and the loops that may
 * be empty.
 */
export interface Choice {
  readonly groups: readonly number[];
  readonly rounds: readonly number[];
  /** Number of the first of 2^bits states; -1 when nothing may be remembered. */
  state: number;
}

export interface Program {
  readonly op: Uint8Array;
  readonly a: Int32Array;
  readonly b: Int32Array;
  readonly choices: readonly (Choice | undefined)[];
  /**
   * Quick access: `choices[pc].state` when there are no bits, -1 when not remembered, -2 when there
   * are bits.
   */
  readonly state: Int32Array;
  /** What must come next for each instruction, see `aheadOf`. */
  readonly ahead: Int32Array;
  readonly sets: readonly Uint8Array[];
  readonly looks: readonly Look[];
  readonly slots: number;
  /**
   * All states, and the first of them, which are those of looks whose successes are remembered too.
   */
  readonly states: number;
  readonly lookStates: number;
  readonly budgeted: boolean;
}

export interface LinearMatch {
  readonly index: number;
  readonly end: number;
  /**
   * Start of group n at 2n, end at 2n+1; -1 when it took no part. Valid until the next search of
   * any matcher.
   */
  readonly slots: Int32Array;
}

// Which groups can still decide what follows an instruction: a classic backward analysis.

export interface Live {
  /** Groups that a conditional may test before they are set anew. */
  readonly conds: readonly number[];
  /**
   * Groups that a back-reference may repeat before they are set anew; negative while only the start
   * is known.
   */
  readonly backrefs: readonly number[];
}

interface LiveCode {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

const NONE: Live = { conds: [], backrefs: [] };

/** For each instruction, what is live before it. */
export function livenessOf(code: readonly LiveCode[], looks: readonly Look[]): readonly Live[] {
  const live: Live[] = code.map(() => NONE);
  if (!code.some(({ op }) => op === OP.cond || op === OP.backref)) return live;
  const at = (pc: number): Live => live[pc] ?? NONE;
  for (let changed = true; changed; ) {
    changed = false;
    for (let pc = code.length - 1; pc >= 0; pc--) {
      const next = before(code[pc] as LiveCode, pc, at, looks);
      if (
        next.conds.length === at(pc).conds.length &&
        next.backrefs.length === at(pc).backrefs.length
      )
        continue;
      live[pc] = next;
      changed = true;
    }
  }
  return live;
}

function before(
  draft: LiveCode,
  pc: number,
  at: (pc: number) => Live,
  looks: readonly Look[],
): Live {
  switch (draft.op) {
    case OP.accept:
      return NONE;
    case OP.jump:
      return at(draft.a);
    case OP.split:
      return join(at(draft.a), at(draft.b));
    case OP.check:
      return join(at(pc + 1), at(draft.b));
    case OP.look:
      return join(at(looks[draft.a]?.start ?? pc), at(draft.b));
    case OP.cond:
      return join(join(at(pc + 1), at(draft.b)), { conds: [draft.a], backrefs: [] });
    case OP.backref:
      return join(at(pc + 1), { conds: [], backrefs: [draft.a] });
    case OP.save: {
      const { conds, backrefs } = at(pc + 1);
      const group = draft.a >> 1;
      // A group takes part once it is closed; what it holds is decided by both ends.
      if (draft.a % 2 === 0) return { conds, backrefs: backrefs.filter((live) => live !== -group) };
      return {
        conds: conds.filter((live) => live !== group),
        backrefs: backrefs.map((live) => (live === group ? -group : live)),
      };
    }
    default:
      return at(pc + 1);
  }
}

function join(a: Live, b: Live): Live {
  const both = (x: readonly number[], y: readonly number[]) =>
    [...new Set([...x, ...y])].sort((p, q) => p - q);
  return { conds: both(a.conds, b.conds), backrefs: both(a.backrefs, b.backrefs) };
}

// What a match can begin with, for the search loop of the linear matcher.

/**
 * Bitmap of the first characters of any match; undefined when a match can be empty or begins with a
 * reference.
 */
export function firstBitmap(root: Node): Uint8Array | undefined {
  const set = nullable(root) ? undefined : firstSet(root);
  return set === undefined ? undefined : bitmapOf(set);
}

/** Characters that the node can begin with; undefined when that is unknown. */
function firstSet(node: Node): CharSet | undefined {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'group':
    case 'atomic':
    case 'repeat':
      return firstSet(node.body);
    case 'alt':
      return all(node.branches);
    case 'cond':
      return all([node.yes, node.no]);
    case 'seq': {
      const end = node.parts.findIndex((part) => !nullable(part));
      return all(end < 0 ? node.parts : node.parts.slice(0, end + 1));
    }
    case 'backref':
      return undefined;
    default:
      return [];
  }
}

function all(nodes: readonly Node[]): CharSet | undefined {
  const sets = nodes.map(firstSet);
  return sets.every((set) => set !== undefined) ? union(...sets) : undefined;
}

/** Whether every match begins at the start of the text. */
export function isAnchored(node: Node): boolean {
  switch (node.kind) {
    case 'assert':
      return node.what === 'start';
    case 'group':
    case 'atomic':
      return isAnchored(node.body);
    case 'repeat':
      return node.min > 0 && isAnchored(node.body);
    case 'alt':
      return node.branches.every(isAnchored);
    case 'cond':
      return isAnchored(node.yes) && isAnchored(node.no);
    case 'look':
      return !node.negative && node.ahead && isAnchored(node.body);
    case 'seq':
      return node.parts.some(
        (part, index) => isAnchored(part) && node.parts.slice(0, index).every(isEmpty),
      );
    default:
      return false;
  }
}

function isEmpty(node: Node): boolean {
  return node.kind === 'assert' || node.kind === 'look';
}

// What the text must have next for an instruction not to fail for sure: a choice of the linear
// matcher that cannot come to anything is seen by one look at the next character instead of being
// tried. Always rather too much than too little. Five words per instruction: one bit per ASCII
// character, then `OTHERS` and `END`.

const WORDS = 5;
/** In the fifth word: any character that is not ASCII. */
const OTHERS = 1;
/** In the fifth word: the end of the text. */
const END = 2;

interface StepCode {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

/** For every instruction what may come next; a backward analysis to its fixed point. */
export function aheadOf(
  code: readonly StepCode[],
  sets: readonly Uint8Array[],
  looks: readonly Look[],
): Int32Array {
  const words = new Int32Array(WORDS * code.length);
  const ofSets = sets.map(wordsOf);
  const add = (pc: number, from: ArrayLike<number>, at = 0): boolean => {
    let grown = false;
    for (let i = 0; i < WORDS; i++) {
      const to = WORDS * pc + i;
      const before = words[to] as number;
      words[to] = before | (from[at + i] as number);
      grown ||= words[to] !== before;
    }
    return grown;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let pc = code.length - 1; pc >= 0; pc--) {
      const { consumed, next } = stepOf(code[pc] as StepCode, pc, ofSets, looks);
      if (consumed !== undefined && add(pc, consumed)) changed = true;
      for (const to of next) if (add(pc, words, WORDS * to)) changed = true;
    }
  }
  return words;
}

/**
 * What an instruction takes itself, and the instructions that look at the same position after it.
 */
interface Step {
  readonly consumed?: ArrayLike<number>;
  readonly next: readonly number[];
}

const ALL: Step = { consumed: [-1, -1, -1, -1, OTHERS | END], next: [] };

function stepOf(
  { op, a, b }: StepCode,
  pc: number,
  sets: readonly Int32Array[],
  looks: readonly Look[],
): Step {
  switch (op) {
    case OP.char:
      return { consumed: wordsOfChar(a), next: [] };
    case OP.set:
      return { consumed: sets[a] as Int32Array, next: [] };
    case OP.run:
    case OP.lazyRun:
    case OP.fullRun:
      return { consumed: sets[a] as Int32Array, next: [pc + 1] };
    case OP.split:
      return { next: [a, b] };
    case OP.jump:
      return { next: [a] };
    case OP.save:
      return { next: [pc + 1] };
    case OP.cond:
    case OP.check:
      return { next: [pc + 1, b] };
    case OP.assert:
      if (ASSERTS[a] === 'end') return { consumed: [0, 0, 0, 0, END], next: [] };
      if (ASSERTS[a] === 'line-end') return { consumed: [1 << 10, 0, 0, 0, END], next: [] };
      return { next: [pc + 1] };
    case OP.look: {
      const look = looks[a];
      if (look === undefined) return ALL;
      return { next: [look.atomic ? look.start : b] };
    }
    default:
      return ALL;
  }
}

/** False when running from instruction `pc` at `pos` fails for sure. */
export function mayGoOn(ahead: Int32Array, pc: number, text: string, pos: number): boolean {
  const at = pc * WORDS;
  if (pos >= text.length) return ((ahead[at + 4] as number) & END) !== 0;
  const code = text.charCodeAt(pos);
  if (code >= 128) return ((ahead[at + 4] as number) & OTHERS) !== 0;
  return ((ahead[at + (code >> 5)] as number) & (1 << (code & 31))) !== 0;
}

function wordsOfChar(code: number): Int32Array {
  const words = new Int32Array(WORDS);
  if (code < 128) words[code >> 5] = 1 << (code & 31);
  else words[4] = OTHERS;
  return words;
}

/** Of a bitmap of all code units. */
function wordsOf(bits: Uint8Array): Int32Array {
  const words = new Int32Array(WORDS);
  for (let code = 0; code < 128; code++) {
    if (((bits[code >> 3] as number) & (1 << (code & 7))) !== 0)
      words[code >> 5] = (words[code >> 5] as number) | (1 << (code & 31));
  }
  if (bits.subarray(16).some((byte) => byte !== 0)) words[4] = OTHERS;
  return words;
}
