/**
 * The whole move from fail2ban to Banjour, in the order without a gap: Banjour has fail2ban's bans
 * in force in the kernel before fail2ban, which lifts its own when it stops, is touched. What goes
 * wrong, or an administrator who wants it over, takes all of it back, in the same manner: fail2ban
 * has its bans in force again before Banjour's table goes.
 */
import type { ImportedBan } from '../../control/endpoints.js';
import { covers, type Prefix, parsePrefix } from '../../core/address.js';
import { EXIT, type ExitCode, messageOf, OperatorError } from '../../core/errors.js';
import { formatDiagnostic } from '../../core/finding.js';
import { SWITCH_ROUNDS_MAX } from '../../core/service-limits.js';
import { counted } from '../../core/text.js';
import {
  BANJOUR,
  COMPANION,
  FAIL2BAN,
  Interrupted,
  isOn,
  isUp,
  LOOK_MS,
  nameOf,
  type OwnBan,
  type SwitchHost,
  type UnitState,
} from './host.js';
import { type Before, takeBack } from './take-back.js';

export interface SwitchOptions {
  /** Tells a step, or what came of it; one line. */
  readonly say: (line: string) => void;
  /** Aborts when the administrator wants it over. */
  readonly interrupted: AbortSignal;
  /** Only say what would be done. */
  readonly dryRun: boolean;
}

interface Step {
  readonly words: string;
  readonly deed: () => Promise<unknown>;
}

/**
 * Makes the move, or takes it back. Resolves with `EXIT.ok` when Banjour protects the host and
 * fail2ban is off.
 */
export async function switchOver(host: SwitchHost, options: SwitchOptions): Promise<ExitCode> {
  return alone(host, options, 'the move', () => moveOver(host, options));
}

/**
 * Does what changes the services of this host, where it can be done and nobody else does so
 * meanwhile.
 */
export async function alone<T>(
  host: SwitchHost,
  { dryRun }: Pick<SwitchOptions, 'dryRun'>,
  what: string,
  deed: () => Promise<T>,
): Promise<T> {
  const obstacle = host.obstacle();
  if (obstacle !== undefined)
    throw new OperatorError(`${what} is not begun: ${obstacle.why}`, {
      ...(obstacle.hint === undefined ? {} : { hint: obstacle.hint }),
      exitCode: obstacle.exitCode,
    });
  const release = dryRun ? () => undefined : host.claim();
  try {
    return await deed();
  } finally {
    release();
  }
}

async function moveOver(host: SwitchHost, options: SwitchOptions): Promise<ExitCode> {
  const move = new Move(host, options);
  host.patience = options.interrupted;
  const before = await move.examine();
  const steps = move.steps(before);
  if (options.dryRun) {
    for (const [index, { words }] of steps.entries())
      options.say(`${index + 1}/${steps.length} would be done: ${words}`);
    await host.takeOver('all');
    return EXIT.ok;
  }
  host.keepFiles(!isUp(before.banjour));
  try {
    for (const [index, { words, deed }] of steps.entries()) {
      move.goOn();
      options.say(`${index + 1}/${steps.length} ${words}`);
      await deed();
    }
  } catch (error) {
    const reason = options.interrupted.aborted ? 'it was interrupted' : messageOf(error);
    options.say(`the move is taken back: ${reason}`);
    host.patience = undefined;
    const outcome = await takeBack(host, before, options.say);
    throw new OperatorError(`${outcome}: ${reason}`, {
      ...(error instanceof OperatorError && error.hint !== undefined ? { hint: error.hint } : {}),
      exitCode: options.interrupted.aborted
        ? EXIT.temporary
        : error instanceof OperatorError
          ? error.exitCode
          : EXIT.osError,
      cause: error,
    });
  }
  host.patience = undefined;
  host.forgetFiles();
  options.say('Banjour protects this host, now and at every boot: banjour status');
  options.say('The way back, at any time: banjour import --switch-back');
  return EXIT.ok;
}

class Move {
  readonly #host: SwitchHost;
  readonly #options: SwitchOptions;

  constructor(host: SwitchHost, options: SwitchOptions) {
    this.#host = host;
    this.#options = options;
  }

