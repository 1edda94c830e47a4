/**
 * The thread of the web page: the page with the tools that it shows, `explain` and `report`, which
 * read the journal and need the processor.
 */
import { accessSync, constants } from 'node:fs';
import { hostname } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { ControlClient } from '../control/client.js';
import { inBackground } from '../core/background.js';
import { packError } from '../core/errors.js';
import { formatDiagnostic } from '../core/finding.js';
import { localZone } from '../core/time.js';
import { controlSocket, packageVersion, statusSocket } from '../setup/paths.js';
import { Countries, countryDiagnostic } from '../web/countries.js';
import type { FromWeb, ToWeb, WebWork } from '../web/thread.js';
import { Web } from '../web/web.js';
import { explain } from './explain.js';
import { letterFromAgent } from './report/letter.js';

const DAY_MS = 86_400_000;
/** The companion hears of the page's state at most this often, ms. */
const VIEW_MS = 500;

const work = workerData as WebWork;
const { paths } = work;
const say = (message: FromWeb) => parentPort?.postMessage(message);

/** Tells the companion the page's state, a little later: a flood of refusals is one message. */
let telling: NodeJS.Timeout | undefined;
let web: Web | undefined;
function tellView(): void {
  if (telling !== undefined) return;
  telling = setTimeout(() => {
    telling = undefined;
    if (web !== undefined) say({ type: 'view', view: web.view });
  }, VIEW_MS);
}

/** Why this process may not use a socket; undefined where there is none. */
function closed(socket: string): string | undefined {
  try {
    accessSync(socket, constants.W_OK);
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'EACCES' || code === 'EPERM'
      ? `${socket} is not open to banjour-companion`
      : undefined;
  }
}

/** The countries of the file that companion.conf names; what is wrong with it goes to the log. */
function countriesOf(): Countries | null {
  const { countries } = work;
  if (countries === null) return null;
  return new Countries(countries.file, (problem) =>
    say({ type: 'log', line: formatDiagnostic(countryDiagnostic(countries, problem)) }),
  );
}

async function start(): Promise<void> {
  const connect = (signal?: AbortSignal) => new ControlClient(statusSocket(paths), signal);
  const started = await Web.start({
    places: work.places,
    origin: work.origin,
    about: {
      version: packageVersion(),
      host: hostname(),
      timeZone: localZone(),
    },
    connect,
    changes: work.changes ? new ControlClient(controlSocket(paths)) : null,
    changesLack: () => closed(controlSocket(paths)),
    explain: (address) =>
      explain(connect(), address, { shippedRoot: paths.shipped, adminRoot: paths.config }),
    plain: async (days) => {
      const now = Date.now();
      const [since, until] = [new Date(now - days * DAY_MS), new Date(now)];
      return (await letterFromAgent(paths, since, until, hostname())).html;
    },
    countries: countriesOf(),
    whatIfPath: work.whatIfPath,
    log: (line) => say({ type: 'log', line }),
    viewed: tellView,
  });
  web = started;
  parentPort?.on('message', (order: ToWeb) => inBackground(obey(started, order)));
  say({ type: 'ready', view: started.view });
}

async function obey(running: Web, order: ToWeb): Promise<void> {
  const { id } = order;
  try {
    const value = await carriedOut(running, order);
    say({ type: 'done', id, value });
  } catch (error) {
    say({ type: 'failed', id, error: packError(error) });
  }
}

async function carriedOut(running: Web, order: ToWeb): Promise<unknown> {
  switch (order.what) {
    case 'link':
      return running.makeLink(order.user);
    case 'what-if':
      return running.keepWhatIf(order.advice);
    case 'stop':
      return running.stop();
  }
}

inBackground(start(), (error) => {
  say({ type: 'failed', id: 0, error: packError(error) });
});
