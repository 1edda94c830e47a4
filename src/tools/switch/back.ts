/**
 * The way back from Banjour to fail2ban after a finished move, in the order without a gap: fail2ban
 * has Banjour's bans in force in the kernel before Banjour's table goes. What goes wrong on the way
 * leaves Banjour in charge.
 */
import { EXIT, type ExitCode, messageOf, OperatorError } from '../../core/errors.js';
import { SWITCH_ROUNDS_MAX } from '../../core/service-limits.js';
import { counted } from '../../core/text.js';
import { SWITCH_RETURN_MS_MAX } from '../../core/timeouts.js';
import {
  BANJOUR,
  COMPANION,
  countDown,
  FAIL2BAN,
  Interrupted,
  isOn,
  isUp,
  nameOf,
  type OwnBan,
  RESTORE_MS,
  type SwitchHost,
} from './host.js';
import { alone, type SwitchOptions } from './switch.js';

export interface BackOptions extends SwitchOptions {
  /** Go back although bans would be lifted that fail2ban cannot have in force. */
  readonly force: boolean;
}

interface Step {
  readonly words: string;
  readonly deed: () => Promise<unknown>;
}

/**
 * Makes fail2ban protect the host again. Resolves with `EXIT.ok` when it has the bans and Banjour
 * is off.
 */
export function switchBack(host: SwitchHost, options: BackOptions): Promise<ExitCode> {
  return alone(host, options, 'the way back', () => new Back(host, options).go());
}

class Back {
  readonly #host: SwitchHost;
  readonly #options: BackOptions;
  /** Bans that would be lifted, and that the administrator gave up. */
  readonly #given = new Set<string>();

  constructor(host: SwitchHost, options: BackOptions) {
    this.#host = host;
    this.#options = options;
  }

