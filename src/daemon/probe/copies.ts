/**
 * Files that are believed to be copies of the journal, and therefore not read: looked at every few seconds while they
 * grow. One that holds failures which the journal does not have, or lines of the service of which the journal has none at
 * all, is read from then on.
 */

import { statSync } from 'node:fs';
import { inBackground } from '../../core/background.js';
import { messageOf } from '../../core/errors.js';
import type { Log } from '../../core/log.js';
import type { JailName } from '../../core/names.js';
import { type EpochMicros, plus, wallClock } from '../../core/time.js';
import { expandPath } from '../../journal/path-glob.js';
import type { AgentSetup, JailSetup } from '../configuration/setup.js';
import type { CopyPlan, CopyReport } from './copy-probe.js';

/** Files are looked at this often, ms: a stat(2) each. */
const LOOK_MS = 5_000;
/** Lines of a growing file are sought this often: while some are too new to be judged, and when all have been, ms. */
const NEW_MS = 10_000;
const PROVEN_MS = 40_000;
/** How far back lines are looked at, seconds: more than lies between two looks. */
const BACK_SECONDS = 120;

export interface CopiesParts {
  readonly setup: () => AgentSetup;
  /** The jail as it is when it reads its files. */
  readonly byFiles: (jail: JailName) => Promise<JailSetup | undefined>;
  /** True while it reads them because of what was found here. */
  readonly isByFiles: (jail: JailName) => boolean;
  /** Makes it read them. */
  readonly readFiles: (jail: JailName) => Promise<unknown>;
  /** Looks, in a thread unless a test does it. */
  readonly run: (plans: readonly CopyPlan[]) => Promise<readonly CopyReport[]>;
  readonly log: Log;
  readonly now?: () => EpochMicros;
}

interface Watched {
  /** Sizes and times of the files when nothing was undecided any more. */
  stamp: string;
  nextMs: number;
}

export class Copies {
  readonly #parts: CopiesParts;
  readonly #now: () => EpochMicros;
  readonly #watched = new Map<JailName, Watched>();
  /** Jails that read their files now, and which files hold what. */
  readonly #read = new Map<JailName, string>();
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: CopiesParts) {
    this.#parts = parts;
    this.#now = parts.now ?? (() => wallClock.now());
  }

  start(): void {
    this.#timer = setTimeout(() => inBackground(this.#turn()), LOOK_MS);
    this.#timer.unref();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Files that are read against the first belief, one sentence each. */
  warnings(): readonly string[] {
    return [...this.#read].flatMap(([jail, what]) => (this.#parts.isByFiles(jail) ? [sentence(jail, what)] : []));
  }

  /** One look at the files that have grown; resolves when what was found has been done. */
  async look(): Promise<void> {
    const grown = this.#grown();
    if (grown.length === 0) return;
    const now = this.#now();
    const plans: CopyPlan[] = [];
    for (const { setup } of grown) {
      const byFiles = await this.#parts.byFiles(setup.policy.jail);
      if (byFiles?.source === undefined || setup.source === undefined) continue;
      const since = plus(now, -BACK_SECONDS);
      plans.push({ intake: byFiles.intake, files: byFiles.source, journal: setup.source, since, now });
    }
    const reports = new Map((await this.#parts.run(plans)).map((report) => [report.jail, report]));
    for (const { setup, stamp } of grown) {
      const { jail } = setup.policy;
      const report = reports.get(jail);
      if (report === undefined) continue;
      const nextMs = performance.now() + (report.undecided ? NEW_MS : PROVEN_MS);
      this.#watched.set(jail, { stamp: report.undecided ? '' : stamp, nextMs });
      const isElsewhere = report.isElsewhere && report.found === 0;
      if (isElsewhere || (report.missing > 0 && report.missing >= report.found)) await this.#switch(setup, report);
    }
  }

  async #switch({ policy, unread = [] }: JailSetup, { missing }: CopyReport): Promise<void> {
    const what = `${unread.join(' ')} holds ${missing > 0 ? 'failures' : 'lines of the service'}`;
    await this.#parts.readFiles(policy.jail);
    this.#read.set(policy.jail, what);
    this.#watched.delete(policy.jail);
    this.#parts.log('warning', sentence(policy.jail, what));
  }

  /** Jails whose files have changed since the last look that is over. */
  #grown(): { readonly setup: JailSetup; readonly stamp: string }[] {
    return this.#parts.setup().jails.flatMap((setup) => {
      if (setup.unread === undefined) return [];
      const watched = this.#watched.get(setup.policy.jail);
      if (watched !== undefined && performance.now() < watched.nextMs) return [];
      const stamp = setup.unread.flatMap(expandPath).map(stampOf).join(' ');
      return stamp === '' || stamp === watched?.stamp ? [] : [{ setup, stamp }];
    });
  }

  async #turn(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      this.#parts.log('warning', `the files beside the journal could not be looked at: ${messageOf(error)}`);
    }
    if (this.#timer !== undefined) this.start();
  }
}

function sentence(jail: JailName, what: string): string {
  return `${jail}: ${what} that the journal does not have, so the file is read instead; write backend = polling into [${jail}]`;
}

function stampOf(path: string): string {
  try {
    const { ino, size, mtimeMs } = statSync(path);
    return `${ino}:${size}:${mtimeMs}`;
  } catch {
    return '';
  }
}
