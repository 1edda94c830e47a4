/**
 * `name[mode=aggressive, port="smtp,465"][extra='..']`: filters and actions with their parameters.
 */
import type { FilePosition } from '../core/finding.js';
import { HIDDEN, hideSecrets } from '../core/secrets.js';
import type { Report } from './report.js';
import { BUILT_IN, placeAt, placeOf, sliceValue, textOf, trimValue, type Value } from './value.js';

export interface Call {
  readonly name: string;
  readonly place: FilePosition;
  /** Names in lower case. */
  readonly options: ReadonlyMap<string, Value>;
}

const NAME = /[^[\s]+/y;
const OPEN = /\s*\[/y;
const OPTION = /\s*([\w\-.]+)=(?:"([^"]*)"|'([^']*)'|([^,\]]*))\s*/dy;
const NEXT = /,\s*|\]\s*\[|\]/y;

/**
 * Reads one call that is the whole value, as in `filter =`. Undefined when it is not one, which is
 * reported.
 */
export function parseCall(
  value: Value,
  report: Report,
  about: { section?: string; key: string },
): Call | undefined {
  const calls = parseCalls(value, report, about);
  if (calls === undefined || calls.length === 0) return undefined;
  if (calls.length > 1) {
    const { name, place } = calls[1] as Call;
    const message = 'only one name with parameters can stand here';
    report.add({
      level: 'error',
      id: 'ini.call',
      message,
      place,
      ...about,
      value: name,
      fix: 'remove the others',
    });
    return undefined;
  }
  return calls[0];
}

/**
 * Reads calls separated by white space, as in `action =`. Undefined when one is broken, which is
 * reported.
 */
export function parseCalls(
  value: Value,
  report: Report,
  about: { section?: string; key: string },
): readonly Call[] | undefined {
  const text = textOf(value);
  const fallback = placeOf(value) ?? { file: BUILT_IN, line: 0 };
  const calls: Call[] = [];
  let at = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  const fail = (message: string): undefined => {
    const place = placeAt(value, at) ?? fallback;
    // A piece of a value does not show which parameter it is of.
    const isPlain = hideSecrets(text, about.key) === text;
    const rest = isPlain ? text.slice(at, at + 40) : HIDDEN;
    const fix =
      'write name[option=value, other="a, b"]; quote values with blanks, commas or brackets';
    report.add({ level: 'error', id: 'ini.call', message, place, ...about, value: rest, fix });
  };
  for (;;) {
    take(/\s*/y);
    if (at >= text.length) return calls;
    const start = at;
    const name = take(NAME)?.[0];
    if (name === undefined) return fail('a name is missing before "["');
    const options = new Map<string, Value>();
    let open = take(OPEN) !== null;
    while (open) {
      if (take(/\s*\]/y) !== null) break;
      const option = take(OPTION);
      if (option === null) return fail('what stands in the brackets is not option=value');
      const [from, to] = option.indices?.slice(2).find((span) => span !== undefined) ?? [at, at];
      options.set((option[1] as string).toLowerCase(), trimValue(sliceValue(value, from, to)));
      const next = take(NEXT)?.[0];
      if (next === undefined) return fail('no "," or "]" follows the value');
      open = next !== ']';
    }
    if (/\S/.test(text[at] ?? '')) return fail('no blank follows the "]"');
    calls.push({ name, place: placeAt(value, start) ?? fallback, options });
  }
}
