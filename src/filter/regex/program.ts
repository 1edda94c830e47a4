/**
 * The tree as instructions of the linear matcher, and which of its choices may be remembered.
 *
 * A choice that failed once at a position fails there again, as long as nothing else decides what
 * follows. What else can decide: whether a group that a later conditional tests took part, whether
 * the round of a loop that may be empty has moved (both are added to the key of the memory as
 * bits), and the text of a group that a later back-reference repeats (then nothing is remembered
 * and a budget of steps applies).
 */
import { REGEX_CONDITIONS_MAX, REGEX_INSTRUCTIONS_MAX } from '../../core/limits.js';
import { bitmapOf, type CharSet } from './charset.js';
import {
  ASSERTS,
  aheadOf,
  type Choice,
  type Look,
  livenessOf,
  OP,
  type Program,
} from './instructions.js';
import { RegexSyntaxError } from './syntax.js';
import { type LookNode, type Node, nullable, type RepeatNode, some, type Tree } from './tree.js';

/** Compiles an observable tree. Throws `RegexSyntaxError` (`regex.too-large`). */
export function compileProgram(tree: Tree): Program {
  checkProgramSize(tree);
  return new Compiler(tree).compile();
}

/** How many instructions the program has; much cheaper to tell than to make them. */
export function programSize({ root }: Tree): number {
  return sizeOf(root) + 1;
}

/** Throws `RegexSyntaxError` (`regex.too-large`) where the program would be too long. */
export function checkProgramSize(tree: Tree): void {
  if (programSize(tree) <= REGEX_INSTRUCTIONS_MAX) return;
  throw new RegexSyntaxError(
    'regex.too-large',
    'the regex is too large once its counts are written out',
    0,
  );
}

function sizeOf(node: Node): number {
  switch (node.kind) {
    case 'seq':
      return sum(node.parts);
    case 'alt':
      return sum(node.branches) + 2 * (node.branches.length - 1);
    case 'group':
    case 'look':
    case 'atomic':
      return sizeOf(node.body) + 2;
    case 'cond':
      return sizeOf(node.yes) + sizeOf(node.no) + 2;
    case 'repeat':
      return sizeOfRepeat(node);
    default:
      return 1;
  }
}

function sum(nodes: readonly Node[]): number {
  return nodes.reduce((size, node) => size + sizeOf(node), 0);
}

function sizeOfRepeat({ body, min, max, mode }: RepeatNode): number {
  const open = max === Number.POSITIVE_INFINITY;
  const isRun = body.kind === 'set' && open;
  const rounds = mode === 'possessive' && !isRun;
  const one = sizeOf(body) + (rounds && body.kind !== 'set' ? 2 : 0);
  const marks = nullable(body) ? 2 : 0;
  const count = max - min;
  const rest = isRun
    ? 1
    : open
      ? one + marks + 2
      : count * (one + 1) + marks * Math.max(0, count - 1);
  return min * one + rest + (rounds ? 2 : 0);
}

interface Draft {
  op: number;
  a: number;
  b: number;
  /** Slots of the loops around, in the same look, whose round may be empty. */
  rounds: readonly number[];
  /** Within a look whose successes are remembered. */
  inLook: boolean;
}

class Compiler {
  private readonly code: Draft[] = [];
  private readonly sets: Uint8Array[] = [];
  private readonly looks: Look[] = [];
  private slots: number;
  private rounds: readonly number[] = [];
  private inLook = false;
  private budgeted = false;

  constructor(private readonly tree: Tree) {
    this.slots = 2 * (tree.groupCount + 1);
  }

  compile(): Program {
    this.node(this.tree.root);
    this.add(OP.accept);
    const choices = this.choose();
    const { states, lookStates } = this.number(choices);
    const { code } = this;
    return {
      op: Uint8Array.from(code, (draft) => draft.op),
      a: Int32Array.from(code, (draft) => draft.a),
      b: Int32Array.from(code, (draft) => draft.b),
      choices,
      state: Int32Array.from(choices, (choice) =>
        choice === undefined || choice.state < 0
          ? -1
          : choice.groups.length + choice.rounds.length > 0
            ? -2
            : choice.state,
      ),
      ahead: aheadOf(code, this.sets, this.looks),
      sets: this.sets,
      looks: this.looks,
      slots: this.slots,
      states,
      lookStates,
      budgeted: this.budgeted,
    };
  }

  private add(op: number, a = 0, b = 0): number {
    this.code.push({ op, a, b, rounds: this.rounds, inLook: this.inLook });
    return this.code.length - 1;
  }

  private get here(): number {
    return this.code.length;
  }

  private patch(pc: number, operand: 'a' | 'b', target = this.here): void {
    const draft = this.code[pc];
    if (draft !== undefined) draft[operand] = target;
  }

  private set(set: CharSet): number {
    const bits = bitmapOf(set);
    const known = this.sets.indexOf(bits);
    return known >= 0 ? known : this.sets.push(bits) - 1;
  }

