/**
 * Attackers: real clients against the real daemons, and many lines at once in the daemons' own
 * units.
 */
import type { Machine } from '../lib/machine.js';
import type { Random } from '../lib/random.js';
import { judged, type Station } from '../lib/station.js';
import type { Recount } from './recount.js';

type Daemon = 'sshd' | 'postfix' | 'dovecot';
const DAEMONS: readonly Daemon[] = ['sshd', 'postfix', 'dovecot'];
const UNITS: Readonly<Record<Daemon, readonly string[]>> = {
  sshd: ['ssh.service'],
  postfix: ['postfix.service', 'postfix@-.service'],
  dovecot: ['dovecot.service'],
};
const TAGS: Readonly<Record<Daemon, string>> = {
  sshd: 'sshd-session',
  postfix: 'postfix/smtpd',
  dovecot: 'dovecot',
};
/**
 * Joins the unit's control group, so that journald takes what is logged for the unit's, and logs
 * what it is given.
 */
const LOGS = `
for unit in $2 $3; do
  group=$(systemctl show -P ControlGroup "$unit")
  if [ -n "$group" ] && [ -d "/sys/fs/cgroup$group" ]; then echo $$ > "/sys/fs/cgroup$group/cgroup.procs"; break; fi
done
{ cat; sleep 0.5; } | logger -t "$1" -p auth.info
`;

export interface Attacker {
  readonly daemon: Daemon;
  readonly address: string;
}

function lineOf({ daemon, address }: Attacker, number: number): string {
  if (daemon === 'sshd')
    return `Failed password for root from ${address} port ${20_000 + number} ssh2`;
  if (daemon === 'postfix')
    return `warning: unknown[${address}]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=info`;
  return `imap-login: Login aborted: Connection closed (auth failed, 1 attempts in 2 secs) (auth_failed): user=<info>, method=PLAIN, rip=${address}, lip=198.18.0.1, session=<${number.toString(36).padStart(16, 'A')}>`;
}

export class Attackers {
  #next = 1;
  #lines = 0;
  readonly real: Promise<unknown>[] = [];

  constructor(
    private readonly machine: Machine,
    private readonly station: Station,
    private readonly recount: Recount,
    private readonly random: Random,
  ) {}

  /** Hosts that never attacked before, of both families. */
  fresh(count: number): Attacker[] {
    return Array.from({ length: count }, () => {
      const n = this.#next++;
      const v6 = this.random.below(4) === 0;
      const address = v6
        ? `2001:db8:${(0x1000 + n).toString(16)}:7::1`
        : `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}`;
      return { daemon: this.random.pick(DAEMONS), address };
    });
  }

  /** Each of them fails so often; their lines are mixed. */
  async fail(attackers: readonly Attacker[], times: number): Promise<void> {
    const all = this.random.shuffled(attackers.flatMap((one) => Array<Attacker>(times).fill(one)));
    await Promise.all(
      DAEMONS.map(async (daemon) => {
        const lines = all
          .filter((one) => one.daemon === daemon)
          .map((one) => lineOf(one, this.#lines++));
        if (lines.length === 0) return;
        const shell = ['sh', '-c', LOGS, 'sh', TAGS[daemon], ...UNITS[daemon]];
        await this.machine.exec(shell, { input: `${lines.join('\n')}\n` });
      }),
    );
  }

  /** One real client guesses until it is cut off; `real` has it until its answer is there. */
  guess(): void {
    const service = this.random.pick(['ssh', 'smtp', 'imap'] as const);
    const n = this.#next++;
    const address = `203.0.${113 + (n >> 8)}.${n & 255}`;
    if (service === 'imap') this.recount.imapClients.add(address);
    const pace = { intervalMs: 1_000, readMs: 20_000 };
    this.real.push(
      this.station.attack(service, address, 5, pace).then((attempts) => judged(attempts)),
    );
  }

  /** Waits for the real clients. */
  async rest(): Promise<void> {
    await Promise.all(this.real.splice(0));
  }
}
