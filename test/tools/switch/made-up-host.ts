/**
 * A host for the move: fail2ban, Banjour, and the kernel between them, as small as the move can
 * tell. Every deed can be made to fail, or be the moment at which the administrator presses Ctrl-C,
 * and after each it is looked at whether a banned host could get in.
 */

import type { ImportedBan } from '../../../src/control/endpoints.js';
import type { OperatorError } from '../../../src/core/errors.js';
import type { Diagnostic } from '../../../src/core/finding.js';
import {
  BANJOUR,
  COMPANION,
  FAIL2BAN,
  Interrupted,
  type NotBanned,
  type Obstacle,
  type OwnBan,
  type SwitchHost,
  type UnitState,
} from '../../../src/tools/switch/host.js';

export interface Trouble {
  /** The deed with this number fails or is interrupted, counted from 0. */
  readonly at: number;
  readonly how: 'fails' | 'interrupted before' | 'interrupted after';
}

export function banOf(jail: string, target: string): ImportedBan {
  return {
    jail,
    target,
    time: '2026-01-01T00:00:00.000Z',
    until: null,
    failures: 3,
    previousBans: 0,
  };
}

interface Unit {
  load: string;
  active: string;
  file: string;
}

export class MadeUpHost implements SwitchHost {
  patience: AbortSignal | undefined;
  readonly units: Record<string, Unit> = {
    [BANJOUR]: { load: 'loaded', active: 'inactive', file: 'disabled' },
    [COMPANION]: { load: 'loaded', active: 'inactive', file: 'disabled' },
    [FAIL2BAN]: { load: 'loaded', active: 'active', file: 'enabled' },
  };
  /** What fail2ban's database holds, and what fail2ban itself remembers while it runs. */
  database: ImportedBan[] | undefined = [banOf('sshd', '192.0.2.1'), banOf('sshd', '2001:db8::1')];
  theirs: ImportedBan[] = [banOf('sshd', '192.0.2.1'), banOf('sshd', '2001:db8::1')];
  /** The kernel: what each of the two keeps out. */
  readonly rules = new Set(['192.0.2.1', '2001:db8::1']);
  readonly table = new Map<string, OwnBan>();
  ledger: ImportedBan[] = [];
  files = 'as they were';
  #kept: { files: string; ledger: ImportedBan[] } | undefined;
  diagnostics: Diagnostic[] = [];
  tells = true;
  own = ['sshd'];
  others: number[] = [];
  /** What is wrong with fail2ban's configuration. */
  unfit: OperatorError | undefined;
  obstacleHere: Obstacle | undefined;
  /** fail2ban does not start any more once it was stopped. */
  fail2banIsBroken = false;
  /** Bans that fail2ban still makes, one whenever its bans are taken over. */
  more = 0;
  /** After this deed fail2ban bans one more. */
  bansAt = '';
  /** fail2ban answers so long after its start, ms. */
  slow = 0;
  #startedAt = 0;
  /** The kernel refuses these. */
  refused = new Set<string>();
  deeds: string[] = [];
  /** Who must not get in; without it those of fail2ban's database. */
  watched: readonly ImportedBan[] | undefined;
  /** Another move is under way. */
  claimed: OperatorError | undefined;
  /** How often a move has begun and not ended. */
  claims = 0;
  /** The jails of fail2ban's, and those of them that put nobody into the kernel. */
  their = ['sshd'];
  toothless = new Set<string>();
  /** Of these fail2ban leaves the rules when it stops. */
  orphans = new Set<string>();
  /** Deeds after which a banned host could get in. */
  open: string[] = [];
  readonly #trouble: Trouble | undefined;
  readonly #interrupt: AbortController;
  #clock = Date.parse('2026-01-01T01:00:00.000Z');

  constructor(interrupt: AbortController, trouble?: Trouble) {
    this.#interrupt = interrupt;
    this.#trouble = trouble;
  }

  /** Everything that the move may change, for comparing. */
  picture() {
    return structuredClone({
      units: this.units,
      rules: [...this.rules].sort(),
      table: [...this.table.keys()].sort(),
      files: this.files,
      ledger: this.ledger,
    });
  }

  obstacle() {
    return this.obstacleHere;
  }