  private node(node: Node): void {
    switch (node.kind) {
      case 'set':
        if (node.set.length === 2 && node.set[0] === node.set[1]) this.add(OP.char, node.set[0]);
        else this.add(OP.set, this.set(node.set));
        return;
      case 'seq':
        for (const part of node.parts) this.node(part);
        return;
      case 'alt':
        this.alternatives(node.branches.map((branch) => () => this.node(branch)));
        return;
      case 'group':
        this.add(OP.save, 2 * node.index);
        this.node(node.body);
        this.add(OP.save, 2 * node.index + 1);
        return;
      case 'repeat':
        this.repeat(node);
        return;
      case 'assert':
        this.add(OP.assert, ASSERTS.indexOf(node.what));
        return;
      case 'look':
        this.sub(node.body, node, () => this.node(node.body));
        return;
      case 'atomic':
        this.sub(node.body, undefined, () => this.node(node.body));
        return;
      case 'backref':
        this.add(OP.backref, node.group, node.ignoreCase ? 1 : 0);
        return;
      case 'cond': {
        const test = this.add(OP.cond, node.group);
        this.node(node.yes);
        const jump = this.add(OP.jump);
        this.patch(test, 'b');
        this.node(node.no);
        this.patch(jump, 'a');
      }
    }
  }

  private alternatives(branches: readonly (() => void)[]): void {
    const jumps: number[] = [];
    branches.forEach((branch, index) => {
      const last = index === branches.length - 1;
      const split = last ? -1 : this.add(OP.split, this.here + 1);
      branch();
      if (last) return;
      jumps.push(this.add(OP.jump));
      this.patch(split, 'b');
    });
    for (const jump of jumps) this.patch(jump, 'a');
  }

  /** A look (`undefined`: an atomic group), its body behind a jump, run on its own. */
  private sub(body: Node, look: LookNode | undefined, emit: () => void): void {
    const captures = some(body, (node) => node.kind === 'group') && look?.negative !== true;
    const atomic = look === undefined;
    const index =
      this.looks.push({
        start: this.here + 1,
        negative: look?.negative ?? false,
        back: look?.width ?? 0,
        atomic,
        captures,
      }) - 1;
    if (captures || atomic) this.budgeted = true;
    const at = this.add(OP.look, index);
    const outer = { rounds: this.rounds, inLook: this.inLook };
    this.rounds = [];
    this.inLook = !captures && !atomic;
    emit();
    this.add(OP.accept);
    this.rounds = outer.rounds;
    this.inLook = outer.inLook;
    this.patch(at, 'b');
  }

  private repeat(node: RepeatNode): void {
    const { body, min, max, mode } = node;
    const open = max === Number.POSITIVE_INFINITY;
    if (mode === 'possessive' && !(body.kind === 'set' && open)) {
      // CPython goes back neither into the loop nor into one of its rounds (_sre,
      // POSSESSIVE_REPEAT).
      const round: Node = { kind: 'atomic', body };
      this.sub(body, undefined, () =>
        this.repeat({ ...node, body: body.kind === 'set' ? body : round, mode: 'greedy' }),
      );
      return;
    }
    for (let i = 0; i < min; i++) this.node(body);
    if (body.kind === 'set' && open) {
      this.add(
        mode === 'greedy' ? OP.run : mode === 'lazy' ? OP.lazyRun : OP.fullRun,
        this.set(body.set),
      );
    } else if (open) this.loop(body, mode === 'lazy');
    else this.optional(body, max - min, mode === 'lazy');
  }

  private loop(body: Node, lazy: boolean): void {
    const split = this.add(OP.split);
    const exit = this.round(body, nullable(body));
    this.add(OP.jump, split);
    this.patch(split, lazy ? 'b' : 'a', split + 1);
    this.patch(split, lazy ? 'a' : 'b');
    if (exit !== undefined) this.patch(exit, 'b');
  }

  /** Up to `count` rounds; an empty one ends it, as in Python. */
  private optional(body: Node, count: number, lazy: boolean): void {
    const ends: [number, 'a' | 'b'][] = [];
    for (let i = 0; i < count; i++) {
      const split = this.add(OP.split);
      this.patch(split, lazy ? 'b' : 'a');
      ends.push([split, lazy ? 'a' : 'b']);
      const exit = this.round(body, nullable(body) && i < count - 1);
      if (exit !== undefined) ends.push([exit, 'b']);
    }
    for (const [pc, operand] of ends) this.patch(pc, operand);
  }

  /** One round of a loop; gives the check that leaves it when the round was empty. */
  private round(body: Node, mayBeEmpty: boolean): number | undefined {
    if (!mayBeEmpty) {
      this.node(body);
      return undefined;
    }
    const slot = this.slots++;
    const outer = this.rounds;
    this.add(OP.save, slot);
    this.rounds = [...outer, slot];
    this.node(body);
    const check = this.add(OP.check, slot);
    this.rounds = outer;
    return check;
  }

  /** What the key of every choice must hold. */
  private choose(): (Choice | undefined)[] {
    const live = livenessOf(this.code, this.looks);
    return this.code.map((draft, pc) => {
      if (draft.op !== OP.split && draft.op !== OP.run && draft.op !== OP.lazyRun) return undefined;
      const { conds, backrefs } = live[pc] ?? { conds: [], backrefs: [] };
      const bits = conds.length + draft.rounds.length;
      const remembered = backrefs.length === 0 && bits <= REGEX_CONDITIONS_MAX;
      if (!remembered) this.budgeted = true;
      return { groups: conds, rounds: draft.rounds, state: remembered ? 0 : -1 };
    });
  }

  /** Numbers the states, those of remembered looks first. */
  private number(choices: readonly (Choice | undefined)[]): { states: number; lookStates: number } {
    let next = 0;
    let lookStates = 0;
    for (const inLook of [true, false]) {
      choices.forEach((choice, pc) => {
        if (choice === undefined || choice.state < 0 || this.code[pc]?.inLook !== inLook) return;
        choice.state = next;
        next += 2 ** (choice.groups.length + choice.rounds.length);
      });
      if (inLook) lookStates = next;
    }
    return { states: next, lookStates };
  }
}
