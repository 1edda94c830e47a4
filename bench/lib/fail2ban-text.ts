/**
 * fail2ban-regex of Debian's package over text files: each filter its share of a mail server's
 * lines.
 */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { MailEntry } from '../mailserver.js';

/** What a run over some lines took. */
export interface Cost {
  readonly lines: number;
  /** By the clock, without start-up. */
  readonly seconds: number;
  /** Of the processor, all threads of the process, without start-up. */
  readonly cpu: number;
  readonly hits: number;
}

/** Lines of syslog with a date, as fail2ban reads them from files. */
export class TextLogs {
  readonly counts: ReadonlyMap<MailEntry['service'], number>;
  readonly #folder: string;
  readonly #root: string;

  /** Writes the files into `folder`; `root` is the unpacked package. */
  constructor(
    root: string,
    folder: string,
    entries: Iterable<MailEntry>,
    host: string,
    start: number,
  ) {
    this.#root = root;
    this.#folder = folder;
    const files = new Map<MailEntry['service'], { file: number; lines: string[]; count: number }>();
    const flush = (log: { file: number; lines: string[] }) =>
      writeSync(log.file, log.lines.splice(0).join(''));
    let n = 0;
    for (const { service, ident, pid, message } of entries) {
      const log = files.get(service) ?? {
        file: openSync(this.#path(service), 'w'),
        lines: [],
        count: 0,
      };
      files.set(service, log);
      log.count++;
      log.lines.push(
        `${new Date(start * 1000 + n++).toISOString()} ${host} ${ident}[${pid}]: ${message}\n`,
      );
      if (log.lines.length === 10_000) flush(log);
    }
    for (const log of files.values()) {
      flush(log);
      closeSync(log.file);
    }
    closeSync(openSync(this.#path('empty'), 'w'));
    this.counts = new Map([...files].map(([service, { count }]) => [service, count]));
  }

  /**
   * Judges the lines of a service with a filter, by name or a regex; its start-up, an empty file,
   * is taken off.
   */
  run(service: MailEntry['service'], filter: string, options: readonly string[]): Cost {
    const startUp = this.#regex('empty', filter, options);
    const { seconds, cpu, hits } = this.#regex(service, filter, options);
    return { lines: this.counts.get(service) ?? 0, seconds, cpu: cpu - startUp.cpu, hits };
  }

  #path(name: string): string {
    return join(this.#folder, `${name}.log`);
  }

  /** Its own figure by the clock leaves out start-up and reading the configuration. */
  #regex(file: string, filter: string, options: readonly string[]): Omit<Cost, 'lines'> {
    const program = [
      'python3',
      join(this.#root, 'usr/bin/fail2ban-regex'),
      '-c',
      join(this.#root, 'etc/fail2ban'),
    ];
    const quiet = ['--usedns', 'no', '--print-no-missed', '--print-no-ignored'];
    // `times` prints, in its second line, user and system time of the children (POSIX, sh).
    const words = [...program, ...quiet, ...options, this.#path(file), filter];
    const run = spawnSync('sh', ['-c', '"$@"; times', 'sh', ...words], {
      env: { ...process.env, PYTHONPATH: join(this.#root, 'usr/lib/python3/dist-packages') },
      encoding: 'utf8',
    });
    const seconds = Number(/\[processed in ([\d.]+) sec\]/.exec(run.stdout)?.[1]);
    const hits = Number(/(\d+) matched/.exec(run.stdout)?.[1]);
    const [, userMinutes, user, systemMinutes, system] =
      /(\d+)m([\d.]+)s (\d+)m([\d.]+)s\s*$/.exec(run.stdout)?.map(Number) ?? [];
    const cpu = 60 * ((userMinutes ?? 0) + (systemMinutes ?? 0)) + (user ?? 0) + (system ?? 0);
    if (!Number.isFinite(seconds) || cpu === 0)
      throw new Error(`fail2ban-regex: ${run.stdout}${run.stderr}`);
    return { seconds, cpu, hits };
  }
}
