/**
 * The machine under test with its levers: the wall clock of journald and the agent, threads, the
 * state directory.
 */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Agent } from '../lib/agent.js';
import { CLOCK_FOLDER, CLOCK_SETTING, placeClock } from '../lib/clock.js';
import { Machine } from '../lib/machine.js';
import { outcomeOf, run } from '../lib/shell.js';

export const STATE = '/var/lib/banjour';
const STATE_MIB = 24;

/** All ports and protocols, so that any packet is a witness; bans outlive the test. */
const JAIL_LOCAL = `[DEFAULT]
bantime = 7d
findtime = 1h
maxretry = 3
protocol = all
banaction = %(banaction_allports)s

[postfix-sasl]
enabled = true

[dovecot]
enabled = true

[sshd]
enabled = true

[login]
enabled = false
`;

/** Soon again after a death, and a short watchdog: the shipped unit has 30 s. */
const UNIT = `${CLOCK_SETTING}
WatchdogSec=10
RestartSec=200ms
RestartSteps=0`;

export class Host {
  readonly #clock: number;
  clockSeconds = 0n;

  private constructor(
    readonly machine: Machine,
    readonly agent: Agent,
    readonly pauser: string,
  ) {
    this.#clock = openSync(join(machine.root, CLOCK_FOLDER, 'clock'), 'r+');
  }

  /** Boots Debian 13 with the agent, its state on a small file system of its own. */
  static async boot(): Promise<Host> {
    const machine = await Machine.boot('trixie');
    try {
      await placeClock(machine, 0n);
      const pauser = join(machine.state, 'pause');
      await run(['cc', '-O2', '-o', pauser, 'test/e2e/chaos/pause.c']);
      const journald = join(machine.root, 'etc/systemd/system/systemd-journald.service.d');
      await mkdir(journald, { recursive: true });
      await writeFile(join(journald, 'chaos.conf'), `[Service]\n${CLOCK_SETTING}\n`);
      await machine.exec(['mkdir', '-p', STATE]);
      await machine.exec([
        'mount',
        '-t',
        'tmpfs',
        '-o',
        `size=${STATE_MIB}m,mode=750`,
        'tmpfs',
        STATE,
      ]);
      const agent = await Agent.install(machine);
      await writeFile(join(machine.root, 'etc/banjour/jail.local'), JAIL_LOCAL);
      await mkdir(join(machine.root, 'etc/banjour/jail.d'), { recursive: true });
      await agent.override(UNIT);
      await machine.exec(['systemctl', 'restart', 'systemd-journald']);
      await agent.start();
      await copyFile(
        join(machine.root, 'etc/banjour/jail.local'),
        join(machine.state, 'jail.local'),
      );
      return new Host(machine, agent, pauser);
    } catch (error) {
      await machine.destroy();
      throw error;
    }
  }

  /** Sets the wall clock of journald and of the agent so many seconds off. */
  setClock(seconds: bigint): void {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(seconds);
    writeSync(this.#clock, bytes, 0, 8, 0);
    this.clockSeconds = seconds;
  }

  /** Lets go of the machine's files, which would keep its root mounted, and removes it. */
  async destroy(): Promise<void> {
    closeSync(this.#clock);
    await this.machine.destroy();
  }

  sh(script: string) {
    return this.machine.try(['sh', '-c', script]);
  }

  /** The agent's process number on the host; 0 while it has none. */
  async pidOutside(): Promise<number> {
    const inside = await this.agent.pid();
    if (inside === 0) return 0;
    const space = readlinkSync(`/proc/${this.machine.leader}/ns/pid`);
    for (const name of readdirSync('/proc')) {
      if (!/^\d+$/.test(name)) continue;
      try {
        const pids = /^NSpid:\s+(.*)$/m
          .exec(readFileSync(`/proc/${name}/status`, 'utf8'))?.[1]
          ?.split(/\s+/);
        if (pids?.at(-1) === String(inside) && readlinkSync(`/proc/${name}/ns/pid`) === space)
          return Number(name);
      } catch {
        // It has ended since.
      }
    }
    return 0;
  }

  /** Stops one thread for so long. */
  async pauseThread(
    choose: (threads: readonly number[]) => number,
    seconds: number,
  ): Promise<void> {
    const pid = await this.pidOutside();
    if (pid === 0) return;
    await outcomeOf([
      this.pauser,
      String(choose(readdirSync(`/proc/${pid}/task`).map(Number))),
      String(seconds),
    ]);
  }
}
