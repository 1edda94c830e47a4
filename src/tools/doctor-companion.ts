/**
 * Whether the companion runs where the configuration wants it, each of its parts, and whether the
 * people whom the jails want told are told: what it says of itself.
 */
import type { CompanionView, PartView } from '../companion/companion.js';
import { loadConfig } from '../config/load.js';
import { ControlClient } from '../control/client.js';
import { messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { counted } from '../core/text.js';
import type { TargetView } from '../notify/notifier.js';
import { type CompanionConfig, loadCompanionConfig } from '../setup/companion-config.js';
import type { ConfigurationRoots } from '../setup/load.js';
import type { ShareStatus } from '../share/share.js';

/**
 * A ban that has waited for so long without an error is reported, ms. Digests are gathered for a
 * minute, so a shorter wait means nothing.
 */
const PATIENCE_MS = 15 * 60_000;
const RESTART =
  'systemctl restart banjour-companion; journalctl -u banjour-companion -n 20 says what it meets';
const RELOAD = 'systemctl reload banjour-companion';
const SHARE_LOG =
  'look at [share] of companion.conf and at the engine; journalctl -u banjour-companion -n 20 says more';

/** What the configuration wants of the companion. */
interface Wishes {
  readonly config: CompanionConfig;
  /** Jails that tell somebody of their bans. */
  readonly tellers: readonly string[];
}

/**
 * Nothing where it has nothing to do. Throws `OperatorError` when companion.conf is wrong; whether
 * the jails are is looked at elsewhere.
 */
export async function checkCompanion(
  { shippedRoot, adminRoot }: ConfigurationRoots,
  socket: string,
  now = Date.now(),
): Promise<Finding[]> {
  const config = loadCompanionConfig({ shipped: shippedRoot, config: adminRoot });
  const jails = loadConfig({ shippedRoot, adminRoot }).config?.jails ?? [];
  const tellers = jails.filter(({ notify }) => notify.length > 0).map(({ name }) => name as string);
  const wishes = { config, tellers };
  const lacks = lacking(wishes, new Set());
  const mute = tellers.length > 0 && config.notify.enabled === false ? [switchedOff(tellers)] : [];
  if (lacks.length === 0) return mute;
  let view: CompanionView;
  try {
    view = await new ControlClient(socket).read<CompanionView>('/status');
  } catch (error) {
    return [unanswered(error, socket, lacks), ...mute];
  }
  return [
    ...view.parts.flatMap((part) => partFindings(part, now)),
    ...older(wishes, view),
    ...mute,
  ];
}

/** What does not happen while only these parts are there. */
function lacking({ config, tellers }: Wishes, there: ReadonlySet<string>): string[] {
  const { notify, report, metrics, share, policy, web } = config;
  const wanted: readonly (readonly [string, boolean, string])[] = [
    [
      'notify',
      notify.enabled === true || (notify.enabled === 'auto' && tellers.length > 0),
      `nobody is told of the bans of ${tellers.join(', ')}`,
    ],
    ['report', report.every !== 'none', 'the report is not mailed'],
    ['metrics', metrics.enabled, 'metrics are not served'],
    ['share', share.enabled, 'bans are not shared with other hosts'],
    ['policy', policy.enabled, 'nobody answers the mail server before it checks a password'],
    ['web', web.enabled, 'the web page is not served'],
  ];
  return wanted.filter(([name, on]) => on && !there.has(name)).map(([, , what]) => what);
}

function switchedOff(tellers: readonly string[]): Finding {
  return {
    level: 'note',
    id: 'companion.off',
    message: `companion.conf switches notify off: nobody is told of the bans of ${tellers.join(', ')}`,
    fix: 'write enabled = auto below [notify] into /etc/banjour/companion.local, or take the actions out of the jails',
  };
}

/** What the companion has not read yet. */
function older(wishes: Wishes, { parts }: CompanionView): Finding[] {
  const unmet = lacking(wishes, new Set(parts.map(({ name }) => name)));
  const notify = parts.find(({ name, running }) => name === 'notify' && running);
  const known = new Set(targetsOf(notify).flatMap(({ jails }) => jails));
  const unknown = wishes.tellers.filter((jail) => !known.has(jail));
  if (notify !== undefined && unknown.length > 0)
    unmet.push(`nobody is told of the bans of ${unknown.join(', ')}`);
  return unmet.map((what) => ({
    level: 'warning',
    id: 'companion.configuration',
    message: `banjour-companion runs with an older configuration: ${what}`,
    fix: RELOAD,
  }));
}

function targetsOf(part: PartView | undefined): readonly TargetView[] {
  return (part?.status ?? []) as readonly TargetView[];
}

function partFindings(part: PartView, now: number): Finding[] {
  const { name, running, summary } = part;
  const id = `companion.${name}`;
  if (!running)
    return [{ level: 'error', id, message: `banjour-companion: ${summary}`, fix: RESTART }];
  if (name === 'notify') return targetsOf(part).map((target) => targetFinding(target, now));
  const { trouble } = (name === 'share' ? part.status : {}) as Partial<ShareStatus>;
  if (typeof trouble === 'string')
    return [{ level: 'warning', id, message: `banjour-companion: ${summary}`, fix: SHARE_LOG }];
  return [{ level: 'ok', id, message: `banjour-companion: ${summary}` }];
}

function unanswered(error: unknown, socket: string, lacks: readonly string[]): Finding {
  const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
  const id = 'companion';
  if (code === 'ENOENT' || code === 'ECONNREFUSED')
    return {
      level: 'error',
      id,
      message: `banjour-companion does not run: ${lacks.join('; ')}`,
      fix: 'systemctl enable --now banjour-companion; banjour companion --dry-run says whether its configuration is right',
    };
  if (code === 'EACCES')
    return {
      level: 'note',
      id,
      message: `banjour-companion cannot be asked: no permission for ${socket}`,
      fix: 'run the command as root, or join the group banjour-companion',
    };
  const message = `banjour-companion does not answer: ${messageOf(error)}`;
  return { level: 'error', id, message, fix: RESTART };
}

function targetFinding(target: TargetView, now: number): Finding {
  const { waiting, oldest, dropped, full, trouble, done } = target;
  const id = 'companion.notify';
  const lost =
    dropped > 0
      ? `; ${counted(dropped, 'ban')} ${dropped === 1 ? 'was' : 'were'} given up since it was started`
      : '';
  const since = oldest === null ? '' : `, the oldest since ${oldest}`;
  const bans = waiting === 1 ? '1 ban waits' : `${waiting} bans wait`;
  const count =
    waiting === 0 ? 'nothing waits' : `${bans}${since}${full ? ', more in the ledger' : ''}`;
  const say = (level: Finding['level'], words: string, fix?: string): Finding => ({
    level,
    id,
    message: `${target.target}: ${words}${lost}`,
    ...(fix === undefined ? {} : { fix }),
  });
  if (done === null)
    return say(
      'warning',
      'notify has not met the agent yet',
      `systemctl status banjour; if it runs, ${RESTART}`,
    );
  if (trouble !== null)
    return say(
      'warning',
      `${count}; the last delivery failed at ${trouble.time}: ${trouble.reason}`,
      fixOf(target),
    );
  if (full || (oldest !== null && now - Date.parse(oldest) > PATIENCE_MS))
    return say('warning', `it is behind, ${count}`, RESTART);
  return say(dropped > 0 ? 'warning' : 'ok', count, dropped > 0 ? fixOf(target) : undefined);
}

/** Where the settings of a target stand; what it is itself says the error. */
function fixOf({ target, jails }: TargetView): string {
  const place = target.startsWith('mail')
    ? 'mailer in /etc/banjour/notify.conf'
    : `action of the jail ${jails[0] ?? ''}`;
  return `put it right (${place}), then: ${RELOAD}`;
}
