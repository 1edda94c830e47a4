/**
 * Wildcards: `*`, `?`, `[a-z]`, `[!a-z]`. In paths a backslash takes the next character as it is, as in shells; in names of
 * units it is a character like others, as in journalctl(1), since escaped names are full of it.
 */

type Step = { readonly kind: 'any' } | { readonly kind: 'one'; readonly test: (char: string) => boolean };

/** True when a path has a wildcard that is not escaped. */
export function isGlob(path: string): boolean {
  return /(?<!\\)[*?[]/.test(path);
}

/** True when a name has a wildcard. */
export function isNameGlob(name: string): boolean {
  return /[*?[]/.test(name);
}

/** The pattern as a test of whole texts; its cost is at most the product of the two lengths, whatever strangers name. */
export function globTest(pattern: string, backslash: 'escapes' | 'literal' = 'escapes'): (text: string) => boolean {
  const steps = stepsOf([...pattern], backslash === 'escapes');
  return (text) => matchSteps(steps, [...text]);
}

function stepsOf(chars: readonly string[], escapes: boolean): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at] as string;
    if (char === '*') steps.push({ kind: 'any' });
    else if (char === '?') steps.push({ kind: 'one', test: () => true });
    else if (char === '[') {
      // As in sh(1): a bracket that directly follows the opening one (or its "!") is a member.
      const negated = chars[at + 1] === '!' || chars[at + 1] === '^';
      const first = at + (negated ? 2 : 1);
      const end = chars.indexOf(']', first + 1);
      if (end < 0) steps.push(literal('['));
      else {
        const within = members(chars.slice(first, end));
        steps.push({ kind: 'one', test: negated ? (other) => !within(other) : within });
        at = end;
      }
    } else if (escapes && char === '\\' && at + 1 < chars.length) steps.push(literal(chars[++at] as string));
    else steps.push(literal(char));
  }
  return steps;
}

function literal(char: string): Step {
  return { kind: 'one', test: (other) => other === char };
}

function members(chars: readonly string[]): (char: string) => boolean {
  const ranges: (readonly [string, string])[] = [];
  for (let at = 0; at < chars.length; at++) {
    const from = chars[at] as string;
    const to = chars[at + 1] === '-' ? chars[at + 2] : undefined;
    ranges.push([from, to ?? from]);
    if (to !== undefined) at += 2;
  }
  return (char) => ranges.some(([from, to]) => char >= from && char <= to);
}

function matchSteps(steps: readonly Step[], chars: readonly string[]): boolean {
  let step = 0;
  let at = 0;
  let star = -1;
  let starAt = 0;
  while (at < chars.length) {
    const current = steps[step];
    if (current?.kind === 'any') {
      star = step++;
      starAt = at;
    } else if (current?.test(chars[at] as string) === true) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++starAt;
    } else return false;
  }
  while (steps[step]?.kind === 'any') step++;
  return step === steps.length;
}
