/** Filters and entries made in a test. */
import type { Entry } from '../../src/core/entry.js';
import { parseMatch, WHOLE_JOURNAL } from '../../src/core/match.js';
import { cursor, filterName, mustJailName } from '../../src/core/names.js';
import type { FilterDefinition, JailIntake, SourceText } from '../../src/core/specs.js';
import { epochMicros } from '../../src/core/time.js';
import { compileFilter } from '../../src/filter/compile.js';
import type { CompiledFilter } from '../../src/filter/filter.js';

export interface FilterText {
  readonly failregex?: readonly string[];
  readonly ignoreregex?: readonly string[];
  readonly successregex?: readonly string[];
  readonly prefregex?: string;
  readonly maxlines?: number;
  readonly usedns?: 'no' | 'raw';
  readonly loggedby?: 'system';
  readonly logtype?: 'container';
}

const source =
  (file: string) =>
  (text: string, index: number): SourceText => ({
    text,
    place: { file, line: 10 + index, column: 13 },
  });

export function definition(text: FilterText, name = 'sample'): FilterDefinition {
  const at = source(`filter.d/${name}.conf`);
  return {
    name: filterName(name),
    failregex: (text.failregex ?? []).map(at),
    ignoreregex: (text.ignoreregex ?? []).map(at),
    successregex: (text.successregex ?? []).map(at),
    ...(text.prefregex !== undefined && { prefregex: at(text.prefregex, -5) }),
    maxlines: text.maxlines ?? 1,
    usedns: text.usedns ?? 'no',
    ...(text.logtype !== undefined && { logtype: text.logtype }),
    ...(text.loggedby !== undefined && { loggedby: text.loggedby }),
  };
}

/** Throws with the diagnostics when the filter is refused. */
export function compiled(text: FilterText): CompiledFilter {
  const { filter, diagnostics } = compileFilter(definition(text));
  if (filter === undefined) throw new Error(JSON.stringify(diagnostics));
  return filter;
}

export function jail(name: string, match: string, text: FilterText): JailIntake {
  const expression = match === '' ? WHOLE_JOURNAL : parseMatch(match).expression;
  if (expression === undefined) throw new Error(`not a match: ${match}`);
  return { jail: mustJailName(name), match: expression, filter: definition(text, name) };
}

let sequence = 0;

/**
 * An entry of sshd on mx1 unless `fields` say otherwise; every one a second after the one before.
 */
export function entry(
  message: string,
  fields: Readonly<Record<string, string>> = {},
  cutAt?: number,
): Entry {
  const n = sequence++;
  return {
    cursor: cursor(`c${n}`),
    realtime: epochMicros(1_700_000_000_000_000 + n * 1_000_000),
    message,
    fields: new Map(
      Object.entries({
        _HOSTNAME: 'mx1',
        SYSLOG_IDENTIFIER: 'sshd',
        SYSLOG_PID: '7',
        _SYSTEMD_UNIT: 'ssh.service',
        _BOOT_ID: 'b',
        ...fields,
      }),
    ),
    ...(cutAt !== undefined && { cutAt }),
  };
}
