/** `banjour notify`: the process that tells people of bans, until a signal ends it. */
import { join } from 'node:path';
import { sdNotify } from '../../../native/sd-notify.js';
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode } from '../../core/errors.js';
import type { Log } from '../../core/log.js';
import { createLog, styleFor } from '../../log/log.js';
import { Notifier } from '../../notify/notifier.js';
import { Sender } from '../../notify/sender.js';
import { serveStatus } from '../../notify/status.js';
import { describeTarget } from '../../notify/targets.js';
import { Whois } from '../../notify/whois.js';
import { loadSetup } from '../../setup/load.js';
import { loadNotifyConfig, routesFrom } from '../../setup/notify-config.js';
import { notifySocket, notifyState, type Paths, statusSocket, VERSION } from '../../setup/paths.js';
import { linesReader } from '../../tools/explain.js';
import type { CommandContext, CommandDefinition } from '../command.js';

export const notify: CommandDefinition = {
  name: 'notify',
  summary: 'Tell people of bans: mail, Slack, webhooks, programs; until it is told to stop',
  details: [
    'systemd starts this (banjour-notify.service), as a user of its own without any capability. It follows the running agent and remembers how far it is, so that a ban is told at least once, whoever was away. Nothing that it waits for delays a ban.',
    'Whom to tell stands in the jails, as in fail2ban: action = %(action_mwl)s, sendmail-whois-lines[...], slack[...], webhook[...], exec[...]. How to send stands in notify.conf. docs/notify.md has both.',
  ],
  options: {
    'dry-run': {
      type: 'boolean',
      describe: 'Only say whom it would tell, with the configuration as it is',
    },
  },
  honours: ['config-dir', 'shipped-dir', 'run-dir', 'state-dir'],
  examples: [
    ['banjour notify --dry-run', 'Check notify.conf and the actions of the jails'],
    ['systemctl enable --now banjour-notify', 'In service'],
  ],
  exits: [
    [
      EXIT.config,
      'the configuration has errors, or no jail tells anybody; systemd does not try again',
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
  if (args.flag('dry-run')) {
    for (const { target, jails } of read(paths).routes)
      terminal.out(`${describeTarget(target)}: ${[...jails.keys()].join(', ')}\n`);
    return EXIT.ok;
  }
  const signals = new Signals();
  try {
    for (;;) {
      const name = await serve(paths, log, terminal.env, signals);
      if (name !== 'SIGHUP') {
        log('info', `${name}: stopping`);
        return EXIT.ok;
      }
      log('info', 'the configuration is read anew');
    }
  } finally {
    flush();
  }
}

/** Runs with the configuration as it is now; resolves with the signal that ended it. */
async function serve(
  paths: Paths,
  log: Log,
  env: NodeJS.ProcessEnv,
  signals: Signals,
): Promise<NodeJS.Signals> {
  const { notifier, routes } = prepare(paths, log, env);
  const close = await serveStatus(notifySocket(paths), notifier);
  const running = notifier.run();
  try {
    for (const { target, jails } of routes)
      log('info', `${describeTarget(target)}: ${[...jails.keys()].join(', ')}`);
    sdNotify(
      `READY=1\nSTATUS=telling ${routes.length} ${routes.length === 1 ? 'receiver' : 'receivers'}`,
    );
    return (await Promise.race([signals.next(), running])) ?? 'SIGTERM';
  } finally {
    notifier.stop();
    await close();
    await running;
  }
}

/** What the configuration says. Throws `OperatorError` with everything that is wrong. */
function read(paths: Paths) {
  const settings = loadNotifyConfig(paths);
  const { config, setup } = loadSetup({ shippedRoot: paths.shipped, adminRoot: paths.config });
  return { settings, jails: setup.jails, routes: routesFrom(config) };
}

function prepare(paths: Paths, log: Log, env: NodeJS.ProcessEnv) {
  const { settings, jails, routes } = read(paths);
  let notifier: Notifier | undefined;
  const whois =
    settings.whois === null
      ? undefined
      : new Whois({ ...settings.whois, failed: () => notifier?.metrics.whoisFailed.inc() });
  const sender = new Sender({
    mailer: settings.mailer,
    lines: linesReader(jails, log),
    templates: settings.templates,
    host: settings.host,
    version: VERSION,
    env,
    ...(whois === undefined ? {} : { whois }),
  });
  notifier = new Notifier({
    routes,
    sender,
    feed: new ControlClient(statusSocket(paths)),
    positionsPath: join(notifyState(paths), 'positions.json'),
    log,
    digestMs: settings.digestMs,
  });
  return { notifier, routes };
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