  async unit(name: string): Promise<UnitState> {
    return { ...this.#unit(name) };
  }

  claim() {
    if (this.claimed !== undefined) throw this.claimed;
    this.claims++;
    return () => {
      this.claims--;
    };
  }

  order(...words: readonly string[]): Promise<void> {
    const [verb = '', name = ''] = words;
    return this.#deed(words.join(' '), () => {
      const unit = this.#unit(name);
      if (unit.load === 'not-found') throw new Error(`there is no ${name}`);
      if (verb === 'reset-failed' && unit.active !== 'failed')
        throw new Error(`Unit ${name} not loaded.`);
      if (verb === 'reset-failed') unit.active = 'inactive';
      if (verb === 'enable') unit.file = 'enabled';
      if (verb === 'disable') unit.file = 'disabled';
      if (verb === 'stop') this.#stop(name, unit);
      if (verb === 'start' || verb === 'restart' || verb === 'reload-or-restart')
        this.#start(name, unit);
    });
  }

  strays() {
    return this.others;
  }
  async fail2banAnswers() {
    return this.#unit(FAIL2BAN).active === 'active' && this.#clock >= this.#startedAt + this.slow;
  }
  async fail2banRemembers() {
    return this.database !== undefined;
  }
  async fail2banBans() {
    return this.#unit(FAIL2BAN).active === 'active' ? [...this.theirs] : [];
  }
  async fail2banJails() {
    return this.their;
  }
  async fail2banBan(bans: readonly { readonly jail: string; readonly target: string }[]) {
    for (const { jail, target } of bans) {
      this.theirs.push(banOf(jail, target));
      if (!this.toothless.has(jail)) this.rules.add(target);
    }
  }
  async othersRules() {
    return new Set(this.rules);
  }

  async rehearse() {
    if (this.unfit !== undefined) throw this.unfit;
  }

  takeOver(what: 'all' | 'bans'): Promise<void> {
    return this.#deed(`take over ${what}`, () => {
      if (what === 'all') this.files = 'imported';
      for (const ban of this.database ?? []) {
        if (this.ledger.some(({ target }) => target === ban.target)) continue;
        this.ledger.push(ban);
        if (this.#unit(BANJOUR).active === 'active') this.#enforce(ban);
      }
    });
  }

  async check(): Promise<readonly Diagnostic[]> {
    await this.#deed('check', () => undefined);
    return this.diagnostics;
  }
  jails() {
    return this.own;
  }
  notifies() {
    return this.tells;
  }
  async ownBans(): Promise<readonly OwnBan[]> {
    if (this.#unit(BANJOUR).active !== 'active') throw new Error('no agent is running');
    return [...this.table.values()];
  }
  async ownBan(bans: readonly ImportedBan[]): Promise<readonly NotBanned[]> {
    await this.#deed('ban', () => {
      for (const ban of bans) this.#enforce(ban);
      if (this.more-- > 0) this.theirs.push(banOf('sshd', `198.51.100.${this.more}`));
    });
    return bans
      .filter(({ target }) => this.refused.has(target))
      .map(({ jail, target }) => ({ jail, target, reason: 'the set is full', refused: true }));
  }
  async hasTable() {
    return this.table.size > 0;
  }
  removeTable() {
    return this.#deed('remove the table', () => this.table.clear());
  }
  keepFiles(ledger: boolean) {
    this.#kept = { files: this.files, ledger: ledger ? [...this.ledger] : this.ledger };
  }
  restoreFiles() {
    if (this.#kept === undefined) throw new Error('nothing was kept');
    this.files = this.#kept.files;
    this.ledger = this.#kept.ledger;
  }
  forgetFiles() {
    this.#kept = undefined;
  }
  async pause(milliseconds: number) {
    this.#clock += milliseconds;
  }
  now() {
    return this.#clock;
  }

  #unit(name: string): Unit {
    const unit = this.units[name];
    if (unit === undefined) throw new Error(`no unit ${name}`);
    return unit;
  }

  #start(name: string, unit: Unit): void {
    if (unit.active === 'active') return;
    if (name === FAIL2BAN) {
      if (this.fail2banIsBroken) throw new Error('fail2ban does not start');
      this.#startedAt = this.#clock;
      this.theirs = [...(this.database ?? [])];
      for (const { target } of this.theirs) this.rules.add(target);
    }
    unit.active = 'active';
    if (name === BANJOUR) for (const ban of this.ledger) this.#enforce(ban);
  }

  #stop(name: string, unit: Unit): void {
    unit.active = 'inactive';
    if (name !== FAIL2BAN) return;
    for (const target of this.rules) if (!this.orphans.has(target)) this.rules.delete(target);
    this.theirs = [];
  }

  #enforce({ jail, target }: ImportedBan): void {
    if (!this.refused.has(target)) this.table.set(target, { jail, target, state: 'in-force' });
  }

  /** One deed, with the trouble that is due, and a look at the door after it. */
  async #deed(words: string, deed: () => void): Promise<void> {
    const number = this.deeds.length;
    this.deeds.push(words);
    const due = this.#trouble?.at === number ? this.#trouble.how : undefined;
    if (due === 'fails') throw new Error(`${words} fails`);
    if (due === 'interrupted before') this.#interrupt.abort();
    if (this.patience?.aborted === true) throw new Interrupted();
    deed();
    if (words === this.bansAt) {
      const ban = banOf('sshd', '198.51.100.77');
      this.theirs.push(ban);
      this.database?.push(ban);
      this.rules.add(ban.target);
    }
    if (due === 'interrupted after') this.#interrupt.abort();
    const banned = this.watched ?? this.database ?? this.theirs;
    for (const { target } of banned)
      if (!this.rules.has(target) && !this.table.has(target))
        this.open.push(`${target} after ${words}`);
  }
}
