/**
 * The linear matcher: backtracks in Python's order and remembers every choice that failed, so that
 * each (choice, position) is tried once. Time and memory grow with regex size times text length;
 * only what the program marks as not remembered (live back-references) runs on a budget of steps,
 * after which the text counts as no match.
 *
 * A run may be stopped at any point from outside (`vm` timeout), without `finally`; so all state is
 * set up at its start.
 */
import { REGEX_BACKTRACK_STEPS_MAX, REGEX_BACKTRACK_STEPS_PER_CHAR } from '../../core/limits.js';
import { inBitmap, sameLetter } from './charset.js';
import { type LinearMatch, mayGoOn, OP, type Program } from './instructions.js';
import { Bits, holds, LEFT, Stack } from './linear-state.js';

const failed = new Bits();
const succeeded = new Bits();
const stack = new Stack();
let slots = new Int32Array(64);
/** `backtrack` met a choice that is known to succeed. */
const KNOWN = -2;
/**
 * How a run treats its success: 0 ends the search; 1 is remembered; 2 keeps captures, so its path
 * is forgotten.
 */
type Mode = 0 | 1 | 2;

export class LinearMatcher {
  /** Texts that were given up on, since the start. */
  gaveUp = 0;
  private text = '';
  private width = 0;
  private steps = 0;
  private stopped = false;
  /** Where `backtrack` resumes. */
  private resumeAt = 0;

  /**
   * `first`: bitmap of what a match can begin with, undefined when anything; `anchored`: matches
   * begin at 0 only.
   */
  constructor(
    private readonly program: Program,
    private readonly first: Uint8Array | undefined,
    private readonly anchored: boolean,
  ) {}

  /** The leftmost match, as Python's `re.search` finds it. */
  search(text: string): LinearMatch | null {
    const { first } = this;
    const last = this.anchored ? 0 : text.length;
    this.text = text;
    this.width = text.length + 1;
    this.steps = REGEX_BACKTRACK_STEPS_MAX + REGEX_BACKTRACK_STEPS_PER_CHAR * this.width;
    this.stopped = false;
    stack.top = 0;
    let prepared = false;
    for (let start = 0; start <= last; start++) {
      if (first !== undefined) {
        while (start < text.length && !inBitmap(first, text.charCodeAt(start))) start++;
        if (start > last || start >= text.length) break;
      }
      // Most texts end here: their memory need not be cleared.
      if (!prepared && !this.prepare()) break;
      prepared = true;
      const end = this.run(0, start, 0);
      if (end >= 0) return { index: start, end, slots };
      if (this.stopped) break;
    }
    if (this.stopped) this.gaveUp++;
    return null;
  }

  private prepare(): boolean {
    const { states, lookStates, slots: count } = this.program;
    if (slots.length < count) slots = new Int32Array(count * 2);
    slots.fill(-1, 0, count);
    this.stopped = !(
      failed.prepare(states * this.width) && succeeded.prepare(lookStates * this.width)
    );
    return !this.stopped;
  }

