/**
 * A move that failed or was interrupted is taken back: fail2ban has its bans in force again before
 * Banjour's table goes.
 */
import type { ImportedBan } from '../../control/endpoints.js';
import { messageOf } from '../../core/errors.js';
import { counted } from '../../core/text.js';
import { SWITCH_RETURN_MS_MAX } from '../../core/timeouts.js';
import {
  BANJOUR,
  COMPANION,
  countDown,
  FAIL2BAN,
  isOn,
  isUp,
  nameOf,
  RESTORE_MS,
  type SwitchHost,
  type UnitState,
} from './host.js';

/** How the host was before anything was changed. */
export interface Before {
  readonly fail2ban: UnitState;
  readonly banjour: UnitState;
  readonly notify: UnitState;
  readonly table: boolean;
  readonly remembers: boolean;
  /**
   * Bans of fail2ban's that were in force, and those of their addresses that stood in the kernel's
   * rules.
   */
  readonly bans: readonly ImportedBan[];
  readonly rules: ReadonlySet<string>;
}

/** Makes the host what it was; says what came of it. Never leaves it without any of the two. */
export async function takeBack(
  host: SwitchHost,
  before: Before,
  tell: (line: string) => void,
): Promise<string> {
  const say = (line: string) => tell(`    ${line}`);
  try {
    if (isUp(before.fail2ban)) {
      await host.order('start', FAIL2BAN);
      await bansAgain(host, before);
      say('fail2ban runs, and its bans are in force');
    }
    if (isOn(before.fail2ban)) await host.order('enable', FAIL2BAN);
  } catch (error) {
    say(`fail2ban cannot be brought back: ${messageOf(error)}`);
    const up = isUp(await host.unit(BANJOUR));
    return `fail2ban does not come back, so ${up ? 'Banjour goes on' : "Banjour's table stays in the kernel"}; nothing else was taken back`;
  }
  const problems: string[] = [];
  const undo = async (deed: () => unknown) => {
    try {
      await deed();
    } catch (error) {
      problems.push(messageOf(error));
    }
  };
  const { notify, banjour } = before;
  await undo(async () => {
    if ((await host.unit(COMPANION)).load === 'not-found') return;
    if (!isUp(notify)) await host.order('stop', COMPANION);
    if (!isUp(notify)) await forgive(host, COMPANION);
    if (!isOn(notify)) await host.order('disable', COMPANION);
  });
  if (isUp(banjour)) {
    await undo(() => host.restoreFiles());
    await undo(() => host.order('reload-or-restart', BANJOUR));
  } else {
    await undo(() => host.order('stop', BANJOUR));
    if (!isOn(banjour)) await undo(() => host.order('disable', BANJOUR));
    await undo(() => forgive(host, BANJOUR));
    if (!before.table) await undo(() => host.removeTable());
    await undo(() => host.restoreFiles());
  }
  for (const problem of problems) say(problem);
  if (problems.length > 0) return 'the move was taken back, but not in everything';
  say('Banjour and its files are as they were');
  return 'the move was taken back';
}

/**
 * A start that failed because of us is not shown as a failed unit. systemd refuses this for one
 * that did not fail.
 */
async function forgive(host: Pick<SwitchHost, 'unit' | 'order'>, name: string): Promise<void> {
  if ((await host.unit(name)).active === 'failed') await host.order('reset-failed', name);
}

/**
 * Waits until fail2ban has in force whom it had before: as long as it takes, while it gets on.
 */
async function bansAgain(host: SwitchHost, before: Before): Promise<void> {
  const answers = await countDown(
    host,
    async () => ((await host.fail2banAnswers()) ? 0 : 1),
    SWITCH_RETURN_MS_MAX,
  );
  if (answers > 0) throw new Error('it does not answer');
  const wanted = () =>
    before.bans.filter((ban) => ban.until === null || Date.parse(ban.until) > host.now() + 1_000);
  const missing = async () => {
    const there = new Set((await host.fail2banBans()).map(nameOf));
    return wanted().filter((ban) => !there.has(nameOf(ban)));
  };
  const count = async () => (await missing()).length;
  if (before.remembers) await countDown(host, count, RESTORE_MS);
  await host.fail2banBan(await missing());
  if ((await countDown(host, count, RESTORE_MS)) > 0) throw new Error('bans of it are missing');
  const left = await countDown(
    host,
    async () => {
      const rules = await host.othersRules();
      return wanted().filter(({ target }) => before.rules.has(target) && !rules.has(target)).length;
    },
    RESTORE_MS,
  );
  if (left > 0) throw new Error(`${counted(left, 'ban')} of it are not in the kernel`);
}
