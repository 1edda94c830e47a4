/**
 * Names and tags in values, replaced by what they stand for.
 *
 * `%(name)s` and its relatives, as Python's BasicInterpolation with fail2ban's additions:
 *
 * - `%(name)s`: the jail's or caller's options, then the section, then `[DEFAULT]`. `%%` is a
 *   percent sign.
 * - `%(section/name)s`: that section, else `[DEFAULT]`. `%(default/name)s`: `[DEFAULT]`.
 * - `%(known/name)s`: what the same option said in a file read earlier, else `[DEFAULT]`.
 * - `%(__name__)s`: the section's name.
 *
 * `<name>` in filters and actions: replaced by the option of that name, innermost first and again
 * until nothing changes, so that `<mdre-<mode>>` works. Unknown tags (`<HOST>`, `<F-USER>`) stay.
 */

import type { Diagnostic, FilePosition } from '../core/finding.js';
import { INI_DEPTH_MAX, INI_TAG_USES_MAX, INI_VALUE_CHARS_MAX } from '../core/limits.js';
import type { IniDocument, IniOption } from './parse.js';
import type { Report } from './report.js';
import {
  BUILT_IN,
  deeper,
  literal,
  placeAt,
  placeOf,
  replaceAll,
  textOf,
  type Value,
  type ValuePiece,
} from './value.js';

/** Finds the value of a tag; undefined leaves it as it is. */
export type TagLookUp = (name: string) => Value | undefined;

/**
 * The value of the option `key` with its tags replaced; undefined when they never end, which is
 * reported.
 */
