/** `banjour companion`: the process that talks to the network, until a signal ends it. */
import { sdNotify } from '../../../native/sd-notify.js';
import { Companion } from '../../companion/companion.js';
import { readFigures } from '../../companion/metrics.js';
import type { PartHost, PartPlan } from '../../companion/part.js';
import { readPlans, requireWork } from '../../companion/parts.js';
import { serveCompanion } from '../../companion/socket.js';
import { EXIT, type ExitCode, messageOf } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import { createLog, styleFor } from '../../log/log.js';
import { companionSocket, packageVersion } from '../../setup/paths.js';
import { linesReader } from '../../tools/explain.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const companion: CommandDefinition = {
  name: 'companion',
  summary: 'All that talks to the network: mails, webhooks, the port of the metrics',
  details: [
    'systemd starts this (banjour-companion.service), as a user of its own without any capability. Its parts are switched on by the configuration; one that cannot start is tried again and holds up no other. Nothing that it waits for delays a ban. A reload starts anew only the parts whose configuration changed.',
    'notify tells people of bans. It runs when an action of a jail tells somebody, as in fail2ban: action = %(action_mwl)s, sendmail-whois-lines[...], slack[...], webhook[...], exec[...]; how to send stands in notify.conf (docs/notify.md). It remembers how far it is, so that a ban is told at least once, whoever was away.',
    'metrics serves the numbers for Prometheus on a port of the loopback, once companion.conf says so (docs/metrics.md). docs/companion.md has all of it.',
  ],
  options: {
    'dry-run': {
      type: 'boolean',
      describe: 'Only say what it would do, with the configuration as it is',
    },
  },
  honours: ['config-dir', 'shipped-dir', 'run-dir', 'state-dir'],
  examples: [
    [
      'banjour companion --dry-run',
      'Check companion.conf, notify.conf and the actions of the jails',
    ],
    ['systemctl enable --now banjour-companion', 'In service'],
  ],
  exits: [
    [
      EXIT.config,
      'the configuration has errors, or switches no part on; systemd does not try again',
    ],
  ],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
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
    webThread: new URL('../../tools/web-thread.js', import.meta.url),
    report: async (since, until, name) => {
      const { letterFromAgent } = await import('../../tools/report/letter.js');
      return letterFromAgent(paths, since, until, name);
    },
  };
  const signals = new Signals();
  try {
    const plans = await readPlans(host);
    if (args.flag('dry-run')) {
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
