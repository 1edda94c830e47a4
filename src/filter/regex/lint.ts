/**
 * What is wrong with a regex although it works: it can be held up, or an address can be forged into
 * it. The texts it runs on are written by attackers in part: user names, host names, protocol
 * arguments.
 */
import { REGEX_LOOP_STATES_MAX } from '../../core/limits.js';
import { type CharSet, has, intersect, union } from './charset.js';
import { isAnchored } from './instructions.js';
import { childrenOf, type Node, nullable, type RepeatNode, some, type Tree } from './tree.js';

// Whether a loop can read one text in several ways: then a backtracking matcher needs time that
// doubles with every round of a text that fails in the end. The loop's body becomes an automaton of
// its character sets (Glushkov); it is ambiguous when two different paths read the same text from
// one state back to it.

/** Counts up to this are written out, higher ones taken as open. */
const COPIES_MAX = 4;

export type LoopVerdict = 'ambiguous' | 'unambiguous' | 'unknown';

/** Judges an open loop. Anchors and looks within make `ambiguous` a suspicion only: `unknown`. */
export function judgeLoop(loop: RepeatNode): LoopVerdict {
  const automaton = new Automaton();
  const { first, last } = automaton.add(loop.body);
  automaton.connect(last, first);
  if (automaton.sets.length > REGEX_LOOP_STATES_MAX) return 'unknown';
  if (!automaton.isAmbiguous()) return 'unambiguous';
  return automaton.conditional ? 'unknown' : 'ambiguous';
}

interface Part {
  readonly first: readonly number[];
  readonly last: readonly number[];
}

class Automaton {
  readonly sets: CharSet[] = [];
  /** How many edges lead from one state to another. */
  private readonly edges: Map<number, number>[] = [];
  /** Something that is no character decides too. */
  conditional = false;

  connect(from: readonly number[], to: readonly number[]): void {
    for (const a of from) {
      const out = this.edges[a];
      if (out !== undefined) for (const b of to) out.set(b, (out.get(b) ?? 0) + 1);
    }
  }

  /** Adds the states of a node; gives those it can begin and end with. */
  add(node: Node): Part {
    if (this.sets.length > REGEX_LOOP_STATES_MAX) return { first: [], last: [] };
    switch (node.kind) {
      case 'set': {
        const state = this.sets.push(node.set) - 1;
        this.edges.push(new Map());
        return { first: [state], last: [state] };
      }
      case 'group':
        return this.add(node.body);
      case 'seq':
        return this.sequence(node.parts);
      case 'alt':
        return this.branches(node.branches);
      case 'repeat':
        return this.repeat(node);
      default:
        this.conditional = true;
        if (node.kind === 'atomic') return this.add(node.body);
        return node.kind === 'cond' ? this.branches([node.yes, node.no]) : { first: [], last: [] };
    }
  }

  private branches(branches: readonly Node[]): Part {
    const parts = branches.map((branch) => this.add(branch));
    return { first: parts.flatMap((part) => part.first), last: parts.flatMap((part) => part.last) };
  }

  private sequence(nodes: readonly Node[]): Part {
    let first: readonly number[] = [];
    let last: readonly number[] = [];
    let empty = true;
    for (const node of nodes) {
      const part = this.add(node);
      this.connect(last, part.first);
      if (empty) first = [...first, ...part.first];
      last = nullable(node) ? [...last, ...part.last] : part.last;
      empty = empty && nullable(node);
    }
    return { first, last };
  }

  private repeat(node: RepeatNode): Part {
    if (node.mode === 'possessive') this.conditional = true;
    if (node.max <= COPIES_MAX) {
      const optional: Node = {
        kind: 'repeat',
        body: node.body,
        min: 0,
        max: 1,
        mode: 'greedy',
        at: node.at,
      };
      if (node.min === 0 && node.max === 1) return this.add(node.body);
      const copies = Array.from({ length: node.max }, (_, i) =>
        i < node.min ? node.body : optional,
      );
      return this.sequence(copies);
    }
    const part = this.add(node.body);
    this.connect(part.last, part.first);
    return part;
  }

  isAmbiguous(): boolean {
    const { sets, edges } = this;
    const size = sets.length;
    const together = sets.map((a) => sets.map((b) => intersect(a, b).length > 0));
    const next = (pair: number): number[] => {
      const out: number[] = [];
      for (const a of edges[Math.floor(pair / size)]?.keys() ?? []) {
        for (const b of edges[pair % size]?.keys() ?? [])
          if (together[a]?.[b]) out.push(a * size + b);
      }
      return out;
    };
    const back = predecessors(size * size, next);
    for (let state = 0; state < size; state++) {
      const home = state * size + state;
      const ahead = reach(home, next);
      // A second edge to the same state, and a way home from there.
      for (const [to, count] of edges[state] ?? []) {
        if (count > 1 && reach(to * size + to, next).has(home)) return true;
      }
      const behind = reach(home, (pair) => back[pair] ?? []);
      for (const pair of ahead)
        if (Math.floor(pair / size) !== pair % size && behind.has(pair)) return true;
    }
    return false;
  }
}

