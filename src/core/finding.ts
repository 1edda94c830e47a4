/**
 * What a stage has to say about its own health (`check()`), what a file has wrong with it, and
 * where. `doctor`, `config check` and `status` collect and print these.
 */
export type FindingLevel = 'ok' | 'note' | 'warning' | 'error';

export interface Finding {
  readonly level: FindingLevel;
  /** Stable and short, e.g. `journal.permission`, `firewall.br-netfilter`. */
  readonly id: string;
  /** One sentence: what is. */
  readonly message: string;
  /** What to type or change; absent when there is nothing to do. */
  readonly fix?: string;
}

/** A place in a file that a person edits; `line` and `column` count from 1. */
export interface FilePosition {
  readonly file: string;
  readonly line: number;
  readonly column?: number;
}

/** One problem of one file: everything that is needed to mend it. */
export interface Diagnostic {
  readonly level: 'note' | 'warning' | 'error';
  /** Stable, e.g. `ini.cycle`, `regex.unsupported`, `jail.unknown-key`. */
  readonly id: string;
  readonly message: string;
  readonly place?: FilePosition;
  readonly section?: string;
  readonly key?: string;
  readonly value?: string;
  readonly fix?: string;
}

/** `file:line:column: [section] key: message`, as compilers print it; for logs and terminals. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { place, section, key, value, fix } = diagnostic;
  const where = place
    ? `${place.file}:${place.line}${place.column === undefined ? '' : `:${place.column}`}: `
    : '';
  const what = `${section === undefined ? '' : `[${section}] `}${key === undefined ? '' : `${key}: `}`;
  const got = value === undefined ? '' : ` (got ${JSON.stringify(value)})`;
  return `${where}${diagnostic.level}: ${what}${diagnostic.message}${got}${fix === undefined ? '' : `; ${fix}`}`;
}
