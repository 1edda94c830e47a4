/**
 * The agent in a machine: installed from this tree as a package would, run by systemd under its own
 * unit.
 */
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Machine } from './machine.js';
import { outcomeOf, run, until } from './shell.js';

const HOME = '/usr/lib/banjour';
const UNIT = 'banjour.service';

/**
 * The administrator's file: only what the tests need differently from the shipped configuration.
 * Most tests are about what one jail counts: the one that weighs is off.
 */
const JAIL_LOCAL = `[DEFAULT]
bantime = 10m

[postfix-sasl]
enabled = true

[dovecot]
enabled = true

[sshd]
enabled = true

[login]
enabled = false
`;

interface Lockfile {
  readonly packages: Readonly<
    Record<string, { readonly dev?: boolean; readonly optional?: boolean }>
  >;
}

/** What a production installation holds, relative to the project. */
function productionFiles(): string[] {
  const { packages } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as Lockfile;
  const modules = Object.entries(packages).filter(
    ([path, entry]) => path !== '' && entry.dev !== true && existsSync(path),
  );
  const own = [
    'package.json',
    'dist/src',
    'dist/native',
    'dist/page',
    'build',
    'config',
    'systemd',
  ].filter((path) => existsSync(path));
  return [...own, ...modules.map(([path]) => path)];
}

/** Copies the listed files and folders into the machine. */
async function copyTree(machine: Machine, files: readonly string[], target: string): Promise<void> {
  const folder = join(machine.root, target);
  await mkdir(folder, { recursive: true });
  const script =
    'set -o pipefail; tar -c --exclude=node_modules/.cache -- "$@" | tar -x --no-same-owner -C "$0"';
  await run(['bash', '-c', script, folder, ...files]);
}

export class Agent {
  private constructor(private readonly machine: Machine) {}

  /** An agent that was installed in another way. */
  static on(machine: Machine): Agent {
    return new Agent(machine);
  }

  /**
   * Installs without starting. Debian 12 has no Node that is new enough: it gets the one that runs
   * the tests.
   */
  static async install(machine: Machine): Promise<Agent> {
    await copyTree(machine, productionFiles(), HOME);
    if (machine.suite === 'bookworm') await machine.place(process.execPath, '/usr/bin/node');
    await machine.place('systemd/banjour.service', `/usr/lib/systemd/system/${UNIT}`);
    await machine.place('systemd/sysusers.d/banjour.conf', '/usr/lib/sysusers.d/banjour.conf');
    await symlink(`${HOME}/dist/src/main.js`, join(machine.root, '/usr/bin/banjour'));
    await machine.exec(['chmod', '755', `${HOME}/dist/src/main.js`]);
    await machine.write('/etc/banjour/jail.local', JAIL_LOCAL);
    await machine.exec(['systemd-sysusers']);
    await machine.exec(['systemctl', 'daemon-reload']);
    return new Agent(machine);
  }

  /** Puts the companion's unit and user beside it, without starting. */
  async installCompanion(): Promise<void> {
    const { machine } = this;
    const name = 'banjour-companion';
    await machine.place(`systemd/${name}.service`, `/usr/lib/systemd/system/${name}.service`);
    await machine.place(`systemd/sysusers.d/${name}.conf`, `/usr/lib/sysusers.d/${name}.conf`);
    await machine.exec(['systemd-sysusers']);
    await machine.exec(['systemctl', 'daemon-reload']);
  }

  /** Settings of the unit that override the shipped ones, e.g. `Restart=no`. */
  async override(settings: string): Promise<void> {
    const folder = join(this.machine.root, 'etc/systemd/system', `${UNIT}.d`);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, 'e2e.conf'), `[Service]\n${settings}\n`);
    await this.machine.exec(['systemctl', 'daemon-reload']);
  }

  /**
   * Starts it, and at every boot from now on; resolves when systemd has its word that it is ready.
   */
  async start(): Promise<void> {
    await this.#order('enable', '--now');
  }

  /** A failure carries what the agent said. */
  async #order(...words: string[]): Promise<void> {
    const { status, stderr } = await this.machine.try(['systemctl', ...words, UNIT]);
    if (status !== 0) throw new Error(`${stderr}\n${await this.log()}`);
  }

  async stop(): Promise<void> {
    await this.machine.exec(['systemctl', 'stop', UNIT]);
  }

  /** Takes the files of the configuration over. */
  reload(): Promise<void> {
    return this.#order('reload');
  }

  restart(): Promise<void> {
    return this.#order('restart');
  }

  /** The main process's number inside the machine; 0 while there is none. */
  async pid(): Promise<number> {
    return Number(await this.machine.exec(['systemctl', 'show', '-P', 'MainPID', UNIT]));
  }

  async isActive(): Promise<boolean> {
    return (await this.machine.try(['systemctl', 'is-active', '--quiet', UNIT])).status === 0;
  }

  /** kill -9, as the kernel's memory killer does it; resolves when the process is gone. */
  async kill(): Promise<void> {
    const pid = await this.pid();
    await this.machine.exec(['kill', '-9', String(pid)]);
    await until('the killed agent is gone', async () => (await this.pid()) !== pid);
  }

  /** Runs one of its commands. */
  command(...words: string[]) {
    return this.machine.try(['banjour', ...words]);
  }

  /** Its lines in the journal. */
  log(): Promise<string> {
    return this.machine.exec(['journalctl', '-u', UNIT, '-o', 'cat', '-n', '400', '--no-pager']);
  }

  /** What the kernel holds of its table: set name to elements, as `address` or `address/length`. */
  async sets(): Promise<Map<string, string[]>> {
    const { status, stdout } = await outcomeOf(
      this.machine.inside(['nft', '-j', 'list', 'table', 'inet', 'banjour']),
    );
    const sets = new Map<string, string[]>();
    if (status !== 0) return sets;
    const { nftables } = JSON.parse(stdout) as {
      nftables: readonly { set?: { name: string; elem?: readonly unknown[] } }[];
    };
    for (const { set } of nftables)
      if (set !== undefined) sets.set(set.name, (set.elem ?? []).map(elementText));
    return sets;
  }
}

type Element =
  | string
  | { readonly elem: { readonly val: Element } }
  | { readonly prefix: { addr: string; len: number } };

/** An element as nft's JSON has it, as `address` or `address/length`. */
export function elementText(element: unknown): string {
  const one = element as Element;
  if (typeof one === 'string') return one;
  return 'prefix' in one ? `${one.prefix.addr}/${one.prefix.len}` : elementText(one.elem.val);
}
