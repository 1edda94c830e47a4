/**
 * Whether a loop can read one text in several ways: then a backtracking matcher needs time that doubles with every
 * round of a text that fails in the end. The loop's body becomes an automaton of its character sets (Glushkov); it is
 * ambiguous when two different paths read the same text from one state back to it.
 */

import { REGEX_LOOP_STATES_MAX } from '../../core/limits.js';
import { type CharSet, intersect } from './charset.js';
import { type Node, nullable, type RepeatNode } from './tree.js';

/** Counts up to this are written out, higher ones taken as open. */
const COPIES_MAX = 4;

export type Verdict = 'ambiguous' | 'unambiguous' | 'unknown';

/** Judges an open loop. Anchors and looks within make `ambiguous` a suspicion only: `unknown`. */
export function judgeLoop(loop: RepeatNode): Verdict {
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
      const optional: Node = { kind: 'repeat', body: node.body, min: 0, max: 1, mode: 'greedy', at: node.at };
      if (node.min === 0 && node.max === 1) return this.add(node.body);
      const copies = Array.from({ length: node.max }, (_, i) => (i < node.min ? node.body : optional));
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
        for (const b of edges[pair % size]?.keys() ?? []) if (together[a]?.[b]) out.push(a * size + b);
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
      for (const pair of ahead) if (Math.floor(pair / size) !== pair % size && behind.has(pair)) return true;
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
