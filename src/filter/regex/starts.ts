/** What a match can begin with, for the search loop of the linear matcher. */
import { bitmapOf, type CharSet, union } from './charset.js';
import { type Node, nullable } from './tree.js';

/** Bitmap of the first characters of any match; undefined when a match can be empty or begins with a reference. */
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
      return node.parts.some((part, index) => isAnchored(part) && node.parts.slice(0, index).every(isEmpty));
    default:
      return false;
  }
}

function isEmpty(node: Node): boolean {
  return node.kind === 'assert' || node.kind === 'look';
}
