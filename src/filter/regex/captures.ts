/**
 * Takes out of a tree what nobody can see: captures without a name that nothing refers to, and
 * `{1}`.
 */
import { EMPTY } from './syntax.js';
import { childrenOf, mapChildren, type Node, type Tree } from './tree.js';

/** Groups that a back-reference or conditional looks at. */
export function referencedGroups(node: Node): Set<number> {
  const found = new Set<number>();
  const walk = (at: Node): void => {
    if (at.kind === 'backref' || at.kind === 'cond') found.add(at.group);
    childrenOf(at).forEach(walk);
  };
  walk(node);
  return found;
}

/** The tree with observable captures only. Captures of a negative look never leave it. */
export function observable(tree: Tree): Tree {
  const referenced = referencedGroups(tree.root);
  const walk = (node: Node, hidden: boolean): Node => {
    const inner = hidden || (node.kind === 'look' && node.negative);
    const mapped = mapChildren(node, (child) => walk(child, inner));
    if (mapped.kind === 'group') {
      const seen = referenced.has(mapped.index) || (!hidden && tree.names.has(mapped.index));
      return seen ? mapped : mapped.body;
    }
    if (mapped.kind === 'repeat' && mapped.max === 0) return EMPTY;
    if (
      mapped.kind === 'repeat' &&
      mapped.min === 1 &&
      mapped.max === 1 &&
      mapped.mode !== 'possessive'
    ) {
      return mapped.body;
    }
    return mapped;
  };
  return { ...tree, root: walk(tree.root, false) };
}
