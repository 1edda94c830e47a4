/** `banjour web open`: a link to the page that opens once. */
import { ControlClient } from '../../control/client.js';
import { EXIT, type ExitCode, OperatorError } from '../../core/errors.js';
import { WEB_LINK_SECONDS_MAX, WEB_SESSION_SECONDS_MAX } from '../../core/timeouts.js';
import { companionSocket, type Paths } from '../../setup/paths.js';
import { formatLength } from '../../tools/terminal.js';
import type { CommandContext, CommandDefinition } from '../command.js';
import { whoTypes } from '../who.js';

export const web: CommandDefinition = {
  name: 'web',
  summary: 'Print a link that opens the web page once',
  details: [
    `The page is a part of the companion: enabled = true below [web] in companion.conf, then systemctl enable --now banjour-companion. The link opens once, within ${formatLength(WEB_LINK_SECONDS_MAX)}; the browser that opens it may look for ${formatLength(WEB_SESSION_SECONDS_MAX)}.`,
    'The page listens on the loopback of this host. From elsewhere forward the port first: ssh -L 9815:127.0.0.1:9815 HOST. docs/web.md says how to put a reverse proxy before it, and how to let the page change something.',
  ],
  positionals: [{ name: 'action', describe: 'open', required: true, complete: ['open'] }],
  honours: ['json', 'run-dir'],
  examples: [['banjour web open', 'Look at the page: open the link in a browser']],
  exits: [[EXIT.unavailable, 'banjour-companion does not run, or not with the page']],
  run,
};

async function run({ args, terminal, paths }: CommandContext): Promise<ExitCode> {
  const action = args.text('action');
  if (action !== 'open')
    throw new OperatorError(`no such action: ${JSON.stringify(action)}`, {
      hint: 'banjour web open',
    });
  const by = whoTypes(terminal.env);
  const { url } = await askCompanion<{ readonly url: string }>(paths, '/web/link', { by });
  if (args.flag('json')) terminal.out(`${JSON.stringify({ url })}\n`);
  else {
    terminal.out(`${url}\n`);
    terminal.err(hintFor(url));
  }
  return EXIT.ok;
}

/** What a person may have to know of the link. */
function hintFor(url: string): string {
  const once = `It opens once, within ${formatLength(WEB_LINK_SECONDS_MAX)}.`;
  const { hostname, port } = new URL(url);
  return hostname.endsWith('.localhost')
    ? `${once} From another host: ssh -L ${port}:127.0.0.1:${port} THIS-HOST first. A browser that does not know ${hostname} takes 127.0.0.1 instead.\n`
    : `${once}\n`;
}

/** Asks the companion to do something. Rejects in words of the companion, not of the agent. */
export async function askCompanion<T>(paths: Paths, path: string, body: object): Promise<T> {
  const socket = companionSocket(paths);
  try {
    return await new ControlClient(socket).order<T>(path, body);
  } catch (error) {
    throw explained(error, socket);
  }
}

function explained(error: unknown, socket: string): unknown {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return new OperatorError(`banjour-companion does not run (nobody answers on ${socket})`, {
      hint: 'write enabled = true below [web] into /etc/banjour/companion.local, then systemctl enable --now banjour-companion',
      exitCode: EXIT.unavailable,
      cause: error,
    });
  if (code === 'EACCES')
    return new OperatorError(`no permission to ask banjour-companion on ${socket}`, {
      hint: 'run the command as root',
      exitCode: EXIT.noPermission,
      cause: error,
    });
  if (!(error instanceof OperatorError) || error.exitCode !== EXIT.temporary) return error;
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new OperatorError(error.message, { ...hint, exitCode: EXIT.unavailable, cause: error });
}
