/**
 * Who judges a made-up month: Banjour's own pipeline, from the filters to the ledger, without
 * nftables; and a model of how fail2ban counts. Bans hold from the line that decided them.
 */
import { Announcer } from '../../../src/agent/announce.js';
import { Pipeline } from '../../../src/agent/pipeline.js';
import { formatPrefix, parseAddress, prefixOf } from '../../../src/core/address.js';
import type { FilterEvent } from '../../../src/core/decision.js';
import type { Entry, Gate } from '../../../src/core/entry.js';
import { silentLog } from '../../../src/core/log.js';
import { cursor, mustJailName, sourceId } from '../../../src/core/names.js';
import type { JailRule } from '../../../src/core/specs.js';
import { epochMicros, MICROS_PER_SECOND, SetClock } from '../../../src/core/time.js';
import { FilterBank } from '../../../src/filter/bank.js';
import { NoFirewall } from '../../../src/firewall/recording.js';
import { Jails } from '../../../src/jail/jails.js';
import type { AllowContext } from '../../../src/jail/judgement.js';
import { openLedger } from '../../../src/ledger/open.js';
import { setupOf } from '../setup.js';
import type { Asked, Judge, JudgeAlarm, LogLine, Service, Writer } from './stage.js';

/** Time of the beginning, seconds since 1970: 2026-09-07 00:00 UTC, a Monday. */
const BEGIN = 1_788_739_200;
/** Lengths of the prefixes that anybody bans. */
const LENGTHS = { 4: [32, 24], 6: [128, 64, 56, 48] } as const;

const MAIL: readonly Service[] = ['smtp', 'submission', 'submissions', 'imap', 'pop3'];

interface Ban {
  readonly from: number;
  until: number;
  readonly jail: string;
  readonly services: readonly Service[] | 'all';
}

/** The bans of a month, by target. */
export class BanTable {
  count = 0;
  readonly #bans = new Map<string, Ban[]>();
  readonly #targets = new Map<string, readonly string[]>();

  ban(target: string, ban: Ban): void {
    this.count++;
    const own = this.#bans.get(target);
    if (own === undefined) this.#bans.set(target, [ban]);
    else own.push(ban);
  }

  unban(target: string, jail: string, time: number): void {
    for (const ban of this.#bans.get(target) ?? [])
      if (ban.jail === jail && ban.until > time) ban.until = time;
  }

  holds(address: string, service: Service, time: number): boolean {
    return this.#over(address).some(
      ({ from, until, services }) =>
        from <= time && time < until && (services === 'all' || services.includes(service)),
    );
  }

  held(address: string, from: number, to: number): boolean {
    return this.#over(address).some((ban) => ban.from < to && from < ban.until);
  }

  #over(address: string): Ban[] {
    let targets = this.#targets.get(address);
    if (targets === undefined) {
      const parsed = parseAddress(address);
      if (parsed === undefined) throw new Error(address);
      targets = LENGTHS[parsed.family].map((length) => formatPrefix(prefixOf(parsed, length)));
      this.#targets.set(address, targets);
    }
    return targets.flatMap((target) => this.#bans.get(target) ?? []);
  }
}

/** Unit and user of what writes; processes that end too soon have no unit. */
function originOf(writer: Writer): { readonly unit?: string; readonly uid: number } {
  if (writer.startsWith('postfix/')) return { unit: 'postfix.service', uid: 100 };
  if (writer === 'dovecot' || writer === 'auth') return { unit: 'dovecot.service', uid: 0 };
  if (writer === 'sshd-session') return { unit: 'ssh.service', uid: 0 };
  return { uid: 0 };
}

/** The entry that journald makes of a line. */
function entryOf({ time, writer, pid, message }: LogLine, n: number): Entry {
  const { unit, uid } = originOf(writer);
  const realtime = momentOf(time);
  const fields = new Map([
    ['_HOSTNAME', 'mx1'],
    ['_BOOT_ID', '5f0b3c1e7d6a4c2f9b8e1a2d3c4b5a69'],
    ['_UID', String(uid)],
    ['SYSLOG_IDENTIFIER', writer],
    ['SYSLOG_PID', String(pid)],
    ['_PID', String(pid)],
  ]);
  if (unit !== undefined) fields.set('_SYSTEMD_UNIT', unit);
  return { cursor: cursor(`n=${n.toString(16)}`), realtime, message, fields };
}

