/** A booted host with Banjour from its own package that shares its bans (docs/share.md). */
import { Agent, elementText } from './agent.js';
import { CLOCK_SETTING, placeClock } from './clock.js';
import type { Machine } from './machine.js';
import { SERVER } from './mailhost.js';
import { NEIGHBOURS } from './network.js';
import { DebPackage } from './packages.js';
import { until } from './shell.js';

/** The three hosts on their network; the last one also has the engines. */
export const ADDRESSES = [SERVER, ...NEIGHBOURS] as const;
const OWN = ADDRESSES.flatMap((address) => Object.values(address)).join(' ');
export const COMPANION = 'banjour-companion';

/** All ports: the packets of the tests go to one that nobody listens on. */
const JAILS = `[DEFAULT]
bantime = 1h
ignoreip = 127.0.0.1/8 ::1 ${OWN}

[sshd]
enabled = true
banaction = %(banaction_allports)s

[login]
enabled = false

[shared]
enabled = true
`;

/** A target's ban as the kernel holds it. */
interface Held {
  readonly set: string;
  readonly secondsLeft: number;
}

export class Sharer {
  readonly agent: Agent;

  private constructor(
    readonly name: string,
    readonly machine: Machine,
    readonly address: string,
  ) {
    this.agent = Agent.on(machine);
  }

  /** Installs; `clockSeconds`: how far its agent's and companion's clocks are ahead. */
  static async install(machine: Machine, index: number, clockSeconds: bigint): Promise<Sharer> {
    if (clockSeconds !== 0n) {
      await placeClock(machine, clockSeconds);
      for (const unit of ['banjour', COMPANION])
        await machine.write(
          `/etc/systemd/system/${unit}.service.d/clock.conf`,
          `[Service]\n${CLOCK_SETTING}\n`,
        );
    }
    await new DebPackage(machine, 'slim').install();
    const sharer = new Sharer(`mx${index + 1}`, machine, ADDRESSES[index]?.[4] ?? '');
    await machine.write('/etc/banjour/jail.local', JAILS);
    await sharer.agent.reload();
    const folder = ['install', '-d', '-m', '0750', '-g', COMPANION, '/etc/banjour/secrets'];
    await machine.exec(folder);
    return sharer;
  }

  /** Writes a file that the companion may read. */
  async secret(path: string, text: string): Promise<void> {
    await this.machine.write(path, text);
    await this.machine.exec(['chgrp', COMPANION, path]);
    await this.machine.exec(['chmod', '0640', path]);
  }

  /** Shares through what these lines of `[share]` name; resolves when it does. */
  async share(lines: readonly string[]): Promise<void> {
    const text = ['[share]', 'enabled = true', `name = ${this.name}`, ...lines, ''].join('\n');
    await this.machine.write('/etc/banjour/companion.local', text);
    await this.machine.exec(['systemctl', 'enable', COMPANION]);
    await this.machine.exec(['systemctl', 'restart', COMPANION]);
    await this.isSharing();
  }

  /** Resolves when the companion listens to the engine. */
  async isSharing(): Promise<void> {
    await until(`${this.name} shares`, async () =>
      (await this.say('status', '--long')).includes('bans are shared through'),
    ).catch(async (error: unknown) => {
      const unit = ['-u', COMPANION, '-o', 'cat', '-n', '40', '--no-pager'];
      throw new Error(`${error}\n${await this.machine.exec(['journalctl', ...unit])}`);
    });
  }

  /** What one of the agent's commands says; its exit status must be 0. */
  async say(...words: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.agent.command(...words);
    if (status !== 0) throw new Error(`${this.name}: banjour ${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  ban(target: string): Promise<string> {
    return this.say('ban', 'sshd', target);
  }

  unban(target: string): Promise<string> {
    return this.say('unban', target);
  }

  /** Ends a unit's processes as the kernel's memory killer does it. */
  kill(unit: string): Promise<string> {
    return this.machine.exec(['systemctl', 'kill', '--signal=KILL', unit]);
  }

  /** All bans that there ever were, as `jail origin`, by target. */
  async history(): Promise<Map<string, string[]>> {
    const bans = new Map<string, string[]>();
    for (const line of (await this.say('history', '--json', '--limit', '500')).split('\n')) {
      if (line === '') continue;
      const { jail, origin, target } = JSON.parse(line) as Record<string, string>;
      bans.set(`${target}`, [...(bans.get(`${target}`) ?? []), `${jail} ${origin}`]);
    }
    return bans;
  }

  /** The bans that the kernel holds, by target. */
  async held(): Promise<Map<string, Held>> {
    const list = ['nft', '-j', 'list', 'table', 'inet', 'banjour'];
    const { nftables } = JSON.parse(await this.machine.exec(list)) as {
      nftables: readonly { set?: { name: string; elem?: readonly unknown[] } }[];
    };
    const held = new Map<string, Held>();
    for (const { set } of nftables) {
      // Addresses of the host itself come and go: an interface that is back has one of its own.
      if (set === undefined || set.name.startsWith('allow')) continue;
      for (const one of set.elem ?? []) {
        const { elem } = one as { elem?: { val: unknown; expires?: number } };
        const secondsLeft = elem?.expires ?? Number.POSITIVE_INFINITY;
        held.set(elementText(one), { set: set.name, secondsLeft });
      }
    }
    return held;
  }
}
