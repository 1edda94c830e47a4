/**
 * The administrator's files as they were when they last came into force, kept beside the ledger. A
 * running agent whose reload is refused goes on with the old ones; one that dies then would find
 * only the bad ones at its start, and ban nobody until they are mended.
 */
import { readFileSync, statSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EXIT, OperatorError } from '../core/errors.js';
import { LAST_GOOD_BYTES_MAX } from '../core/service-limits.js';
import { diskTree, overlaid } from '../ini/tree.js';
import { LiveConfiguration } from './live.js';
import { type ConfigurationRoots, configError } from './load.js';

/** Beside the ledger; only root and the agent may read it, since files hold passwords. */
const FILE = 'last-good-configuration.json';

/** Texts of files, by their path below the administrator's folder. */
type KeptFiles = ReadonlyMap<string, { readonly text: string }>;

export class LastGood {
  readonly #path: string;
  #written: string | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `ledgerPath`: beside which it is kept. */
  constructor(ledgerPath: string) {
    this.#path = join(dirname(ledgerPath), FILE);
  }

  /**
   * Keeps these: whole, or not at all (rename(2)), and one after the other. Never waits on the
   * calling thread for the disk. Rejects when they cannot be written, or are more than
   * `LAST_GOOD_BYTES_MAX`.
   */
  keep(files: ReadonlyMap<string, string>): Promise<void> {
    const kept = this.#writing.then(() => this.#write(files));
    this.#writing = kept.catch(() => undefined);
    return kept;
  }

  async #write(files: ReadonlyMap<string, string>): Promise<void> {
    const text = `${JSON.stringify({ version: 1, files: Object.fromEntries(files) })}\n`;
    if (text === this.#written) return;
    const size = Buffer.byteLength(text);
    if (size > LAST_GOOD_BYTES_MAX)
      throw new Error(`${size} bytes of files are more than ${LAST_GOOD_BYTES_MAX}`);
    await writeFile(`${this.#path}.new`, text, { mode: 0o600 });
    await rename(`${this.#path}.new`, this.#path);
    this.#written = text;
  }

  /** What was kept; undefined when nothing was, or it cannot be read. */
  read(): KeptFiles | undefined {
    try {
      if (statSync(this.#path).size > LAST_GOOD_BYTES_MAX) return undefined;
      const { version, files } = JSON.parse(readFileSync(this.#path, 'utf8')) as {
        readonly version?: unknown;
        readonly files?: unknown;
      };
      if (version !== 1 || typeof files !== 'object' || files === null) return undefined;
      const texts = Object.entries(files as Record<string, unknown>);
      if (texts.some(([, text]) => typeof text !== 'string')) return undefined;
      return new Map(texts.map(([path, text]) => [path, { text: text as string }]));
    } catch {
      return undefined;
    }
  }
}

/**
 * Loads the configuration of a start. When it has errors, the one that was last in force; when
 * there is none, throws an `OperatorError` with every problem at once, those of the regexes too.
 */
export async function loadForStart(
  roots: ConfigurationRoots,
  lastGood: LastGood,
): Promise<ReturnType<typeof LiveConfiguration.load>> {
  try {
    return LiveConfiguration.load(roots);
  } catch (error) {
    if (!(error instanceof OperatorError) || error.exitCode !== EXIT.config) throw error;
    const { examineConfiguration } = await import('./check.js');
    const refused = configError(examineConfiguration(roots));
    const files = lastGood.read();
    if (files === undefined) throw refused;
    try {
      const started = LiveConfiguration.load(roots, overlaid(diskTree, roots.adminRoot, files));
      started.live.refused = refused.message;
      return started;
    } catch {
      throw refused;
    }
  }
}
