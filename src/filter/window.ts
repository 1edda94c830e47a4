/**
 * The last lines of a multi-line filter, and which of them a match uses up. Rules of fail2ban 1.1 (failregex.py,
 * search; filter.py, findFailure): the lines that a match touches are gone, the others and those that `<SKIPLINES>`
 * skipped stay for the next match.
 */
import type { Groups } from './groups.js';

/** Lines of the window after `line` came, oldest first, at most `maxlines`. */
export function pushLine(window: readonly string[], line: string, maxlines: number): readonly string[] {
  return [...window, line].slice(-maxlines);
}

/** The lines as one text, every line ended by a newline. */
export function textOf(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}

/** Splits the window into lines that the match used and lines that stay. `text` is what was searched. */
export function splitByMatch(
  lines: readonly string[],
  text: string,
  match: { readonly index: number; readonly end: number; readonly groups: Groups },
): { readonly matched: readonly string[]; readonly rest: readonly string[] } {
  if (lines.length <= 1) return { matched: lines, rest: [] };
  const start = text.lastIndexOf('\n', match.index) + 1;
  const newline = text.indexOf('\n', match.end > 0 ? match.end - 1 : text.length - 1);
  const first = newlinesIn(text, start);
  const after = newlinesIn(text, newline < 0 ? text.length : newline + 1);
  const matched = lines.slice(first, after);
  const rest = lines.slice(0, first);
  let from = 0;
  for (const skipped of skippedLines(match.groups)) {
    const at = matched.indexOf(skipped, from);
    if (at < 0) continue;
    rest.push(...matched.splice(at, 1));
    from = at;
  }
  return { matched, rest: [...rest, ...lines.slice(after)] };
}

function newlinesIn(text: string, end: number): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0 && at < end; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function skippedLines(groups: Groups): string[] {
  let skipped = '';
  for (const name of Object.keys(groups).sort()) if (/^skiplines\d+$/.test(name)) skipped += groups[name] ?? '';
  return skipped === '' ? [] : skipped.replace(/\n$/, '').split('\n');
}
