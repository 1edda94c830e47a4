/** Whether the newline that Python has behind a line could decide about a match. */
import { has } from './charset.js';
import { type Node, nullable, some } from './tree.js';

const NEWLINE = 10;

/** False when every match that ends in the newline has one without it beside it. Rather too often true. */
export function needsNewline(node: Node): boolean {
  switch (node.kind) {
    case 'set':
      return has(node.set, NEWLINE);
    case 'seq': {
      const last = node.parts.findLastIndex((part) => !nullable(part));
      return node.parts.slice(Math.max(0, last)).some(needsNewline);
    }
    case 'alt':
      return node.branches.some(needsNewline);
    case 'cond':
      return needsNewline(node.yes) || needsNewline(node.no);
    case 'group':
    case 'atomic':
      return needsNewline(node.body);
    case 'repeat':
      // One round less of a single character is a match as well.
      return !(node.min === 0 && node.body.kind === 'set' && node.mode !== 'possessive') && needsNewline(node.body);
    case 'look':
      return some(node.body, (part) => part.kind === 'set' && has(part.set, NEWLINE));
    default:
      return false;
  }
}
