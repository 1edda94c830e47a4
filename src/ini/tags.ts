/**
 * `<name>` in filters and actions: replaced by the option of that name, innermost first and again until nothing
 * changes, so that `<mdre-<mode>>` works. Unknown tags (`<HOST>`, `<F-USER>`) stay.
 */
import { INI_TAG_USES_MAX, INI_VALUE_CHARS_MAX } from '../core/limits.js';
import type { Report } from './report.js';
import { placeAt, placeOf, replaceAll, textOf, type Value } from './value.js';

/** Finds the value of a tag; undefined leaves it as it is. */
export type TagLookUp = (name: string) => Value | undefined;

/** The value of the option `key` with its tags replaced; undefined when they never end, which is reported. */
export function expandTags(key: string, start: Value, lookUp: TagLookUp, report: Report): Value | undefined {
  const uses = new Map<string, number>();
  const known = new Map<string, Value | undefined>();
  let value = start;
  let text = textOf(value);
  const fail = (id: string, message: string, offset: number, fix: string): undefined => {
    const place = placeAt(value, offset) ?? placeOf(start);
    report.add({ level: 'error', id, message, ...(place === undefined ? {} : { place }), key, fix });
  };
  for (let changed = true; changed; ) {
    changed = false;
    const tags = /<([^ <>]+)>/g;
    for (let found = tags.exec(text); found !== null; found = tags.exec(text)) {
      const name = found[1] as string;
      const count = uses.get(name) ?? 0;
      if (name === key || count > INI_TAG_USES_MAX) {
        const message = `the tag <${name}> uses itself, or is used more than ${INI_TAG_USES_MAX} times`;
        return fail('ini.tag-cycle', message, found.index, `write the value of ${name} out where it is used`);
      }
      if (!known.has(name)) known.set(name, lookUp(name));
      const replacement = known.get(name);
      if (replacement === undefined) continue;
      value = replaceAll(value, found[0], replacement);
      text = textOf(value);
      if (text.length > INI_VALUE_CHARS_MAX) {
        const message = `the value grows beyond ${INI_VALUE_CHARS_MAX} characters when its tags are put in`;
        return fail('ini.value-size', message, 0, 'its tags multiply one another: simplify them');
      }
      uses.set(name, count + 1);
      tags.lastIndex = found.index;
      changed = true;
    }
  }
  return value;
}
