/** Which groups can still decide what follows an instruction: a classic backward analysis. */
import { type Look, OP } from './instructions.js';

export interface Live {
  /** Groups that a conditional may test before they are set anew. */
  readonly conds: readonly number[];
  /** Groups that a back-reference may repeat before they are set anew; negative while only the start is known. */
  readonly backrefs: readonly number[];
}

interface Code {
  readonly op: number;
  readonly a: number;
  readonly b: number;
}

const NONE: Live = { conds: [], backrefs: [] };

/** For each instruction, what is live before it. */
export function livenessOf(code: readonly Code[], looks: readonly Look[]): readonly Live[] {
  const live: Live[] = code.map(() => NONE);
  if (!code.some(({ op }) => op === OP.cond || op === OP.backref)) return live;
  const at = (pc: number): Live => live[pc] ?? NONE;
  for (let changed = true; changed; ) {
    changed = false;
    for (let pc = code.length - 1; pc >= 0; pc--) {
      const next = before(code[pc] as Code, pc, at, looks);
      if (next.conds.length === at(pc).conds.length && next.backrefs.length === at(pc).backrefs.length) continue;
      live[pc] = next;
      changed = true;
    }
  }
  return live;
}

function before(draft: Code, pc: number, at: (pc: number) => Live, looks: readonly Look[]): Live {
  switch (draft.op) {
    case OP.accept:
      return NONE;
    case OP.jump:
      return at(draft.a);
    case OP.split:
      return join(at(draft.a), at(draft.b));
    case OP.check:
      return join(at(pc + 1), at(draft.b));
    case OP.look:
      return join(at(looks[draft.a]?.start ?? pc), at(draft.b));
    case OP.cond:
      return join(join(at(pc + 1), at(draft.b)), { conds: [draft.a], backrefs: [] });
    case OP.backref:
      return join(at(pc + 1), { conds: [], backrefs: [draft.a] });
    case OP.save: {
      const { conds, backrefs } = at(pc + 1);
      const group = draft.a >> 1;
      // A group takes part once it is closed; what it holds is decided by both ends.
      if (draft.a % 2 === 0) return { conds, backrefs: backrefs.filter((live) => live !== -group) };
      return {
        conds: conds.filter((live) => live !== group),
        backrefs: backrefs.map((live) => (live === group ? -group : live)),
      };
    }
    default:
      return at(pc + 1);
  }
}

function join(a: Live, b: Live): Live {
  const both = (x: readonly number[], y: readonly number[]) => [...new Set([...x, ...y])].sort((p, q) => p - q);
  return { conds: both(a.conds, b.conds), backrefs: both(a.backrefs, b.backrefs) };
}
