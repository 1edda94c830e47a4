/** A host for one test of a part of the companion: its folders, and its companion.local. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadCompanionConfig } from '../../src/setup/companion-config.js';
import type { Paths } from '../../src/setup/paths.js';

export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'banjour-part-'));
  readonly paths: Paths = {
    shipped: join(process.cwd(), 'config'),
    config: join(this.folder, 'etc'),
    run: join(this.folder, 'run'),
    state: join(this.folder, 'state'),
  };
  constructor() {
    for (const name of ['run-companion', 'state-companion']) mkdirSync(join(this.folder, name));
  }

  /** Writes a file below the folder; returns its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** The configuration with these lines in the part's section. */
  configured(section: string, ...lines: readonly string[]) {
    this.write('etc/companion.local', [`[${section}]`, ...lines, ''].join('\n'));
    return loadCompanionConfig(this.paths);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}
