/** Text files: from what the configuration says to how they are read, and the match by which their jails find them. */
import type { JailSource } from '../../config/types.js';
import { type SourceSpec, TEXT_LOG_FIELD, type TextLog } from '../../core/entry.js';
import type { MatchExpression } from '../../core/match.js';
import type { FilterDefinition } from '../../core/specs.js';

type TextSource = Extract<JailSource, { kind: 'text' }>;

/** The logs of a jail; the date pattern is its filter's. */
export function textSpec(source: TextSource, filter: FilterDefinition): Extract<SourceSpec, { kind: 'text' }> {
  const datepattern = filter.datepattern?.text;
  return {
    kind: 'text',
    logs: source.paths.map(({ path, from }): TextLog => {
      const { encoding, timezone } = source;
      const unusual = [
        ...(from === 'tail' ? ['tail'] : []),
        ...(encoding === 'auto' ? [] : [encoding]),
        ...(timezone === null ? [] : [timezone]),
        ...(datepattern === undefined ? [] : [datepattern]),
      ];
      return {
        key: [path, ...unusual].join(' '),
        path,
        from,
        encoding,
        timezone,
        ...(datepattern === undefined ? {} : { datepattern }),
      };
    }),
  };
}

/** Entries of these logs. */
export function textMatch({ logs }: Extract<SourceSpec, { kind: 'text' }>): MatchExpression {
  return { groups: [new Map([[TEXT_LOG_FIELD, logs.map(({ key }) => key)]])] };
}
