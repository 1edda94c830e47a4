/**
 * The named groups of a match as an object. Every match of every regex makes one, and its readers
 * ask it for a dozen names: so the names that mean something to a filter are always there, in one
 * order (V8 reads objects of one shape several times faster), and nothing is inherited, since
 * groups are named by whoever writes the filter. Captures that nobody can see are taken out of the
 * tree.
 */
import { EMPTY } from './syntax.js';
import { childrenOf, mapChildren, type Node, type Tree } from './tree.js';

// Takes out of a tree what nobody can see: captures without a name that nothing refers to, and
// `{1}`.

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

/** Groups by name; undefined where the group took no part. */
export interface Captures {
  [name: string]: string | undefined;
  fid: string | undefined;
  ip4: string | undefined;
  ip6: string | undefined;
  dns: string | undefined;
  user: string | undefined;
  count: string | undefined;
  mlfid: string | undefined;
  nofail: string | undefined;
  mlfgained: string | undefined;
  mlfforget: string | undefined;
  mlfwait: string | undefined;
  content: string | undefined;
  session: string | undefined;
  process: string | undefined;
  witness: string | undefined;
  sum: string | undefined;
  seconds: string | undefined;
  unsure: string | undefined;
  trouble: string | undefined;
  opened: string | undefined;
  closed: string | undefined;
  elsewhere: string | undefined;
  kind: string | undefined;
  digest: string | undefined;
  kind_unknown: string | undefined;
  kind_password: string | undefined;
  chain: string | undefined;
}

/** A constructor, because a class cannot do without Object's names. */
const NewCaptures = function NewCaptures(this: Captures) {
  this.fid = undefined;
  this.ip4 = undefined;
  this.ip6 = undefined;
  this.dns = undefined;
  this.user = undefined;
  this.count = undefined;
  this.mlfid = undefined;
  this.nofail = undefined;
  this.mlfgained = undefined;
  this.mlfforget = undefined;
  this.mlfwait = undefined;
  this.content = undefined;
  this.session = undefined;
  this.process = undefined;
  this.witness = undefined;
  this.sum = undefined;
  this.seconds = undefined;
  this.unsure = undefined;
  this.trouble = undefined;
  this.opened = undefined;
  this.closed = undefined;
  this.elsewhere = undefined;
  this.kind = undefined;
  this.digest = undefined;
  this.kind_unknown = undefined;
  this.kind_password = undefined;
  this.chain = undefined;
} as unknown as { new (): Captures; prototype: object };
NewCaptures.prototype = Object.create(null);

/** No group has taken part yet. */
export function newCaptures(): Captures {
  return new NewCaptures();
}

/**
 * Sets a group, whether it took part or not. Written out, because a store under a name that stands
 * in the code is several times faster than one under a name that is computed.
 */
export function setCapture(to: Captures, name: string, value: string | undefined): void {
  switch (name) {
    case 'fid':
      to.fid = value;
      break;
    case 'ip4':
      to.ip4 = value;
      break;
    case 'ip6':
      to.ip6 = value;
      break;
    case 'dns':
      to.dns = value;
      break;
    case 'user':
      to.user = value;
      break;
    case 'count':
      to.count = value;
      break;
    case 'mlfid':
      to.mlfid = value;
      break;
    case 'nofail':
      to.nofail = value;
      break;
    case 'mlfgained':
      to.mlfgained = value;
      break;
    case 'mlfforget':
      to.mlfforget = value;
      break;
    case 'mlfwait':
      to.mlfwait = value;
      break;
    case 'content':
      to.content = value;
      break;
    default:
      setTold(to, name, value);
  }
}

/** Sets one of the groups that say how a line is to be counted, or any other. */
function setTold(to: Captures, name: string, value: string | undefined): void {
  switch (name) {
    case 'session':
      to.session = value;
      break;
    case 'process':
      to.process = value;
      break;
    case 'witness':
      to.witness = value;
      break;
    case 'sum':
      to.sum = value;
      break;
    case 'seconds':
      to.seconds = value;
      break;
    case 'unsure':
      to.unsure = value;
      break;
    case 'trouble':
      to.trouble = value;
      break;
    case 'opened':
      to.opened = value;
      break;
    case 'closed':
      to.closed = value;
      break;
    case 'elsewhere':
      to.elsewhere = value;
      break;
    case 'kind':
      to.kind = value;
      break;
    case 'digest':
      to.digest = value;
      break;
    case 'kind_unknown':
      to.kind_unknown = value;
      break;
    case 'kind_password':
      to.kind_password = value;
      break;
    case 'chain':
      to.chain = value;
      break;
    default:
      to[name] = value;
  }
}