/** What one or more steps lead to. */
function reach(from: number, next: (at: number) => readonly number[]): Set<number> {
  const seen = new Set<number>();
  const open = [from];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const to of next(at)) {
      if (seen.has(to)) continue;
      seen.add(to);
      open.push(to);
    }
  }
  return seen;
}

function predecessors(count: number, next: (at: number) => readonly number[]): number[][] {
  const back: number[][] = Array.from({ length: count }, () => []);
  for (let at = 0; at < count; at++) for (const to of next(at)) back[to]?.push(at);
  return back;
}

export interface Remark {
  readonly id:
    | 'regex.nested-loop'
    | 'regex.adjacent-loops'
    | 'regex.unanchored'
    | 'regex.forgeable-address';
  readonly message: string;
  /** In the expanded text; undefined when the whole regex is meant. */
  readonly at?: number;
  readonly fix: string;
}

/** Groups that hold the offender. */
const ADDRESSES: ReadonlySet<string> = new Set(['ip4', 'ip6', 'dns', 'fid']);

/** A loop without bound, and all that comes after it on its way through the regex. */
interface Loop {
  readonly node: RepeatNode;
  readonly rest: readonly Node[];
}

/**
 * The open loops of a tree, with what follows each: the rest of its own sequence, then that of
 * those around.
 */
function loopsOf(node: Node, rest: readonly Node[]): Loop[] {
  if (node.kind === 'seq') {
    return node.parts.flatMap((part, index) =>
      loopsOf(part, [...node.parts.slice(index + 1), ...rest]),
    );
  }
  const found =
    node.kind === 'look' ? [] : childrenOf(node).flatMap((child) => loopsOf(child, rest));
  const isLoop =
    node.kind === 'repeat' && node.max === Number.POSITIVE_INFINITY && node.mode !== 'possessive';
  return isLoop ? [{ node, rest }, ...found] : found;
}

/** All characters that stand in what the node matches. */
function alphabetOf(node: Node): CharSet {
  if (node.kind === 'set') return node.set;
  return node.kind === 'look' ? [] : union(...childrenOf(node).map(alphabetOf));
}

/** Whether the node can match a text that is made of the set's characters only. */
function fitsInto(node: Node, set: CharSet): boolean {
  switch (node.kind) {
    case 'set':
      return intersect(node.set, set).length > 0;
    case 'seq':
      return node.parts.every((part) => fitsInto(part, set));
    case 'alt':
      return node.branches.some((branch) => fitsInto(branch, set));
    case 'cond':
      return fitsInto(node.yes, set) || fitsInto(node.no, set);
    case 'repeat':
      return node.min === 0 || fitsInto(node.body, set);
    case 'group':
    case 'atomic':
      return fitsInto(node.body, set);
    default:
      return true;
  }
}

/**
 * Loops that double the time with every round, for sure: nothing but the linear matcher may run
 * these.
 */
export function isExponential(root: Node): boolean {
  return loopsOf(root, []).some((loop) => isDoubling(loop) && judgeLoop(loop.node) === 'ambiguous');
}

/** Whether a loop is made of more than characters, and what follows can fail after it. */
function isDoubling({ node, rest }: Loop): boolean {
  const compound = some(node.body, (part) => part.kind === 'repeat' || part.kind === 'alt');
  return compound && rest.some((part) => !canBeEmpty(part));
}

function canBeEmpty(node: Node): boolean {
  return node.kind === 'repeat' && node.min === 0;
}

export function lintTree(tree: Tree): Remark[] {
  const loops = loopsOf(tree.root, []);
  return [...nestedLoops(loops), ...adjacentLoops(loops), ...forgeries(tree, loops)];
}

function nestedLoops(loops: readonly Loop[]): Remark[] {
  return loops
    .filter((loop) => isDoubling(loop) && judgeLoop(loop.node) !== 'unambiguous')
    .map(({ node }) => ({
      id: 'regex.nested-loop',
      message: 'this loop can read the same text in many ways; a hostile line makes it slow',
      at: node.at,
      fix: 'let each round begin or end with a character that stands nowhere else in it',
    }));
}

function adjacentLoops(loops: readonly Loop[]): Remark[] {
  return loops.filter(hasRival).map(({ node }) => ({
    id: 'regex.adjacent-loops',
    message:
      'this loop and a later one can take the same characters; time grows with the square of the line',
    at: node.at,
    fix: 'end the first with a character that it cannot take itself, e.g. [^"]*" instead of .*"',
  }));
}

