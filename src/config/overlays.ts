/**
 * `action.d/*.conf` and `.local` as settings: users of fail2ban put `chain_hook`, `protocol`, `blocktype` there for all
 * firewall actions, and `dest`, `sender` for all mails. Their commands are never run.
 */
import type { IniDocument } from '../ini/document.js';
import { interpolate } from '../ini/interpolate.js';
import { loadFiles } from '../ini/load.js';
import type { Report } from '../ini/report.js';
import type { Roots } from '../ini/roots.js';
import { placeOf, textOf } from '../ini/value.js';
import type { Setting } from './types.js';

export class Overlays {
  readonly #documents = new Map<string, IniDocument>();
  constructor(
    readonly roots: Roots,
    readonly report: Report,
  ) {}

  /** The value of `key` in [Init] (or [Definition]) of the first of the action files that states it. */
  find(names: readonly string[], key: string): Setting | undefined {
    for (const name of names) {
      const document = this.#load(name);
      for (const section of ['Init', 'Definition', 'DEFAULT']) {
        if (document.own(section, key) === undefined) continue;
        const value = interpolate(document, section, key, this.report) ?? [];
        const place = placeOf(value) ?? document.own(section, key)?.place;
        const text = textOf(value).trim();
        if (place !== undefined && text !== '') return { text, place };
      }
    }
    return undefined;
  }

  /** True when there is such an action file in a root. */
  has(name: string): boolean {
    return this.#load(name).files.length > 0;
  }

  #load(name: string): IniDocument {
    let document = this.#documents.get(name);
    if (document === undefined) {
      document = loadFiles(this.roots, this.roots.family(`action.d/${name}`), this.report);
      this.#documents.set(name, document);
    }
    return document;
  }
}
