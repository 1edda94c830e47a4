/**
 * What the text must have next for an instruction not to fail for sure: a choice of the linear matcher that cannot
 * come to anything is seen by one look at the next character instead of being tried. Always rather too much than too
 * little. Five words per instruction: one bit per ASCII character, then `OTHERS` and `END`.
 */
import { ASSERTS, type Look, OP } from './instructions.js';

const WORDS = 5;
/** In the fifth word: any character that is not ASCII. */
const OTHERS = 1;
/** In the fifth word: the end of the text. */
const END = 2;

interface Code {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

/** For every instruction what may come next; a backward analysis to its fixed point. */
export function aheadOf(code: readonly Code[], sets: readonly Uint8Array[], looks: readonly Look[]): Int32Array {
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
      const { consumed, next } = stepOf(code[pc] as Code, pc, ofSets, looks);
      if (consumed !== undefined && add(pc, consumed)) changed = true;
      for (const to of next) if (add(pc, words, WORDS * to)) changed = true;
    }
  }
  return words;
}

/** What an instruction takes itself, and the instructions that look at the same position after it. */
interface Step {
  readonly consumed?: ArrayLike<number>;
  readonly next: readonly number[];
}

const ALL: Step = { consumed: [-1, -1, -1, -1, OTHERS | END], next: [] };

function stepOf({ op, a, b }: Code, pc: number, sets: readonly Int32Array[], looks: readonly Look[]): Step {
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
