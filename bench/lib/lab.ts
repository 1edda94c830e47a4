/**
 * A booted Debian 13 mail server for latency and bursts: entries come in through its own journald,
 * as from Postfix, and bans are seen where the kernel announces them. Banjour and what Debian has
 * beside it take turns on it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Agent } from '../../test/e2e/lib/agent.js';
import { Machine, removeLeftovers } from '../../test/e2e/lib/machine.js';
import { buildLayer, build as buildRootfs } from '../../test/e2e/lib/rootfs.js';
import { type Outcome, type RunOptions, run, sleep, until } from '../../test/e2e/lib/shell.js';
import { familyOf } from './processes.js';
import { tool } from './tools.js';

const JAILS = ['postfix-sasl', 'dovecot', 'sshd'] as const;
/** The same for both: three failures, ten minutes. */
const COMMON = ['[DEFAULT]', 'maxretry = 3', 'findtime = 10m', 'bantime = 10m'];
const OURS = [
  ...COMMON,
  '[login]',
  'enabled = false',
  ...JAILS.flatMap((jail) => [`[${jail}]`, 'enabled = true']),
  '',
].join('\n');
const THEIRS = [
  ...COMMON,
  'backend = systemd',
  'banaction = nftables[type=multiport]',
  ...JAILS.flatMap((jail) => [`[${jail}]`, 'enabled = true', 'backend = systemd']),
  '',
].join('\n');

/** Where servers stall that banjour-companion wants to talk to. */
const STALLED = { smtp: 2525, whois: 4343, webhook: 8081 } as const;
const NOTIFY_UNIT = 'banjour-companion.service';
/** The same jails; every ban is told by mail with whois and log lines, and to a webhook. */
const TELLING = OURS.replace(
  '[DEFAULT]',
  [
    '[DEFAULT]',
    'action = %(action_)s',
    '         sendmail-whois-lines[name=bench, dest=root, sender=banjour]',
    `         webhook[url="http://127.0.0.1:${STALLED.webhook}/"]`,
  ].join('\n'),
);
const NOTIFY_CONF = `[Definition]
mailer = smtp://127.0.0.1:${STALLED.smtp}
whois = tcp:127.0.0.1:${STALLED.whois}
digest = 0
`;

/**
 * Who watches, and the units that run for it: ours, ours beside a banjour-companion whose servers
 * all stall, and the others. The last two are only in a lab of rivals.
 */
const UNITS = {
  banjour: ['banjour.service'],
  'banjour+notify': ['banjour.service', NOTIFY_UNIT],
  fail2ban: ['fail2ban.service'],
  sshguard: ['sshguard.service'],
  crowdsec: ['crowdsec.service', 'crowdsec-firewall-bouncer.service'],
} as const;
export type Watcher = keyof typeof UNITS;

/** Rest after a start, ms: starting is not what is measured here. */
const SETTLE_MS = 5_000;

/** One entry of a plan. */
export interface Planned {
  /** After the start of the plan, microseconds. */
  readonly at: number;
  readonly message: string;
}

/** A failed login over SMTP, as Postfix logs it. */
export function failure(address: string): string {
  return `warning: unknown[${address}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=info`;
}

/**
 * The n-th stranger: none is met twice in one lab. Of a network that is nobody's (RFC 1112, class
 * E), yet whois is asked about it.
 */
