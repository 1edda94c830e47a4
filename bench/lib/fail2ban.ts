/** fail2ban beside us: Debian's own package, unpacked, its filters over a stored journal. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fail2banPackage } from '../../test/support/fail2ban.js';

/** Debian 13's. */
export const FAIL2BAN_VERSION = '1.1.0-8';

export interface Fail2banRun {
  /** By its own clock, without start-up. */
  readonly seconds: number;
  readonly lines: number;
  readonly matched: number;
}

export class Fail2ban {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** The package, or why it cannot be had. */
  static find(): Fail2ban | string {
    const found = fail2banPackage(FAIL2BAN_VERSION);
    if ('reason' in found) return found.reason;
    const check = spawnSync('/usr/bin/python3', ['-P', '-c', 'import systemd.journal'], {
      encoding: 'utf8',
    });
    return check.status === 0
      ? new Fail2ban(found.root)
      : `python3-systemd is missing: ${check.stderr.trim()}`;
  }

  /**
   * `fail2ban-regex` with a stock filter over the journal files of a folder, first regex wins as in
   * the daemon.
   */
  filter(folder: string, filter: string, match: string): Fail2banRun {
    const program = [
      join(this.#root, 'usr/bin/fail2ban-regex'),
      '-c',
      join(this.#root, 'etc/fail2ban'),
    ];
    const options = [
      '--usedns',
      'no',
      '--no-check-all',
      '--print-no-missed',
      '--print-no-ignored',
      '-m',
      match,
    ];
    const run = spawnSync(
      '/usr/bin/python3',
      [...program, ...options, `systemd-journal[journalpath=${folder}]`, filter],
      {
        env: { ...process.env, PYTHONPATH: join(this.#root, 'usr/lib/python3/dist-packages') },
        encoding: 'utf8',
        maxBuffer: 256 * 1024 * 1024,
      },
    );
    const numbers = /Lines: (\d+) lines, \d+ ignored, (\d+) matched/.exec(run.stdout);
    const seconds = Number(/\[processed in ([\d.]+) sec\]/.exec(run.stdout)?.[1]);
    if (numbers === null || !Number.isFinite(seconds))
      throw new Error(`fail2ban-regex: ${run.stdout}${run.stderr}`);
    return { seconds, lines: Number(numbers[1]), matched: Number(numbers[2]) };
  }
}
