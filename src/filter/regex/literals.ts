/**
 * Literals that a text must contain for a regex to match it: one of the list, in ASCII. The gate
 * before all regexes of all jails is made of them, so long and few ones are preferred.
 */
import { type CharSet, rangesOf, sizeOf } from './charset.js';
import type { Node } from './tree.js';

/** More literals than this for one regex would cost the gate more than they save. */
const LITERALS_MAX = 32;
/** Longer ones select no better. */
const LITERAL_CHARS_MAX = 48;
/** Shorter ones stand in nearly every line. */
const LITERAL_CHARS_MIN = 3;
/** A class of up to this many characters (a letter in both cases) is written out. */
const CLASS_CHARS_MAX = 4;

interface Found {
  /** Every text that the node consumes, when they are few. */
  readonly exact: readonly string[] | undefined;
  /** The text contains one of these. */
  readonly required: readonly string[] | undefined;
}

/** The literals; undefined when nothing useful can be said. */
export function literalsOf(root: Node): readonly string[] | undefined {
  const { exact, required } = find(root);
  const best = better(exact, required);
  if (best === undefined || shortest(best) < LITERAL_CHARS_MIN) return undefined;
  // One that contains another is never needed.
  return [...new Set(best)]
    .filter((text) => !best.some((other) => other !== text && text.includes(other)))
    .sort();
}

function find(node: Node): Found {
  switch (node.kind) {
    case 'set': {
      let found = ofSets.get(node.set);
      if (found === undefined) {
        found = { exact: fewCharacters(node.set), required: undefined };
        ofSets.set(node.set, found);
      }
      return found;
    }
    case 'group':
    case 'atomic':
      return find(node.body);
    case 'seq':
      return sequence(node.parts);
    case 'alt':
      return either(node.branches);
    case 'cond':
      return either([node.yes, node.no]);
    case 'repeat': {
      if (node.max === 1 && node.min === 0) {
        const { exact } = find(node.body);
        return {
          exact: exact === undefined ? undefined : limited([...exact, '']),
          required: undefined,
        };
      }
      if (node.min === 0) return { exact: undefined, required: undefined };
      if (node.min === node.max && node.min <= LITERAL_CHARS_MAX)
        return sequence(Array(node.min).fill(node.body));
      const { exact, required } = find(node.body);
      return { exact: undefined, required: better(exact, required) };
    }
    case 'look': {
      const found = node.negative ? undefined : find(node.body);
      return { exact: [''], required: better(found?.exact, found?.required) };
    }
    case 'assert':
      return { exact: [''], required: undefined };
    case 'backref':
      return { exact: undefined, required: undefined };
  }
}

const ofSets = new WeakMap<CharSet, Found>();

/** The characters of a class that has few, and none beyond ASCII. */
function fewCharacters(set: CharSet): readonly string[] | undefined {
  if (sizeOf(set) > CLASS_CHARS_MAX) return undefined;
  const codes = rangesOf(set).flatMap(([lo, hi]) =>
    Array.from({ length: hi - lo + 1 }, (_, i) => lo + i),
  );
  // A newline may be the one behind the line, which no text has.
  if (codes.some((code) => code >= 0x80 || code === 10)) return undefined;
  return codes.map((code) => String.fromCharCode(code));
}

function sequence(parts: readonly Node[]): Found {
  let required: readonly string[] | undefined;
  let current: readonly string[] = [''];
  let whole = true;
  for (const part of parts) {
    const found = find(part);
    const product = found.exact === undefined ? undefined : cross(current, found.exact);
    required = better(required, found.required);
    if (product !== undefined) {
      current = product;
      continue;
    }
    whole = false;
    required = better(required, current);
    current = found.exact ?? [''];
  }
  return {
    exact: whole ? current : undefined,
    required: better(required, whole ? undefined : current),
  };
}

function either(branches: readonly Node[]): Found {
  const found = branches.map(find);
  const exact: string[] = [];
  const required: string[] = [];
  let isExact = true;
  let isRequired = true;
  for (const branch of found) {
    if (branch.exact === undefined) isExact = false;
    else exact.push(...branch.exact);
    const best = better(branch.exact, branch.required);
    if (best === undefined) isRequired = false;
    else required.push(...best);
  }
  return {
    exact: isExact ? limited(exact) : undefined,
    required: isRequired ? limited(required) : undefined,
  };
}

function cross(left: readonly string[], right: readonly string[]): readonly string[] | undefined {
  if (left.length * right.length > LITERALS_MAX) return undefined;
  const out = left.flatMap((a) => right.map((b) => a + b));
  return out.some((text) => text.length > LITERAL_CHARS_MAX) ? undefined : limited(out);
}

function limited(texts: readonly string[]): readonly string[] | undefined {
  const distinct = [...new Set(texts)];
  return distinct.length <= LITERALS_MAX ? distinct : undefined;
}

/**
 * The list that fewer texts contain: the longer its shortest literal the better, and few of them.
 */
function better(
  a: readonly string[] | undefined,
  b: readonly string[] | undefined,
): readonly string[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return scoreOf(b) >= scoreOf(a) ? b : a;
}

function scoreOf(texts: readonly string[]): number {
  const length = shortest(texts);
  return length === 0 ? -1 : Math.min(length, 12) - texts.length / 8;
}

function shortest(texts: readonly string[]): number {
  return Math.min(...texts.map((text) => text.length));
}
