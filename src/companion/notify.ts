/** The part that tells people of bans: mail, webhooks, programs. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { loadConfig } from '../config/load.js';
import { ControlClient } from '../control/client.js';
import { inBackground } from '../core/background.js';
import { OperatorError } from '../core/errors.js';
import { counted } from '../core/text.js';
import { describeTarget } from '../notify/targets.js';
import type { CompanionConfig } from '../setup/companion-config.js';
import { loadSetup } from '../setup/load.js';
import { loadNotifyConfig, routesFrom } from '../setup/notify-config.js';
import { companionState, type Paths, packageVersion, statusSocket } from '../setup/paths.js';
import type { CompanionPart, PartHost, PartPlan } from './part.js';

/** Switched on by the jails, unless companion.conf says otherwise. */
export async function planNotify(
  { notify }: CompanionConfig,
  host: PartHost,
): Promise<PartPlan | undefined> {
  if (notify.enabled === false) return undefined;
  const name = 'notify';
  try {
    const { paths } = host;
    if (notify.enabled === 'auto' && !tells(paths)) return undefined;
    const read = readNotify(paths);
    const lines = read.routes.map(
      ({ target, jails }) => `${describeTarget(target)}: ${[...jails.keys()].join(', ')}`,
    );
    // A later try reads the configuration anew: it may have been mended since.
    let fresh: ReturnType<typeof readNotify> | undefined = read;
    const start = async (failed: (error: unknown) => void) => {
      const now = fresh ?? readNotify(paths);
      fresh = undefined;
      return startNotify(now, host, failed);
    };
    return { name, configuration: digestOf(read), lines, start };
  } catch (problem) {
    const start = async (failed: (error: unknown) => void) =>
      startNotify(readNotify(host.paths), host, failed);
    return { name, configuration: '', lines: [], problem, start };
  }
}

/** Of all that matters here: of a jail whom it tells, and where its lines are. */
function digestOf({ settings, jails, routes }: ReturnType<typeof readNotify>): string {
  const sources = jails.map(({ policy, source }) => [policy.jail, source]);
  // Maps and sets are what is in them.
  const text = JSON.stringify({ settings, routes, sources }, (_, value) =>
    value instanceof Map || value instanceof Set ? [...value] : value,
  );
  return createHash('sha256').update(text).digest('hex');
}

/** Whether a jail tells anybody; true when the jails cannot be read, so that this is said. */
function tells({ shipped, config }: Paths): boolean {
  const { config: read } = loadConfig({ shippedRoot: shipped, adminRoot: config });
  return read?.jails.some(({ notify }) => notify.length > 0) ?? true;
}

/** What the configuration says now. Throws `OperatorError` with everything that is wrong. */
function readNotify(paths: Paths) {
  const settings = loadNotifyConfig(paths);
  const { config, setup } = loadSetup({ shippedRoot: paths.shipped, adminRoot: paths.config });
  const routes = routesFrom(config);
  if (routes.length === 0)
    throw new OperatorError('no jail tells anybody: there is nothing to do', {
      hint: 'write action = %(action_mwl)s (mail with whois and log lines) or add slack[url-file=...] to action',
      exitCode: 78,
    });
  return { settings, jails: setup.jails, routes };
}

async function startNotify(
  { settings, jails, routes }: ReturnType<typeof readNotify>,
  host: PartHost,
  failed: (error: unknown) => void,
): Promise<CompanionPart> {
  const { paths, env, log } = host;
  const [{ Notifier }, { Sender }, { Whois }] = await Promise.all([
    import('../notify/notifier.js'),
    import('../notify/sender.js'),
    import('../notify/whois.js'),
  ]);
  const { whois, mailer, templates, digestMs } = settings;
  const asksWhois = whois !== null && {
    whois: new Whois({ ...whois, failed: () => notifier.metrics.whoisFailed.inc() }),
  };
  const lines = host.lines(jails, log);
  const sender = new Sender({
    ...{ mailer, lines, templates, host: settings.host, version: packageVersion(), env },
    ...asksWhois,
  });
  const notifier = new Notifier({
    ...{ routes, sender, log, digestMs },
    feed: new ControlClient(statusSocket(paths)),
    positionsPath: join(companionState(paths), 'positions.json'),
  });
  const running = notifier.run();
  inBackground(running, failed);
  return {
    summary: `telling ${counted(routes.length, 'receiver')}`,
    figures: (format) => notifier.metrics.text(format),
    status: () => notifier.view(),
    stop: async () => {
      notifier.stop();
      await running.catch(() => undefined);
    },
  };
}