  /** Runs from an instruction to its `accept`; gives the position there or -1. */
  private run(from: number, at: number, mode: Mode): number {
    const { op, a, b, sets, looks, ahead, budgeted } = this.program;
    const { text } = this;
    const { length } = text;
    const base = stack.top;
    let pc = from;
    let pos = at;
    for (;;) {
      if (budgeted && !this.spend(1)) return -1;
      const operand = a[pc] as number;
      switch (op[pc]) {
        case OP.char:
          if (pos < length && text.charCodeAt(pos) === operand) {
            pos++;
            pc++;
            continue;
          }
          break;
        case OP.set:
          if (pos < length && inBitmap(sets[operand] as Uint8Array, text.charCodeAt(pos))) {
            pos++;
            pc++;
            continue;
          }
          break;
        case OP.split: {
          const bit = this.bitOf(pc, pos);
          if (bit >= 0) {
            if (failed.get(bit)) {
              if (mode === 1 && succeeded.get(bit)) return this.succeed(base, pos, mode);
              break;
            }
            failed.set(bit);
          }
          // In a look every choice is kept on the stack: it tells which of them led to a success.
          const other = b[pc] as number;
          const goes = mode !== 0 || mayGoOn(ahead, operand, text, pos);
          const both = goes && (mode !== 0 || mayGoOn(ahead, other, text, pos));
          if (both) stack.push(LEFT.alternative, other, pos, bit);
          pc = goes ? operand : other;
          continue;
        }
        case OP.jump:
          pc = operand;
          continue;
        case OP.save:
          stack.push(LEFT.slot, operand, slots[operand] as number, 0);
          slots[operand] = pos;
          pc++;
          continue;
        case OP.run: {
          const bit = this.bitOf(pc, pos);
          if (bit >= 0 && failed.get(bit)) {
            if (mode === 1 && succeeded.get(bit)) return this.succeed(base, pos, mode);
            break;
          }
          if (bit >= 0) failed.set(bit);
          const known = this.runAhead(pc, pos);
          if (this.stopped) return -1;
          if (known && mode === 1) return this.succeed(base, pos, mode);
          break;
        }
        case OP.lazyRun:
          stack.push(LEFT.lazyRun, pc, pos, pos);
          break;
        case OP.fullRun: {
          const set = sets[operand] as Uint8Array;
          while (pos < length && inBitmap(set, text.charCodeAt(pos))) pos++;
          pc++;
          continue;
        }
        case OP.assert:
          if (holds(operand, text, pos)) {
            pc++;
            continue;
          }
          break;
        case OP.look: {
          const look = looks[operand];
          if (look === undefined) return -1;
          const start = pos - look.back;
          const end =
            start < 0 ? -1 : this.run(look.start, start, look.captures || look.atomic ? 2 : 1);
          if (this.stopped) return -1;
          if (end >= 0 !== look.negative) {
            if (look.atomic) pos = end;
            pc = b[pc] as number;
            continue;
          }
          break;
        }
        case OP.accept:
          return mode === 0 ? pos : this.succeed(base, pos, mode);
        case OP.backref: {
          const end = this.repeats(operand, pos, b[pc] === 1);
          if (this.stopped) return -1;
          if (end >= 0) {
            pos = end;
            pc++;
            continue;
          }
          break;
        }
        case OP.cond:
          pc = (slots[2 * operand + 1] as number) >= 0 ? pc + 1 : (b[pc] as number);
          continue;
        case OP.check:
          pc = slots[operand] === pos ? (b[pc] as number) : pc + 1;
          continue;
      }
      const next = this.backtrack(base, mode);
      if (next < 0) {
        if (next === KNOWN) return this.succeed(base, pos, mode);
        return -1;
      }
      pc = next;
      pos = this.resumeAt;
    }
  }

  /** The memory of a choice at a position; -1 when it is not remembered. */
  private bitOf(pc: number, pos: number): number {
    const { state, choices } = this.program;
    const simple = state[pc] as number;
    if (simple >= 0) return simple * this.width + pos;
    const choice = simple === -1 ? undefined : choices[pc];
    if (choice === undefined) return -1;
    let mask = 0;
    for (const group of choice.groups)
      mask = mask * 2 + ((slots[2 * group + 1] as number) >= 0 ? 1 : 0);
    for (const slot of choice.rounds) mask = mask * 2 + (slots[slot] === pos ? 0 : 1);
    return (choice.state + mask) * this.width + pos;
  }

  /** Takes steps from the budget; false when it is used up. */
  private spend(steps: number): boolean {
    this.steps -= steps;
    if (this.steps < 0) this.stopped = true;
    return !this.stopped;
  }

  /**
   * Goes as far as the set allows and leaves the ways back on the stack. Stops where an earlier run
   * came by: from there on all is known. True when that is known to succeed.
   */
  private runAhead(pc: number, start: number): boolean {
    const { a, sets, state, lookStates } = this.program;
    const { text, width } = this;
    const set = sets[a[pc] as number] as Uint8Array;
    const simple = state[pc] as number;
    let pos = start;
    let known = false;
    while (pos < text.length && inBitmap(set, text.charCodeAt(pos))) {
      const bit = simple >= 0 ? simple * width + pos + 1 : this.bitOf(pc, pos + 1);
      if (bit < 0) {
        if (!this.spend(1)) return false;
      } else if (failed.get(bit)) {
        known = bit < lookStates * width && succeeded.get(bit);
        break;
      } else failed.set(bit);
      pos++;
    }
    stack.push(LEFT.run, pc, pos, start);
    return known;
  }

