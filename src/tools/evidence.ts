/**
 * The entries of a decision, read again by their cursors, each with the regex that finds the
 * failure in it today. Every entry is read once and every filter compiled once, however many jails
 * counted the same.
 */
import type { EvidenceView } from '../control/protocol.js';
import type { Entry, SourceSpec } from '../core/entry.js';
import { fieldsOf, matches } from '../core/match.js';
import { cursor } from '../core/names.js';
import { compileFilter } from '../filter/compile.js';
import { matchEntry } from '../filter/container-line.js';
import type { CompiledFilter } from '../filter/filter.js';
import { LINE_FIELDS, lineOf } from '../filter/line.js';
import { isFailure } from '../filter/line-match.js';
import { countOf } from '../filter/match-groups.js';
import { createSource } from '../journal/source.js';
import { findEntry } from '../journal/systemd/find.js';
import { idOf, type JailSetup } from '../setup/setup.js';
import { textTools } from '../setup/text-dates.js';

/** What the agent knows of an entry that it counted. */
export interface CountedEntry {
  readonly cursor: string;
  /** Failures, and points of a jail that weighs; absent where it is not known any more. */
  readonly count?: number | undefined;
  readonly points?: number | undefined;
}

/** An entry as a filter sees it. */
type Found = Pick<EvidenceView, 'time' | 'line' | 'count' | 'regex'>;

export class EvidenceReader {
  readonly #fields: readonly string[];
  readonly #filters = new Map<JailSetup, CompiledFilter | undefined>();
  /** By source and cursor; undefined: it is gone. */
  readonly #entries = new Map<string, Entry | undefined>();

  constructor(jails: readonly JailSetup[]) {
    const wanted = jails.flatMap(({ intake }) => [...fieldsOf(intake.match)]);
    this.#fields = [...new Set([...LINE_FIELDS, ...wanted])];
  }

  /**
   * The entry with the first jail of these that wants it and whose filter counts a failure in it.
   * Jails read each other's services, and what one counts another only takes note of. Never throws:
   * without permission to read the journal the decision itself is still worth showing.
   */
  view({ cursor: text, count, points }: CountedEntry, jails: readonly JailSetup[]): EvidenceView {
    const views = jails.map((jail) => this.#found(text, jail));
    const found =
      views.find((one) => one?.regex !== undefined) ?? views.find((one) => one !== undefined);
    return {
      cursor: text,
      ...found,
      ...(count === undefined ? {} : { count }),
      ...(points === undefined ? {} : { points }),
    };
  }

  #found(text: string, jail: JailSetup): Found | undefined {
    const { source, intake } = jail;
    if (source === undefined) return undefined;
    try {
      const entry = this.#entry(text, source);
      if (entry === undefined) return undefined;
      const line = lineOf(entry);
      const seen = { time: new Date(entry.realtime / 1000).toISOString(), line: line.text };
      // The fields of a text file's entry say nothing of its jail: only its own file is read.
      const isWanted =
        source.kind === 'text' || matches(intake.match, (name) => entry.fields.get(name));
      const filter = isWanted ? this.#filter(jail) : undefined;
      if (filter === undefined) return seen;
      // Never settled, the filter remembers no line: each is judged as the only one.
      const match = matchEntry(filter, entry, line, { running: undefined });
      const { slot, marks } = match;
      if (!isFailure(match) || slot === undefined) return seen;
      const { place, text: regex } = slot.source;
      return {
        ...seen,
        count: countOf(marks.facts),
        regex: `${place.file}:${place.line}: ${regex}`,
      };
    } catch {
      return undefined;
    }
  }

  #entry(text: string, source: SourceSpec): Entry | undefined {
    const key = `${JSON.stringify(source)}\n${text}`;
    if (!this.#entries.has(key)) {
      const make = () => createSource(source, idOf(source), textTools);
      this.#entries.set(key, findEntry(make, cursor(text), this.#fields));
    }
    return this.#entries.get(key);
  }

  #filter(jail: JailSetup): CompiledFilter | undefined {
    if (!this.#filters.has(jail))
      this.#filters.set(jail, compileFilter(jail.intake.filter, false).filter);
    return this.#filters.get(jail);
  }
}
