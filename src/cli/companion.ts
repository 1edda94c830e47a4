/** The companion as a service: its parts run until a signal says that it is enough. */
import { sdNotify } from '../../native/sd-notify.js';
import { Companion } from '../companion/companion.js';
import { readFigures } from '../companion/metrics.js';
import type { PartHost, PartPlan } from '../companion/part.js';
import { readPlans, requireWork } from '../companion/parts.js';
import { serveCompanion } from '../companion/socket.js';
import { EXIT, type ExitCode, messageOf } from '../core/errors.js';
import { escapeUntrusted } from '../core/text.js';
import { createLog, styleFor } from '../log/log.js';
import { companionSocket, type Paths, packageVersion } from '../setup/paths.js';
import { linesReader } from '../tools/explain.js';
import type { Terminal } from '../tools/terminal.js';

export interface CompanionServiceOptions {
  readonly paths: Paths;
  readonly terminal: Terminal;
  /** Only says what it would do. */
  readonly dryRun: boolean;
}

/** Runs until a signal; returns the exit code. Throws OperatorError when nothing is switched on. */
export async function runCompanion({
  paths,
  terminal,
  dryRun,
}: CompanionServiceOptions): Promise<ExitCode> {
  const { log, flush } = createLog({
    level: 'info',
    stream: terminal.stderr,
    style: styleFor(terminal.stderr, terminal.env),
  });
  const running = new Companion({
    version: packageVersion(),
    log,
    changed: () => sayStatus(running),
  });
  const host: PartHost = {
    paths,
    env: terminal.env,
    log,
    figures: (format) => readFigures(paths, format, () => running.figures(format)),
    lines: linesReader,
    webThread: new URL('../tools/web-thread.js', import.meta.url),
    report: async (since, until, name) => {
      const { letterFromAgent } = await import('../tools/report/letter.js');
      return letterFromAgent(paths, since, until, name);
    },
  };
  const signals = new Signals();
  try {
    const plans = await readPlans(host);
    if (dryRun) {
      if (plans.length === 0) requireWork(plans);
      for (const { problem, lines } of plans) {
        if (problem !== undefined) throw problem;
        for (const line of lines) terminal.out(`${line}\n`);
      }
      return EXIT.ok;
    }
    requireWork(plans);
    await serve(host, running, plans, signals);
    return EXIT.ok;
  } finally {
    flush();
  }
}

/** Runs the parts until a signal says that it is enough. */
async function serve(
  host: PartHost,
  running: Companion,
  plans: readonly PartPlan[],
  signals: Signals,
): Promise<void> {
  const { paths, log } = host;
  const close = await serveCompanion(companionSocket(paths), running);
  try {
    await running.adopt(plans);
    sdNotify('READY=1');
    for (;;) {
      const name = await signals.next();
      if (name !== 'SIGHUP') {
        log('info', `${name}: stopping`);
        return;
      }
      await reload(host, running);
    }
  } finally {
    await running.stop();
    await close();
  }
}

/** For `systemctl status`. */
function sayStatus(running: Companion): void {
  sdNotify(`STATUS=${running.summary}`);
}

/**
 * Reads the configuration anew; one that is wrong leaves everything as it is. Throws when it
 * switches everything off.
 */
async function reload(host: PartHost, running: Companion): Promise<void> {
  const { log } = host;
  let plans: readonly PartPlan[];
  try {
    plans = await readPlans(host);
  } catch (error) {
    for (const line of messageOf(error).split('\n')) log('error', escapeUntrusted(line, 4096));
    log('error', 'the old configuration stays: banjour companion --dry-run says what is wrong');
    return;
  }
  log('info', 'the configuration is read anew');
  await running.adopt(plans);
  if (plans.length === 0) requireWork(plans);
}

/** The signals of a service, one after the other. */
class Signals {
  readonly #waiting: NodeJS.Signals[] = [];
  #take: ((name: NodeJS.Signals) => void) | undefined;

  constructor() {
    for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(name, () => {
        if (this.#take === undefined) this.#waiting.push(name);
        else this.#take(name);
      });
  }

  next(): Promise<NodeJS.Signals> {
    const name = this.#waiting.shift();
    if (name !== undefined) return Promise.resolve(name);
    return new Promise((resolve) => {
      this.#take = (came) => {
        this.#take = undefined;
        resolve(came);
      };
    });
  }
}