  /** Takes up what was left last; gives the instruction, -1 when nothing is left, or `KNOWN`. */
  private backtrack(base: number, mode: Mode): number {
    const { a, sets, ahead } = this.program;
    const { text } = this;
    while (stack.top > base) {
      const { data } = stack;
      const top = stack.top - 3;
      const kind = (data[top] as number) & 7;
      const pc = (data[top] as number) >> 3;
      let pos = data[top + 1] as number;
      const third = data[top + 2] as number;
      if (kind === LEFT.alternative) {
        if (mode === 0) stack.top = top;
        else data[top] = LEFT.spent;
        this.resumeAt = pos;
        return pc;
      }
      if (kind === LEFT.run) {
        while (pos >= third && !mayGoOn(ahead, pc + 1, text, pos)) pos--;
        if (pos < third) {
          stack.top = top;
          continue;
        }
        // In a look the entry stays until its last way failed: it tells which choices led to a
        // success.
        if (pos === third && mode === 0) stack.top = top;
        else data[top + 1] = pos - 1;
        this.resumeAt = pos;
        return pc + 1;
      }
      if (kind === LEFT.lazyRun) {
        const set = sets[a[pc] as number] as Uint8Array;
        for (;;) {
          const reached = pos === third || inBitmap(set, text.charCodeAt(pos - 1));
          const bit = reached && pos <= text.length ? this.bitOf(pc, pos) : 0;
          if (!reached || pos > text.length || (bit >= 0 && failed.get(bit))) {
            data[top + 1] = pos;
            if (reached && mode === 1 && pos <= text.length && succeeded.get(bit)) return KNOWN;
            stack.top = top;
            break;
          }
          if (bit >= 0) failed.set(bit);
          else if (!this.spend(1)) return -1;
          if (mayGoOn(ahead, pc + 1, text, pos)) {
            data[top + 1] = pos + 1;
            this.resumeAt = pos;
            return pc + 1;
          }
          pos++;
        }
        continue;
      }
      if (kind === LEFT.slot) slots[pc] = pos;
      stack.top = top;
    }
    return -1;
  }

  /**
   * Ends a look: the choices on the stack led to the success. Captures stay when they are kept,
   * else slots go back.
   */
  private succeed(base: number, pos: number, mode: Mode): number {
    const { data } = stack;
    for (let at = stack.top - 3; at >= base; at -= 3) {
      const kind = (data[at] as number) & 7;
      const what = (data[at] as number) >> 3;
      const x = data[at + 1] as number;
      const y = data[at + 2] as number;
      if (kind === LEFT.slot) {
        // Step by step back, since the key of a choice is made of the slots as they were.
        data[at + 2] = slots[what] as number;
        slots[what] = x;
      } else if (kind === LEFT.alternative || kind === LEFT.spent) this.settle(y, mode);
      else if (kind === LEFT.run)
        for (let i = y; i <= x + 1; i++) this.settle(this.bitOf(what, i), mode);
      else for (let i = y; i < x; i++) this.settle(this.bitOf(what, i), mode);
    }
    let kept = base;
    if (mode === 2) {
      for (let at = base; at < stack.top; at += 3) {
        if (((data[at] as number) & 7) !== LEFT.slot) continue;
        slots[(data[at] as number) >> 3] = data[at + 2] as number;
        data.copyWithin(kept, at, at + 3);
        kept += 3;
      }
    }
    stack.top = kept;
    return pos;
  }

  /**
   * A choice that did not fail: known to succeed from now on, or (its captures matter) not known at
   * all.
   */
  private settle(bit: number, mode: Mode): void {
    if (bit < 0) return;
    if (mode === 1) succeeded.set(bit);
    else {
      failed.clear(bit);
      this.spend(1);
    }
  }

  /**
   * Where the text of a group, repeated here, ends; -1 when it is not here or the group took no
   * part.
   */
  private repeats(group: number, pos: number, ignoreCase: boolean): number {
    const { text } = this;
    const start = slots[2 * group] as number;
    const length = (slots[2 * group + 1] as number) - start;
    if ((slots[2 * group + 1] as number) < 0 || pos + length > text.length) return -1;
    for (let i = 0; i < length; i++) {
      const a = text.charCodeAt(start + i);
      const b = text.charCodeAt(pos + i);
      if (a !== b && !(ignoreCase && sameLetter(a, b))) return -1;
      if ((i & 15) === 15 && !this.spend(1)) return -1;
    }
    return pos + length;
  }
}