/**
 * Whether a later loop can take over, at any place, what the loop takes, and something after it can
 * fail.
 */
function hasRival({ node, rest }: Loop): boolean {
  const set = alphabetOf(node.body);
  return rest.some((part, index) => {
    if (rest.slice(index + 1).every(canBeEmpty)) return false;
    return loopsWithin(part, rest.slice(0, index)).some((later) => {
      const both = intersect(set, alphabetOf(later.node.body));
      return (
        fitsInto(later.node.body, both) && later.before.every((between) => fitsInto(between, both))
      );
    });
  });
}

/** The open loops of a node, with what stands before each. */
function loopsWithin(
  node: Node,
  before: readonly Node[],
): { node: RepeatNode; before: readonly Node[] }[] {
  if (node.kind === 'seq') {
    return node.parts.flatMap((part, index) =>
      loopsWithin(part, [...before, ...node.parts.slice(0, index)]),
    );
  }
  if (node.kind === 'repeat' && node.max === Number.POSITIVE_INFINITY) return [{ node, before }];
  return node.kind === 'look'
    ? []
    : childrenOf(node).flatMap((child) => loopsWithin(child, before));
}

function forgeries(tree: Tree, loops: readonly Loop[]): Remark[] {
  const holdsAddress = (node: Node): boolean =>
    some(node, (part) => part.kind === 'group' && ADDRESSES.has(tree.names.get(part.index) ?? ''));
  if (!holdsAddress(tree.root)) return [];
  const remarks: Remark[] = [];
  if (!isAnchored(tree.root)) {
    remarks.push({
      id: 'regex.unanchored',
      message:
        'the regex can begin anywhere in the line: a user name that looks like it forges an address',
      fix: 'begin the regex with ^',
    });
  }
  for (const { node, rest } of loops) {
    const set = alphabetOf(node.body);
    const at = rest.findIndex(holdsAddress);
    if (at < 0 || !canHoldAddress(set) || isTempered(node)) continue;
    const between = rest.slice(0, at);
    if (!between.every((part) => fitsInto(part, set)) || isTight(set, rest.slice(at + 1), between))
      continue;
    remarks.push({
      id: 'regex.forgeable-address',
      message:
        'this loop can take what comes before the address and an address too: a user name forges one',
      at: node.at,
      fix: 'let the loop stop at a character that the daemon never lets through, or end the regex with $ after the address',
    });
    break;
  }
  return remarks;
}

/**
 * Whether each round first makes sure of what does not follow, as in `(?:(?! from ).)*`: its author
 * knew of forgeries.
 */
function isTempered({ body }: RepeatNode): boolean {
  return some(body, (part) => part.kind === 'look' && part.ahead && part.negative);
}

function canHoldAddress(set: CharSet): boolean {
  return has(set, 0x31) && has(set, 0x2e);
}

/**
 * Whether what follows the address leads to the end of the line and cannot hold a forged address
 * part: no loop of it takes one, or none that the loop before the address (of characters `set`)
 * could reach over the real address.
 */
function isTight(set: CharSet, tail: readonly Node[], between: readonly Node[]): boolean {
  const ends = tail.some((part) =>
    some(part, (node) => node.kind === 'assert' && node.what === 'end'),
  );
  if (!ends) return false;
  return !tail.some(
    (part, index) =>
      tail.slice(0, index).every((before) => fitsInto(before, set)) &&
      loopsOf(part, []).some(({ node }) => {
        const own = alphabetOf(node.body);
        return canHoldAddress(own) && between.every((one) => fitsInto(one, own));
      }),
  );
}

// Addresses that a client writes itself: request and mail headers that some proxies and webmailers
// log.

const NAMES = [
  'x-forwarded-for',
  'x-real-ip',
  'x-client-ip',
  'x-originating-ip',
  'x-remote-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'client-ip',
  'forwarded-for',
];
/** In a regex the hyphen may be escaped. */
const HEADER = new RegExp(`\\b(?:${NAMES.join('|').replaceAll('-', '\\\\?[-_]')})`, 'i');
const ADDRESS_TAG = /<(?:HOST|ADDR|IP4|IP6|DNS|SUBNET|F-(?:IP4|IP6|ADDR|DNS|SUBNET|ID)\/?)>/g;

/** Where a regex takes an address from such a header; undefined when it does not. */
export function clientHeader(
  source: string,
): { readonly name: string; readonly offset: number } | undefined {
  const found = HEADER.exec(source);
  if (found === null) return undefined;
  const after = [...source.matchAll(ADDRESS_TAG)].some((tag) => tag.index > found.index);
  return after ? { name: found[0].replaceAll('\\', ''), offset: found.index } : undefined;
}