export function expandIniTags(
  key: string,
  start: Value,
  lookUp: TagLookUp,
  report: Report,
): Value | undefined {
  const uses = new Map<string, number>();
  const known = new Map<string, Value | undefined>();
  let value = start;
  let text = textOf(value);
  const fail = (id: string, message: string, offset: number, fix: string): undefined => {
    const place = placeAt(value, offset) ?? placeOf(start);
    report.add({
      level: 'error',
      id,
      message,
      ...(place === undefined ? {} : { place }),
      key,
      fix,
    });
  };
  for (let changed = true; changed; ) {
    changed = false;
    const tags = /<([^ <>]+)>/g;
    for (let found = tags.exec(text); found !== null; found = tags.exec(text)) {
      const name = found[1] as string;
      const count = uses.get(name) ?? 0;
      if (name === key || count > INI_TAG_USES_MAX) {
        const message = `the tag <${name}> uses itself, or is used more than ${INI_TAG_USES_MAX} times`;
        return fail(
          'ini.tag-cycle',
          message,
          found.index,
          `write the value of ${name} out where it is used`,
        );
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

/**
 * Values that come from outside of the document and go first; names in lower case. Taken as they
 * are.
 */
export type Vars = ReadonlyMap<string, Value>;

/** Carries one problem from the depth of an expansion to its report. */
class Broken extends Error {
  constructor(readonly diagnostic: Diagnostic) {
    super(diagnostic.message);
  }
}

/**
 * The value of an option, interpolated. Undefined when there is none, or when it is broken, which
 * is reported.
 */
export function interpolate(
  document: IniDocument,
  section: string,
  key: string,
  report: Report,
  vars: Vars = new Map(),
): Value | undefined {
  const lower = key.toLowerCase();
  const given = vars.get(lower);
  if (given !== undefined) return given;
  const option = document.option(section, lower);
  return option && interpolateOption(document, section, option, report, vars);
}

/**
 * The interpolated value of one option, seen from a section. Undefined when it is broken, which is
 * reported.
 */
export function interpolateOption(
  document: IniDocument,
  section: string,
  option: IniOption,
  report: Report,
  vars: Vars = new Map(),
): Value | undefined {
  try {
    return new Expansion(document, section, vars).expand(option, []);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    report.add(error.diagnostic);
    return undefined;
  }
}

class Expansion {
  #budget = INI_VALUE_CHARS_MAX;
  constructor(
    readonly document: IniDocument,
    readonly section: string,
    readonly vars: Vars,
  ) {}

  /** `stack` holds the options that are being expanded, outermost first. */
  expand(option: IniOption, stack: readonly IniOption[]): Value {
    if (stack.includes(option))
      throw this.#broken(option, option.place, 'ini.cycle', cycle(stack, option), CYCLE_FIX);
    if (stack.length >= INI_DEPTH_MAX) {
      const message = `%(...)s is nested deeper than ${INI_DEPTH_MAX} options`;
      throw this.#broken(
        option,
        option.place,
        'ini.depth',
        message,
        'write some of the values out',
      );
    }
    const inner = [...stack, option];
    const result: ValuePiece[] = [];
    for (const piece of option.value) {
      let from = 0;
      for (const found of piece.text.matchAll(/%(?:(%)|\(([^)]+)\)s)?/g)) {
        const [whole, percent, name] = found;
        push(result, piece, from, found.index);
        from = found.index + whole.length;
        if (percent !== undefined) push(result, piece, found.index + 1, from);
        else if (name !== undefined) result.push(...this.#lookUp(name, piece, found.index, inner));
        else {
          const fix = 'write %% for a percent sign, %(name)s for the value of an option';
          const message = '"%" stands alone';
          throw this.#broken(
            option,
            at(piece, found.index),
            'ini.percent',
            message,
            fix,
            piece.text.trimEnd(),
          );
        }
      }
      push(result, piece, from, piece.text.length);
      this.#spend(piece.text.length, option);
    }
    return result;
  }

  #lookUp(name: string, piece: ValuePiece, offset: number, stack: readonly IniOption[]): Value {
    const lower = name.toLowerCase();
    const given = this.vars.get(lower);
    if (given !== undefined) {
      this.#spend(
        given.reduce((sum, one) => sum + one.text.length, 0),
        stack[0] as IniOption,
      );
      return deeper(given);
    }
    if (lower === '__name__') {
      // The name was written where the section begins.
      const place = this.document.sections.get(this.section)?.place ?? at(piece, offset);
      return deeper(literal(this.section, place));
    }
    const option =
      this.document.own(this.section, lower) ??
      this.#foreign(name, stack) ??
      this.document.defaults.get(lower);
    if (option !== undefined) {
      // Nobody can look up a line of the built-in file: its text stands where it is used.
      const placed = (one: ValuePiece) =>
        one.place.file === BUILT_IN ? { ...one, place: at(piece, offset) } : one;
      return deeper(this.expand(option, stack)).map(placed);
    }
    const user = stack.at(-1) as IniOption;
    const fix = `define ${name} in [${this.section}] or [DEFAULT]; if it is no option, write %%(${name})s`;
    const message = `"%(${name})s" names an option that is not defined`;
    throw this.#broken(user, at(piece, offset), 'ini.unknown-name', message, fix);
  }

  #foreign(name: string, stack: readonly IniOption[]): IniOption | undefined {
    const split = /^([\w-]+)\/(.+)$/s.exec(name);
    if (split === null) return undefined;
    const section = split[1] as string;
    const key = (split[2] as string).toLowerCase();
    const kind = section.toLowerCase();
    if (kind === 'default') return this.document.defaults.get(key);
    if (kind !== 'known')
      return this.document.sections.has(section) ? this.document.option(section, key) : undefined;
    // Within an option that replaced another, "known" is what it replaced, in [DEFAULT] too and
    // over several files.
    const user = stack.findLast((option) => option.key === key);
    const fallback = this.document.defaults.get(key);
    return (
      user?.previous ??
      (user === undefined ? this.document.own(this.section, key)?.previous : undefined) ??
      (fallback !== undefined && !stack.includes(fallback) ? fallback : undefined)
    );
  }

  #spend(chars: number, option: IniOption): void {
    this.#budget -= chars;
    if (this.#budget >= 0) return;
    const message = `the value grows beyond ${INI_VALUE_CHARS_MAX} characters when its names are put in`;
    throw this.#broken(
      option,
      option.place,
      'ini.value-size',
      message,
      'its names multiply one another: simplify them',
    );
  }

  #broken(
    option: IniOption,
    place: FilePosition,
    id: string,
    message: string,
    fix: string,
    value?: string,
  ): Broken {
    const about = {
      level: 'error',
      id,
      message,
      place,
      section: this.section,
      key: option.key,
      fix,
    } as const;
    return new Broken(value === undefined ? about : { ...about, value });
  }
}

const CYCLE_FIX = 'an option cannot use itself; %(known/NAME)s is the value from an earlier file';

function cycle(stack: readonly IniOption[], option: IniOption): string {
  const chain = [...stack.slice(stack.indexOf(option)), option].map((one) => one.key);
  return `the options use one another in a circle: ${chain.join(' -> ')}`;
}

function at(piece: ValuePiece, offset: number): FilePosition {
  const { place } = piece;
  return place.column === undefined ? place : { ...place, column: place.column + offset };
}

function push(result: ValuePiece[], piece: ValuePiece, from: number, to: number): void {
  if (to > from)
    result.push({ text: piece.text.slice(from, to), place: at(piece, from), depth: piece.depth });
}
