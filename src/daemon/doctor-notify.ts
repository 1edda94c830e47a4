/** Whether the people whom the jails want told are told: what banjour-notify says of itself. */
import { loadConfig } from '../config/load.js';
import { ControlClient } from '../control/client.js';
import { messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { counted } from '../core/text.js';
import type { TargetView } from '../notify/notifier.js';
import type { NotifyView } from '../notify/status.js';
import type { ConfigurationRoots } from './configuration/load.js';

/** A ban that has waited for so long without an error is worth a word, ms; digests are gathered for a minute. */
const PATIENCE_MS = 15 * 60_000;
const RESTART = 'systemctl restart banjour-notify; journalctl -u banjour-notify -n 20 says what it meets';

/** Nothing when no jail tells anybody, or the configuration cannot be read (which another part says). */
export async function checkNotify(
  { shippedRoot, adminRoot }: ConfigurationRoots,
  socket: string,
  now = Date.now(),
): Promise<Finding[]> {
  const { config } = loadConfig({ shippedRoot, adminRoot });
  const jails = config?.jails.filter(({ notify }) => notify.length > 0).map(({ name }) => name as string) ?? [];
  if (jails.length === 0) return [];
  let view: NotifyView;
  try {
    view = await new ControlClient(socket).read<NotifyView>('/status');
  } catch (error) {
    return [unanswered(error, socket, jails)];
  }
  const known = new Set(view.targets.flatMap((target) => target.jails));
  const unknown = jails.filter((jail) => !known.has(jail));
  return [
    ...view.targets.map((target) => findingOf(target, now)),
    ...(unknown.length === 0
      ? []
      : [
          {
            level: 'warning' as const,
            id: 'notify.configuration',
            message: `banjour-notify runs with an older configuration: nobody is told of the bans of ${unknown.join(', ')}`,
            fix: 'systemctl reload banjour-notify',
          },
        ]),
  ];
}

function unanswered(error: unknown, socket: string, jails: readonly string[]): Finding {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return {
      level: 'error',
      id: 'notify',
      message: `banjour-notify does not run: nobody is told of the bans of ${jails.join(', ')}`,
      fix: 'systemctl enable --now banjour-notify; banjour notify --dry-run says whether its configuration is right',
    };
  if (code === 'EACCES')
    return {
      level: 'note',
      id: 'notify',
      message: `banjour-notify cannot be asked: no permission for ${socket}`,
      fix: 'run the command as root, or join the group banjour-notify',
    };
  return { level: 'error', id: 'notify', message: `banjour-notify does not answer: ${messageOf(error)}`, fix: RESTART };
}

function findingOf(target: TargetView, now: number): Finding {
  const { waiting, oldest, dropped, full, trouble, done } = target;
  const id = 'notify.target';
  const lost =
    dropped > 0 ? `; ${counted(dropped, 'ban')} ${dropped === 1 ? 'was' : 'were'} given up since it was started` : '';
  const since = oldest === null ? '' : `, the oldest since ${oldest}`;
  const bans = waiting === 1 ? '1 ban waits' : `${waiting} bans wait`;
  const count = waiting === 0 ? 'nothing waits' : `${bans}${since}${full ? ', more in the ledger' : ''}`;
  const say = (level: Finding['level'], words: string, fix?: string): Finding => ({
    level,
    id,
    message: `${target.target}: ${words}${lost}`,
    ...(fix === undefined ? {} : { fix }),
  });
  if (done === null)
    return say(
      'warning',
      'banjour-notify has not met the agent yet',
      `systemctl status banjour; if it runs, ${RESTART}`,
    );
  if (trouble !== null)
    return say('warning', `${count}; the last delivery failed at ${trouble.time}: ${trouble.reason}`, fixOf(target));
  if (full || (oldest !== null && now - Date.parse(oldest) > PATIENCE_MS))
    return say('warning', `it is behind, ${count}`, RESTART);
  return say(dropped > 0 ? 'warning' : 'ok', count, dropped > 0 ? fixOf(target) : undefined);
}

/** Where the settings of a target stand; what it is itself says the error. */
function fixOf({ target, jails }: TargetView): string {
  const place = target.startsWith('mail')
    ? 'mailer in /etc/banjour/notify.conf'
    : `action of the jail ${jails[0] ?? ''}`;
  return `put it right (${place}), then: systemctl reload banjour-notify`;
}
