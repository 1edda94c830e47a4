/** What a part of the companion is, what it is made from, and what is at hand for it. */
import { OperatorError } from '../core/errors.js';
import type { Log } from '../core/log.js';
import type { MetricsFormat } from '../metrics/format.js';
import type { ReportLetter } from '../notify/report-mail.js';
import type { SenderOptions } from '../notify/sender.js';
import {
  type CompanionConfig,
  describePort,
  type LoopbackPort,
} from '../setup/companion-config.js';
import type { Paths } from '../setup/paths.js';
import type { JailSetup } from '../setup/setup.js';

export type PartName = 'notify' | 'report' | 'metrics' | 'policy' | 'share' | 'web';

/** A part of the companion: runs until it is stopped. It has no capability and needs none. */
export interface CompanionPart {
  /** What it does now, for `systemctl status` and the log: "metrics on 127.0.0.1:9811". */
  readonly summary: string;
  /** Its figures as one text of this format, whose names no other part has. */
  readonly figures?: (format: MetricsFormat) => Promise<string>;
  /**
   * What companion.sock may ask of it, by name: `POST /v1/web/link`. Throws `OperatorError` for
   * what the client can mend.
   */
  readonly orders?: Readonly<Record<string, (body: unknown) => Promise<object>>>;
  /** For `banjour status` and doctor: plain data without a secret. */
  status(): unknown;
  /** Resolves once it has let go of its sockets and files. Never throws. */
  stop(): Promise<void>;
}

/** A part that the configuration switches on, before it is started. */
export interface PartPlan {
  readonly name: PartName;
  /** All of its configuration as a text: when that changes, a reload starts the part anew. */
  readonly configuration: string;
  /** What it will do, a line each: for the log and `--dry-run`. */
  readonly lines: readonly string[];
  /** What is wrong with its configuration. A reload leaves a part that runs as it is then. */
  readonly problem?: unknown;
  /**
   * Starts it. Throws (`OperatorError` where a person can mend it) when that cannot be: it is tried
   * again. `failed` is called once when it cannot go on later: it is stopped and started anew.
   */
  start(failed: (error: unknown) => void): Promise<CompanionPart>;
}

/** What the companion lends to its parts. */
export interface PartHost {
  readonly paths: Paths;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  /** The figures of the agent and of all parts. Throws when the agent does not answer. */
  readonly figures: (format: MetricsFormat) => Promise<string>;
  /** The report of a time, for a host of this name. Rejects when the agent does not answer. */
  readonly report: (since: Date, until: Date, host: string) => Promise<ReportLetter>;
  /** The file of the thread that serves the page, which uses the commands' tools. */
  readonly webThread: URL;
  /** Reads the log lines of bans. Lent by the command, since reading is the commands' as well. */
  readonly lines: (jails: readonly JailSetup[], log: Log) => SenderOptions['lines'];
}

/**
 * What the configuration wants of a part; undefined when it is switched off. Throws nothing: what
 * is wrong is the plan's `problem`.
 */
export type Planner = (config: CompanionConfig, host: PartHost) => Promise<PartPlan | undefined>;

/**
 * Where a part would listen, for people; and what is wrong when that is nowhere. `usual`: its port
 * unless somebody writes another.
 */
export function placesOf(
  name: PartName,
  { listen, socket }: { readonly listen: LoopbackPort | null; readonly socket: string | null },
  usual: number,
): { readonly places: string; readonly problem?: OperatorError } {
  const places = [listen && describePort(listen), socket].filter((place) => place !== null);
  if (places.length > 0) return { places: places.join(' and ') };
  const problem = new OperatorError(`[${name}] listens nowhere: both listen and socket are empty`, {
    hint: `write listen = 127.0.0.1:${usual} below [${name}] into /etc/banjour/companion.local`,
    exitCode: 78,
  });
  return { places: '', problem };
}