export function stranger(n: number): string {
  return `240.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
}

export class Lab {
  readonly #machine: Machine;
  readonly agent: Agent;
  #servers: ChildProcess | undefined;
  /** Ports of the stalled servers that somebody has connected to. */
  readonly #met = new Set<number>();

  private constructor(machine: Machine, agent: Agent) {
    this.#machine = machine;
    this.agent = agent;
  }

  /**
   * Builds the root file system when it is missing, boots it, installs Banjour from this tree; with
   * `rivals` the other programs are there, too.
   */
  static async open(say: (line: string) => void, rivals = false): Promise<Lab> {
    await removeLeftovers();
    if (rivals) await buildLayer('rivals', say);
    else await buildRootfs('trixie', say);
    const machine = await (rivals ? Machine.bootLayer('rivals') : Machine.boot('trixie'));
    try {
      const agent = await Agent.install(machine);
      await copyFile(
        join('systemd', NOTIFY_UNIT),
        join(machine.root, 'usr/lib/systemd/system', NOTIFY_UNIT),
      );
      const users = 'sysusers.d/banjour-companion.conf';
      await copyFile(join('systemd', users), join(machine.root, 'usr/lib', users));
      await machine.exec(['systemd-sysusers']);
      await machine.exec(['systemctl', 'daemon-reload']);
      await writeFile(join(machine.root, 'etc/banjour/notify.conf'), NOTIFY_CONF);
      await mkdir(join(machine.root, 'etc/fail2ban'), { recursive: true });
      await writeFile(join(machine.root, 'etc/fail2ban/jail.local'), THEIRS);
      // journald drops entries of a service that writes more than 10,000 in 30 s
      // (journald.conf(5)).
      const journald = join(machine.root, 'etc/systemd/journald.conf.d/bench.conf');
      await writeFile(journald, '[Journal]\nRateLimitIntervalSec=0\nForwardToSyslog=no\n');
      await machine.exec(['systemctl', 'restart', 'systemd-journald']);
      await copyFile(tool('inject'), join(machine.root, 'usr/local/bin/inject'));
      return new Lab(machine, agent);
    } catch (error) {
      await machine.destroy();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#endServers();
    await this.#machine.destroy();
  }

  /**
   * Starts one of them, alone and without a past; resolves with its process, as this host numbers
   * it.
   */
  async start(who: Watcher): Promise<number> {
    for (const unit of new Set(Object.values(UNITS).flat().reverse()))
      await this.#machine.try(['systemctl', 'stop', unit], { timeoutMs: 180_000 });
    const jails = who === 'banjour+notify' ? TELLING : OURS;
    await writeFile(join(this.#machine.root, 'etc/banjour/jail.local'), jails);
    await this.#machine.try(['nft', 'flush', 'ruleset']);
    // What either of them did before is not known any more, nor are the failures of earlier
    // attackers.
    await this.#machine.exec([
      'sh',
      '-c',
      'rm -rf /var/lib/banjour/* /var/lib/banjour-companion/* /var/lib/fail2ban/*',
    ]);
    await sleep(1_100);
    await this.#machine.exec(['journalctl', '-q', '--rotate', '--vacuum-time=1s']);
    if (who === 'banjour' || who === 'banjour+notify') await this.agent.start();
    else await this.#machine.exec(['systemctl', 'restart', ...UNITS[who]]);
    if (who === 'banjour+notify') await this.#stall();
    if (who === 'fail2ban')
      await until('fail2ban has its jails', async () =>
        (await this.#machine.try(['fail2ban-client', 'status'])).stdout.includes('postfix-sasl'),
      );
    await sleep(SETTLE_MS);
    return this.#mainOf(UNITS[who][0]);
  }

  /** All processes of it, as this host numbers them. */
  async processesOf(who: Watcher): Promise<number[]> {
    const mains: number[] = [];
    for (const unit of UNITS[who]) mains.push(await this.#mainOf(unit));
    return mains.flatMap(familyOf).map(({ pid }) => pid);
  }

  /** A unit's main process, as this host numbers it. */
  async #mainOf(unit: string): Promise<number> {
    const inside = await this.#machine.exec(['systemctl', 'show', '-P', 'MainPID', unit]);
    return hostPid(this.#machine.leader, Number(inside));
  }

  async stop(who: Watcher): Promise<void> {
    // CrowdSec takes its time.
    await this.#machine.exec(['systemctl', 'stop', ...UNITS[who]], { timeoutMs: 180_000 });
    if (who !== 'banjour+notify') return;
    await this.#endServers();
    const idle = Object.entries(STALLED).filter(([, port]) => !this.#met.has(port));
    if (idle.length > 0)
      throw new Error(
        `nobody waited for the stalled ${idle.map(([name]) => name).join(', ')}: nothing was measured`,
      );
  }

  async #endServers(): Promise<void> {
    const servers = this.#servers;
    this.#servers = undefined;
    if (servers === undefined || servers.exitCode !== null) return;
    const gone = once(servers, 'exit');
    servers.kill();
    await gone;
  }

  /** Servers that never answer, and a banjour-companion that waits for them. */
  async #stall(): Promise<void> {
    const program = join(process.cwd(), 'dist/bench/lib/stalled.js');
    const ports = Object.values(STALLED).map(String);
    const inside = [
      '-t',
      String(this.#machine.leader),
      '-n',
      '--',
      process.execPath,
      program,
      ...ports,
    ];
    const servers = spawn('nsenter', inside, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#servers = servers;
    let ready = 0;
    createInterface({ input: servers.stdout }).on('line', (line) => {
      if (line === 'listening') ready++;
      else this.#met.add(Number(line));
    });
    await until('the stalled servers listen', async () => ready === ports.length);
    await this.#machine.exec(['systemctl', 'start', NOTIFY_UNIT]);
  }

  /** Runs a program in the machine that must succeed; resolves with its standard output. */
  exec(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return this.#machine.exec(command, options);
  }

  /** Runs a program in the machine; resolves with whatever came of it. */
  try(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return this.#machine.try(command, options);
  }

  /** The command that runs `command` in the machine. */
  inside(command: readonly string[]): string[] {
    return this.#machine.inside(command);
  }

  /** The path that a file of the machine has here. */
  path(inside: string): string {
    return join(this.#machine.root, inside);
  }

  async version(program: string): Promise<string> {
    return (
      await this.#machine.exec(['dpkg-query', '-W', '-f', '$' + '{Version}', program])
    ).trim();
  }

  /** Sends the plan as Postfix; resolves with the time of each send, microseconds since 1970. */
  async inject(plan: readonly Planned[]): Promise<number[]> {
    const input = plan.map(({ at, message }) => `${Math.round(at)} ${message}\n`).join('');
    const command = [
      '/usr/local/bin/inject',
      'system.slice/postfix.service',
      'smtpd',
      'postfix/smtpd',
    ];
    const out = await this.#machine.exec(command, { input, timeoutMs: 600_000 });
    return out.trim().split('\n').map(Number);
  }

  /** Watches the kernel from now on. */
  async watch(): Promise<Watch> {
    return Watch.start(this.#machine.leader);
  }

  /** What the agent said besides failures and bans. */
  diagnose(): Promise<string> {
    const words = "'] (Found|Ban|Extend Ban) '";
    const script = `journalctl -q -o short-precise --no-pager -u banjour.service | grep -Ev ${words} | tail -n 50`;
    return this.#machine.exec(['sh', '-c', script]);
  }
}

/** When each address first came into a set of the machine's kernel. */
export class Watch {
  readonly first = new Map<string, number>();
  lost = false;
  readonly #end: () => Promise<void>;

  private constructor(end: () => Promise<void>) {
    this.#end = end;
  }

  static async start(leader: number): Promise<Watch> {
    const child = spawn('nsenter', ['-t', String(leader), '-n', '--', tool('elements')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const watch = new Watch(async () => {
      const gone = once(child, 'exit');
      child.kill();
      await gone;
    });
    const lines = createInterface({ input: child.stdout });
    const ready = once(lines, 'line');
    lines.on('line', (line) => {
      if (line === 'lost') watch.lost = true;
      const [, address, time] = line.split(' ');
      if (address !== undefined && time !== undefined && !watch.first.has(address))
        watch.first.set(address, Number(time));
    });
    await ready;
    return watch;
  }

  /** Waits until all have come, or so long; returns those that have not. */
  async all(addresses: readonly string[], milliseconds: number): Promise<string[]> {
    const end = performance.now() + milliseconds;
    const missing = () => addresses.filter((address) => !this.first.has(address));
    while (missing().length > 0 && performance.now() < end) await sleep(100);
    return missing();
  }

  async stop(): Promise<void> {
    await sleep(200);
    await this.#end();
  }
}

/** The number that this host gives to a process of the container (proc_pid_status(5), NSpid). */
function hostPid(leader: number, inside: number): number {
  const space = (pid: string | number) => {
    try {
      return (
        /^NSpid:\s+(.+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]?.split(/\s+/) ??
        []
      );
    } catch {
      return [];
    }
  };
  const depth = space(leader).length;
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const numbers = space(pid);
    if (numbers.length === depth && Number(numbers.at(-1)) === inside && below(Number(pid), leader))
      return Number(pid);
  }
  throw new Error(`no process ${inside} in the machine`);
}

function below(pid: number, ancestor: number): boolean {
  for (let at = pid; at > 1; ) {
    if (at === ancestor) return true;
    at = Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${at}/status`, 'utf8'))?.[1] ?? 0);
  }
  return false;
}

/** Why there can be no lab here; undefined when there can. */
export async function whyNoLab(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'booted containers need root';
  try {
    await run(['sh', '-c', 'command -v systemd-nspawn && command -v debootstrap']);
    return undefined;
  } catch {
    return 'systemd-container and debootstrap are needed';
  }
}