  async go(): Promise<ExitCode> {
    const { say, dryRun, interrupted } = this.#options;
    const host = this.#host;
    host.patience = interrupted;
    const [fail2ban, banjour] = [await host.unit(FAIL2BAN), await host.unit(BANJOUR)];
    if (fail2ban.load !== 'loaded')
      throw refusal(
        `systemd cannot start fail2ban.service (it is ${fail2ban.load})`,
        fail2ban.load === 'not-found' ? 'apt install fail2ban' : 'systemctl unmask fail2ban',
      );
    if (!isUp(banjour))
      throw refusal(
        'Banjour does not run, so nobody can say whom it bans',
        'systemctl start banjour, then the same again; or without its bans: systemctl enable --now fail2ban && banjour flush',
      );
    const steps = this.#steps();
    if (dryRun) {
      for (const [index, { words }] of steps.entries())
        say(`${index + 1}/${steps.length} would be done: ${words}`);
      return EXIT.ok;
    }
    try {
      for (const [index, { words, deed }] of steps.entries()) {
        if (interrupted.aborted) throw new Interrupted();
        say(`${index + 1}/${steps.length} ${words}`);
        await deed();
      }
    } catch (error) {
      host.patience = undefined;
      const reason = interrupted.aborted ? 'it was interrupted' : messageOf(error);
      say(`Banjour stays in charge: ${reason}`);
      const outcome = await this.#stay({
        fail2banWasUp: isUp(fail2ban),
        fail2banWasOn: isOn(fail2ban),
      });
      throw new OperatorError(`${outcome}: ${reason}`, {
        ...(error instanceof OperatorError && error.hint !== undefined ? { hint: error.hint } : {}),
        exitCode: interrupted.aborted
          ? EXIT.temporary
          : error instanceof OperatorError
            ? error.exitCode
            : EXIT.osError,
        cause: error,
      });
    }
    host.patience = undefined;
    say('fail2ban protects this host, now and at every boot: fail2ban-client banned');
    say(
      "Banjour's configuration and history stay where they are; banjour import --switch moves again",
    );
    return EXIT.ok;
  }

  #steps(): Step[] {
    const host = this.#host;
    return [
      {
        words: 'starting fail2ban',
        deed: async () => {
          if (!isUp(await host.unit(FAIL2BAN))) await host.order('start', FAIL2BAN);
          const silent = await countDown(
            host,
            async () => ((await host.fail2banAnswers()) ? 0 : 1),
            SWITCH_RETURN_MS_MAX,
          );
          if (silent > 0)
            throw new OperatorError('fail2ban does not answer', { exitCode: EXIT.osError });
        },
      },
      {
        words: "handing Banjour's bans over, until they are in the kernel by fail2ban too",
        deed: () => this.#handOver(),
      },
      {
        words: 'stopping Banjour, now and at every boot',
        deed: async () => {
          if (!isOn(await host.unit(FAIL2BAN))) await host.order('enable', FAIL2BAN);
          // Those of the last seconds.
          await this.#handOver();
          for (const name of [COMPANION, BANJOUR]) {
            const unit = await host.unit(name);
            if (isUp(unit)) await host.order('stop', name);
            if (isOn(unit)) await host.order('disable', name);
          }
        },
      },
      { words: "removing Banjour's table from the kernel", deed: () => host.removeTable() },
    ];
  }

  /** Has fail2ban ban whom Banjour bans, and waits until that is in force. */
  async #handOver(): Promise<void> {
    for (let round = 0; round < SWITCH_ROUNDS_MAX; round++) {
      const left = (await this.#missing()).filter((ban) => !this.#given.has(nameOf(ban)));
      if (left.length === 0) return;
      const jails = new Set(await this.#host.fail2banJails());
      this.#giveUp(
        left.filter(({ jail }) => !jails.has(jail)),
        'fail2ban has no such jail',
      );
      const taken = left.filter(({ jail }) => jails.has(jail));
      if (taken.length === 0) continue;
      await this.#host.fail2banBan(taken);
      const names = new Set(taken.map(nameOf));
      const stay = async () => (await this.#missing()).filter((ban) => names.has(nameOf(ban)));
      if ((await countDown(this.#host, async () => (await stay()).length, RESTORE_MS)) > 0)
        this.#giveUp(await stay(), 'fail2ban does not put it into the kernel');
      this.#options.say(`    ${counted(taken.length, 'ban')} handed over`);
    }
    throw new OperatorError('Banjour bans faster than fail2ban takes over', {
      hint: 'run the same command again when it is quieter',
      exitCode: EXIT.temporary,
    });
  }

  /**
   * Bans of Banjour that fail2ban does not have in force: it says nothing of them, or no rule of
   * others holds them.
   */
  async #missing(): Promise<OwnBan[]> {
    const own = (await this.#host.ownBans()).filter(({ state }) => state === 'in-force');
    const theirs = new Set((await this.#host.fail2banBans()).map(nameOf));
    const rules = await this.#host.othersRules();
    return own.filter((ban) => !theirs.has(nameOf(ban)) || !rules.has(ban.target));
  }

  /** Bans that would end: an error, unless the administrator said so. */
  #giveUp(bans: readonly OwnBan[], why: string): void {
    const [first] = bans;
    if (first === undefined) return;
    const words = `${counted(bans.length, 'ban')} would be lifted, first ${first.target} of ${first.jail}: ${why}`;
    if (!this.#options.force)
      throw new OperatorError(words, {
        hint: 'lift them first (banjour unban), or go back without them: banjour import --switch-back --force',
        exitCode: EXIT.config,
      });
    this.#options.say(`    ${words}`);
    for (const ban of bans) this.#given.add(nameOf(ban));
  }

  /** Banjour goes on, or runs again; fail2ban is what it was. Says what came of it. */
  async #stay(before: {
    readonly fail2banWasUp: boolean;
    readonly fail2banWasOn: boolean;
  }): Promise<string> {
    const host = this.#host;
    try {
      if (!isUp(await host.unit(BANJOUR))) await host.order('start', BANJOUR);
      if (!isOn(await host.unit(BANJOUR))) await host.order('enable', BANJOUR);
      const notify = await host.unit(COMPANION);
      if (host.notifies() && notify.load === 'loaded' && !isUp(notify)) {
        await host.order('enable', COMPANION);
        await host.order('start', COMPANION);
      }
    } catch (error) {
      return `Banjour cannot be brought back (${messageOf(error)}), so fail2ban goes on`;
    }
    try {
      if (!before.fail2banWasUp && isUp(await host.unit(FAIL2BAN)))
        await host.order('stop', FAIL2BAN);
      if (!before.fail2banWasOn && isOn(await host.unit(FAIL2BAN)))
        await host.order('disable', FAIL2BAN);
    } catch (error) {
      return `Banjour goes on, and fail2ban beside it (${messageOf(error)})`;
    }
    return 'Banjour goes on, and fail2ban is as it was';
  }
}

function refusal(message: string, hint: string): OperatorError {
  return new OperatorError(`the way back is not begun: ${message}`, {
    hint,
    exitCode: EXIT.unavailable,
  });
}
