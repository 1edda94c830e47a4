/**
 * The tree of a regex: what both executors, the literal gate and the lint are made from. Case, `.`
 * and classes are already sets of code units; groups that nobody can see are gone (see
 * `captures.ts`).
 */
import type { CharSet } from './charset.js';

/**
 * Letters and digits of a class: the few characters of a stand-in (`scripts.ts`), or those of every
 * script.
 */
export type Scripts = 'stand-in' | 'wide';
export type RepeatMode = 'greedy' | 'lazy' | 'possessive';
/**
 * `line-*` are those of multi-line mode; `start` is `\A`, `end` is `\Z` and (a text has no final
 * newline) `$`.
 */
export type AssertKind =
  | 'start'
  | 'end'
  | 'line-start'
  | 'line-end'
  | 'word'
  | 'not-word'
  | 'ascii-word'
  | 'not-ascii-word';

interface SetNode {
  readonly kind: 'set';
  readonly set: CharSet;
}
interface SeqNode {
  readonly kind: 'seq';
  readonly parts: readonly Node[];
}
interface AltNode {
  readonly kind: 'alt';
  readonly branches: readonly Node[];
}
interface GroupNode {
  readonly kind: 'group';
  readonly index: number;
  readonly body: Node;
}
export interface RepeatNode {
  readonly kind: 'repeat';
  readonly body: Node;
  readonly min: number;
  /** `Infinity` when open. */
  readonly max: number;
  readonly mode: RepeatMode;
  /** Where the quantifier stands, in the expanded text. */
  readonly at: number;
}
interface AssertNode {
  readonly kind: 'assert';
  readonly what: AssertKind;
}
export interface LookNode {
  readonly kind: 'look';
  readonly ahead: boolean;
  readonly negative: boolean;
  readonly body: Node;
  /** Characters that a lookbehind steps back; 0 for a lookahead. */
  readonly width: number;
}
interface AtomicNode {
  readonly kind: 'atomic';
  readonly body: Node;
}
interface BackrefNode {
  readonly kind: 'backref';
  readonly group: number;
  readonly ignoreCase: boolean;
}
export interface CondNode {
  readonly kind: 'cond';
  readonly group: number;
  readonly yes: Node;
  readonly no: Node;
}
export type Node =
  | SetNode
  | SeqNode
  | AltNode
  | GroupNode
  | RepeatNode
  | AssertNode
  | LookNode
  | AtomicNode
  | BackrefNode
  | CondNode;

/** A parsed regex; `names` maps group numbers to names. */
export interface Tree {
  readonly root: Node;
  readonly groupCount: number;
  readonly names: ReadonlyMap<number, string>;
  /** What its classes are made of, and so whether it judges stand-ins or the texts themselves. */
  readonly scripts: Scripts;
}

export function childrenOf(node: Node): readonly Node[] {
  switch (node.kind) {
    case 'seq':
      return node.parts;
    case 'alt':
      return node.branches;
    case 'group':
    case 'repeat':
    case 'look':
    case 'atomic':
      return [node.body];
    case 'cond':
      return [node.yes, node.no];
    default:
      return [];
  }
}

/** Whether any node below, or the node itself, satisfies `test`. */
export function some(node: Node, test: (node: Node) => boolean): boolean {
  return test(node) || childrenOf(node).some((child) => some(child, test));
}

/** The same tree with every child replaced by `change(child)`. */
export function mapChildren(node: Node, change: (child: Node) => Node): Node {
  switch (node.kind) {
    case 'seq':
      return { ...node, parts: node.parts.map(change) };
    case 'alt':
      return { ...node, branches: node.branches.map(change) };
    case 'group':
    case 'repeat':
    case 'look':
    case 'atomic':
      return { ...node, body: change(node.body) };
    case 'cond':
      return { ...node, yes: change(node.yes), no: change(node.no) };
    default:
      return node;
  }
}

/** Least and most characters that the node consumes. A back-reference may take anything. */
export function widthOf(node: Node): readonly [min: number, max: number] {
  switch (node.kind) {
    case 'set':
      return [1, 1];
    case 'seq':
      return node.parts
        .map(widthOf)
        .reduce<[number, number]>((sum, [min, max]) => [sum[0] + min, sum[1] + max], [0, 0]);
    case 'alt':
      return either(node.branches.map(widthOf));
    case 'cond':
      return either([widthOf(node.yes), widthOf(node.no)]);
    case 'group':
    case 'atomic':
      return widthOf(node.body);
    case 'repeat': {
      const [min, max] = widthOf(node.body);
      return [min * node.min, max === 0 || node.max === 0 ? 0 : max * node.max];
    }
    case 'backref':
      return [0, Number.POSITIVE_INFINITY];
    default:
      return [0, 0];
  }
}

function either(widths: readonly (readonly [number, number])[]): [number, number] {
  return [Math.min(...widths.map(([min]) => min)), Math.max(...widths.map(([, max]) => max))];
}

/** Whether the node can match the empty text. */
export function nullable(node: Node): boolean {
  return widthOf(node)[0] === 0;
}