  /**
   * Looks whether the move can be made here, and how the host is; changes nothing. Throws
   * `OperatorError` if not.
   */
  async examine(): Promise<Before> {
    const host = this.#host;
    const banjour = await host.unit(BANJOUR);
    if (banjour.load === 'not-found')
      throw refusal(
        'there is no banjour.service on this host',
        'banjour service install --no-start, then the same again',
      );
    if (banjour.load !== 'loaded')
      throw refusal(
        `systemd does not start banjour.service (it is ${banjour.load})`,
        'systemctl unmask banjour',
      );
    const fail2ban = await host.unit(FAIL2BAN);
    const up = isUp(fail2ban);
    const strays = host.strays();
    if (strays.length > 0 && !up)
      throw refusal(
        `fail2ban runs here (process ${strays.join(', ')}), but not as fail2ban.service: in a container, or started by hand; stopping the service would not stop it`,
        'take it over with banjour import FOLDER --database FILE, start Banjour, and stop it where it was started',
      );
    if (strays.length > 0)
      this.#options.say(
        `another fail2ban (process ${strays.join(', ')}) is not the service of this host and stays as it is`,
      );
    if (up && !(await host.fail2banAnswers()))
      throw refusal(
        'fail2ban runs and does not answer, so nobody knows whom it bans',
        'fail2ban-client ping',
      );
    if (!up)
      this.#options.say(
        fail2ban.load === 'not-found'
          ? 'fail2ban is not installed as a service here: there is nothing to stop'
          : `fail2ban does not run here (it is ${fail2ban.load === 'masked' ? 'masked' : fail2ban.active}): there is nothing to stop`,
      );
    await host.rehearse().catch((error: unknown) => {
      if (error instanceof OperatorError) throw refusal(error.message, error.hint, error.exitCode);
      throw error;
    });
    const bans = up ? await host.fail2banBans() : [];
    const rules = bans.length === 0 ? new Set<string>() : await host.othersRules();
    return {
      fail2ban,
      banjour,
      notify: await host.unit(COMPANION),
      table: await host.hasTable(),
      remembers: up && (await host.fail2banRemembers()),
      bans,
      rules: new Set(bans.map(({ target }) => target).filter((target) => rules.has(target))),
    };
  }

  /** The steps in their order. */
  steps(before: Before): Step[] {
    const { fail2ban, banjour } = before;
    const host = this.#host;
    const up = isUp(fail2ban);
    return [
      { words: "taking over fail2ban's configuration and bans", deed: () => host.takeOver('all') },
      { words: 'checking what a start of Banjour needs', deed: () => this.#check() },
      {
        words: isUp(banjour)
          ? 'Banjour runs already and has read it'
          : "starting Banjour with fail2ban's bans in force",
        deed: async () => {
          if (!isUp(banjour)) await host.order('start', BANJOUR);
          await this.#inForce();
          if (!isOn(banjour)) await host.order('enable', BANJOUR);
        },
      },
      {
        words: 'starting what sends mails and other messages, where jails want them',
        deed: () => this.#notify(),
      },
      {
        words: up
          ? 'stopping fail2ban, now and at every boot'
          : 'keeping fail2ban from starting at a boot',
        deed: () => this.#stop(fail2ban),
      },
      { words: 'looking whether all is in force', deed: () => this.#last(before) },
    ];
  }

  /** Throws when the administrator wants it over. */
  goOn(): void {
    if (this.#host.patience?.aborted === true) throw new Interrupted();
  }

  async #check(): Promise<void> {
    const diagnostics = await this.#host.check();
    for (const one of diagnostics) this.#options.say(`    ${formatDiagnostic(one)}`);
    const errors = diagnostics.filter(({ level }) => level === 'error');
    if (errors.length > 0)
      throw new OperatorError(
        `${counted(errors.length, 'error')} would keep Banjour from starting`,
        {
          hint: 'mend what is named above, then run the same command again',
          exitCode: EXIT.config,
        },
      );
    const jails = new Set(this.#host.jails());
    const lost = (await this.#theirs()).filter(({ jail }) => !jails.has(jail));
    if (lost.length > 0)
      throw new OperatorError(
        `${counted(lost.length, 'ban')} would be lifted, first ${lost[0]?.target}: Banjour would not have the jail ${[...new Set(lost.map(({ jail }) => jail))].join(', ')}`,
        {
          hint: 'mend what import says of it, or take the jail or its bans away in fail2ban; then the same again',
          exitCode: EXIT.config,
        },
      );
  }

  /** Whom fail2ban bans now. */
  async #theirs(): Promise<readonly ImportedBan[]> {
    return isUp(await this.#host.unit(FAIL2BAN)) ? this.#host.fail2banBans() : [];
  }

  /** Makes sure that whoever fail2ban bans is banned by Banjour. */
  async #inForce(): Promise<void> {
    const told = new Set<string>();
    for (let round = 0; round < SWITCH_ROUNDS_MAX; round++) {
      this.goOn();
      if (round > 0) await this.#host.pause(LOOK_MS);
      const theirs = await this.#theirs();
      const own = await this.#host.ownBans();
      const missing = uncovered(theirs, own).filter((ban) => !told.has(nameOf(ban)));
      if (missing.length === 0) {
        this.#options.say(`    ${counted(own.length, 'ban')} in force`);
        return;
      }
      for (const { jail, target, reason, refused } of await this.#host.ownBan(missing)) {
        if (refused)
          throw new OperatorError(`the kernel refused to ban ${target}: ${reason}`, {
            exitCode: EXIT.osError,
          });
        told.add(nameOf({ jail, target }));
        this.#options.say(`    not banned: ${target} of ${jail}: ${reason}`);
      }
    }
    throw new OperatorError('fail2ban has bans that Banjour does not put in force', {
      hint: 'journalctl -u banjour -n 20',
      exitCode: EXIT.osError,
    });
  }

  async #notify(): Promise<void> {
    if (!this.#host.notifies()) {
      this.#options.say('    none does');
      return;
    }
    await this.#host.order('enable', COMPANION);
    await this.#host.order('restart', COMPANION);
  }

  async #stop(fail2ban: UnitState): Promise<void> {
    if (isUp(fail2ban)) {
      // Those of the last seconds.
      await this.#inForce();
      this.goOn();
      await this.#host.order('stop', FAIL2BAN);
    }
    if (isOn(fail2ban)) await this.#host.order('disable', FAIL2BAN);
  }

  /** The bans that fail2ban made until its very end stand in its database. */
  async #last({ bans }: Before): Promise<void> {
    await this.#host.takeOver('bans');
    const { active } = await this.#host.unit(BANJOUR);
    if (active !== 'active')
      throw new OperatorError(`banjour.service is ${active}`, { exitCode: EXIT.osError });
    await this.#inForce();
    if (bans.length > 0) await this.#tellOfRules(bans);
  }

  /**
   * fail2ban lifts its rules when it stops; those that it leaves would keep a host out after its
   * ban here is over.
   */
  async #tellOfRules(bans: readonly ImportedBan[]): Promise<void> {
    const rules = await this.#host.othersRules();
    const left = [...new Set(bans.map(({ target }) => target))].filter((target) =>
      rules.has(target),
    );
    this.#options.say(
      left.length === 0
        ? "    fail2ban has taken its rules out of the kernel; other rules of this host's firewall stay as they are"
        : `    rules that are not Banjour's still hold ${counted(left.length, 'banned address', 'banned addresses')}, first ${left[0]}: they stay there until you remove them`,
    );
  }
}

/** Those of `theirs` whose jail has no ban in force that holds all of the target. */
export function uncovered(theirs: readonly ImportedBan[], own: readonly OwnBan[]): ImportedBan[] {
  const single = new Set<string>();
  const wide = new Map<string, Prefix[]>();
  for (const { jail, target, state } of own) {
    if (state !== 'in-force') continue;
    single.add(nameOf({ jail, target }));
    const prefix = target.includes('/') ? parsePrefix(target) : undefined;
    if (prefix !== undefined) wide.get(jail)?.push(prefix) ?? wide.set(jail, [prefix]);
  }
  return theirs.filter((ban) => {
    if (single.has(nameOf(ban))) return false;
    const prefix = parsePrefix(ban.target);
    return prefix === undefined || !(wide.get(ban.jail) ?? []).some((one) => covers(one, prefix));
  });
}

function refusal(
  message: string,
  hint?: string,
  exitCode: ExitCode = EXIT.unavailable,
): OperatorError {
  return new OperatorError(`the move is not begun: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    exitCode,
  });
}
