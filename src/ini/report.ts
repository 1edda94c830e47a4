/** Collects what is wrong with files, so that everything is said at once and nothing twice. */
import { type Diagnostic, formatDiagnostic } from '../core/finding.js';
import { INI_DIAGNOSTICS_MAX } from '../core/limits.js';
import { hideSecrets } from '../core/secrets.js';

export class Report {
  readonly #diagnostics: Diagnostic[] = [];
  readonly #seen = new Set<string>();
  #dropped = 0;

  /**
   * Adds one, without the secrets of its value; the same one again is not added. `as`: the key
   * whose value it is a part of, where it is told under the name of that part.
   */
  add(found: Diagnostic, as = found.key): void {
    const { value } = found;
    const diagnostic = value === undefined ? found : { ...found, value: hideSecrets(value, as) };
    const text = formatDiagnostic(diagnostic);
    if (this.#seen.has(text)) return;
    if (this.#diagnostics.length >= INI_DIAGNOSTICS_MAX) {
      this.#dropped++;
      return;
    }
    this.#seen.add(text);
    this.#diagnostics.push(diagnostic);
  }

  addAll(diagnostics: Iterable<Diagnostic>): void {
    for (const diagnostic of diagnostics) this.add(diagnostic);
  }

  /** True when there is at least one error. */
  get failed(): boolean {
    return (
      this.#dropped > 0 || this.#diagnostics.some((diagnostic) => diagnostic.level === 'error')
    );
  }

  /** Everything, in the order it was found; past the bound one line says how many are missing. */
  get diagnostics(): readonly Diagnostic[] {
    if (this.#dropped === 0) return this.#diagnostics;
    const level = 'error';
    return [
      ...this.#diagnostics,
      {
        level,
        id: 'ini.too-many',
        message: `${this.#dropped} more problems are not shown`,
        fix: 'mend these first',
      },
    ];
  }
}