const NOBODY_ALLOWED: AllowContext = { allowed: () => undefined, coversAllowed: () => false };

/** A time of the campaign as the entries have it. */
export function momentOf(time: number) {
  return epochMicros(Math.round((BEGIN + time) * MICROS_PER_SECOND));
}

export function addressOf(text: string) {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

/** Banjour with these lines of jail.local. Own addresses of this machine count for nothing. */
export class BanjourJudge implements Judge {
  readonly alarms: JudgeAlarm[] = [];
  readonly #table = new BanTable();
  /** What a source must read for it. */
  readonly gate: Gate;
  /** Failures that the filters found. */
  found = 0;
  readonly #bank: FilterBank;
  readonly #jails: Jails;
  protected readonly pipeline: Pipeline;
  readonly #ledger: ReturnType<typeof openLedger>['ledger'];
  readonly #source = sourceId('campaign');
  #failure: unknown;
  #entries = 0;

  constructor(jailLocal: string) {
    const { jails } = setupOf(jailLocal);
    const clock = new SetClock(epochMicros(BEGIN * MICROS_PER_SECOND));
    const announcer = new Announcer(silentLog);
    const closes = new Map<string, Ban['services']>(
      jails.map(({ policy: { jail }, rule }) => [jail, servicesOf(rule.ports)]),
    );
    announcer.subscribe(({ event, time, jail, address, user, until }) => {
      const at = Date.parse(time) / 1_000 - BEGIN;
      if (event === 'ban') {
        const end = until == null ? Number.POSITIVE_INFINITY : Date.parse(until) / 1_000 - BEGIN;
        const services = closes.get(jail) ?? 'all';
        this.#table.ban(address, { from: at, until: end, jail, services });
      } else if (event === 'unban') this.#table.unban(address, jail, at);
      else if (event === 'takeover') this.alarms.push({ time: at, user: user ?? '' });
    });
    const failed = (error: unknown) => {
      this.#failure ??= error;
    };
    // Regexes are not timed: every line is our own.
    this.#bank = new FilterBank(
      jails.filter(({ source }) => source !== undefined).map(({ intake }) => intake),
      (run) => {
        run();
        return true;
      },
    );
    this.gate = this.#bank.gate;
    this.#ledger = openLedger(':memory:', clock.now()).ledger;
    this.#jails = new Jails(jails.map(({ policy }) => policy));
    this.pipeline = new Pipeline({
      jails: this.#jails,
      ledger: this.#ledger,
      firewall: new NoFirewall(),
      announcer,
      allow: NOBODY_ALLOWED,
      wall: clock,
      stored: clock,
      random: () => 0,
      inOrder: true,
      failed,
      broken: failed,
    });
  }

  get bans(): number {
    return this.#table.count;
  }

  /** Whether the address was ever banned. */
  everHeld(address: string): boolean {
    return this.#table.held(address, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY);
  }

  take(line: LogLine): Promise<void> | undefined {
    return this.hear(entryOf(line, this.#entries++));
  }

  /** Judges an entry of a recorded session. */
  hear(entry: Entry): Promise<void> | undefined {
    const { events } = this.#bank.judge([entry]);
    for (const { kind, count } of events) if (kind === 'failure') this.found += count;
    return events.length === 0 ? undefined : this.#judge(events, entry);
  }

  holds(address: string, service: Service, time: number): boolean {
    return this.#table.holds(address, service, time);
  }

  held(address: string, from: number, to: number): boolean {
    return this.#table.held(address, from, to);
  }

  /** What is known of a login at the service of a jail. */
  protected knows(jail: string, { address, user }: Asked, digest: string, time: number) {
    const who = { address: addressOf(address), user, digest };
    const name = mustJailName(jail);
    return this.#jails.login(name, who, momentOf(time), NOBODY_ALLOWED);
  }

  /** Notes what counts nowhere, as the policy desk does. */
  protected attempted(event: FilterEvent): void {
    this.#jails.attempted(event, NOBODY_ALLOWED);
  }

  close(): void {
    this.#ledger.close();
  }

  async #judge(events: ReturnType<FilterBank['judge']>['events'], entry: Entry): Promise<void> {
    const position = { cursor: entry.cursor, time: entry.realtime };
    await this.pipeline.take(this.#source, {
      type: 'batch',
      phase: 'catch-up',
      warm: [],
      events,
      position,
    });
    await this.pipeline.idle();
    if (this.#failure !== undefined) throw this.#failure;
  }
}

/** The services whose ports a jail closes. */
function servicesOf(ports: JailRule['ports']): Ban['services'] {
  if (ports === 'all') return 'all';
  const closes = (port: number) => ports.some(({ first, last }) => first <= port && port <= last);
  const known: readonly [number, Service][] = [
    [25, 'smtp'],
    [587, 'submission'],
    [465, 'submissions'],
    [143, 'imap'],
    [110, 'pop3'],
    [22, 'ssh'],
  ];
  return known.filter(([port]) => closes(port)).map(([, service]) => service);
}

interface Count {
  failures: number;
  first: number;
  last: number;
}

/**
 * How fail2ban 1.1 counts, modelled: which lines its stock filters take on such a host (Postfix'
 * warnings; PAM's lines of Dovecot, also those of an SMTP login; sshd's unknown names and failed
 * passwords; nothing of Dovecot 2.4's own lines), by address and jail. A count is begun anew when
 * the last failure lies more than findtime back; one that has run for longer than findtime is
 * taken down in proportion. A ban closes the ports of its jail and forgets the count.
 */
export class Fail2banModel implements Judge {
  readonly alarms: readonly JudgeAlarm[] = [];
  readonly #table = new BanTable();
  readonly #counts = new Map<string, Count>();
  readonly #limits: {
    readonly maxretry: number;
    readonly findtime: number;
    readonly bantime: number;
  };

  constructor(maxretry: number, findtime: number, bantime: number) {
    this.#limits = { maxretry, findtime, bantime };
  }

  get bans(): number {
    return this.#table.count;
  }

  take({ hint, time }: LogLine): undefined {
    if (hint === undefined) return;
    const { jail, services } = FAIL2BAN_JAILS[hint.what];
    const { maxretry, findtime, bantime } = this.#limits;
    if (this.#table.holds(hint.address, services[0] as Service, time)) return;
    const key = `${jail} ${hint.address}`;
    const count = this.#counts.get(key) ?? { failures: 0, first: time, last: time };
    this.#counts.set(key, count);
    if (time - count.last > findtime) Object.assign(count, { failures: 0, first: time });
    else if (time - count.first > findtime) {
      count.failures = Math.round((count.failures / (time - count.first)) * findtime);
      count.first = time - findtime;
    }
    count.last = time;
    if (++count.failures < maxretry) return;
    this.#counts.delete(key);
    this.#table.ban(hint.address, { from: time, until: time + bantime, jail, services });
  }

  holds(address: string, service: Service, time: number): boolean {
    return this.#table.holds(address, service, time);
  }

  held(address: string, from: number, to: number): boolean {
    return this.#table.held(address, from, to);
  }

  close(): void {
    // It holds nothing.
  }
}

const FAIL2BAN_JAILS = {
  sasl: { jail: 'postfix-sasl', services: MAIL },
  // Its ports are those of reading and submission, not 25.
  pam: { jail: 'dovecot', services: MAIL.filter((service) => service !== 'smtp') },
  'ssh-name': { jail: 'sshd', services: ['ssh'] },
  'ssh-password': { jail: 'sshd', services: ['ssh'] },
} as const satisfies Record<string, { jail: string; services: readonly Service[] }>;

/** Bans nobody. */
export class NobodyJudge extends Fail2banModel {
  constructor() {
    super(Number.POSITIVE_INFINITY, 1, 1);
  }
}
