/**
 * One booted Debian mail server in a systemd-nspawn container, with the attackers' namespace before
 * its door. Its disk is an overlay above the cached root file system and outlives `reboot`, not
 * `destroy`.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inOwnGroup, removeGroup } from './cgroup.js';
import { connect, makeWorld, removeNamespaces } from './network.js';
import { type Layer, layerPath, pathOf, type Suite, suiteOf } from './rootfs.js';
import { ended, type Outcome, outcomeOf, type RunOptions, run, until } from './shell.js';

/**
 * State of the machines that run; the directory's name is the machine's, `bj`, its owner's process
 * number, a letter.
 */
const STATE = '/var/tmp/banjour-e2e';
/**
 * SIGRTMIN+4 (34 + 4 with the C library's numbers): systemd powers the machine off, systemd(1),
 * SIGNALS.
 */
const POWER_OFF = 38;
const PORTS = [25, 587, 465, 143, 110, 4190, 22];
let count = 0;

export class Machine {
  /** First process of the container, as the host sees it; 0 while it is off. */
  leader = 0;
  #spawned: ChildProcess | undefined;

  private constructor(
    readonly name: string,
    readonly suite: Suite,
    readonly state: string,
    private readonly ports: readonly number[],
  ) {}

  /** The attackers' namespace, for `ip netns exec`. */
  get world(): string {
    return `${this.name}-wan`;
  }

  /** The machine's own namespace, for ip(8). */
  get alias(): string {
    return `${this.name}-mx`;
  }

  /** The machine's root directory as the host sees it. */
  get root(): string {
    return join(this.state, 'root');
  }

  /** Boots a fresh machine; resolves when all of its mail and ssh ports answer. */
  static boot(suite: Suite): Promise<Machine> {
    return Machine.#boot(suite, pathOf(suite), PORTS);
  }

  /** Boots one with a layer above its root file system; it waits for the ports. */
  static bootLayer(layer: Layer, ports: readonly number[] = PORTS): Promise<Machine> {
    const suite = suiteOf(layer);
    return Machine.#boot(suite, `${layerPath(layer)}:${pathOf(suite)}`, ports);
  }

  static async #boot(suite: Suite, lower: string, ports: readonly number[]): Promise<Machine> {
    const name = `bj${process.pid}${String.fromCharCode(97 + count++)}`;
    const machine = new Machine(name, suite, join(STATE, name), ports);
    for (const folder of ['upper', 'work', 'root'])
      mkdirSync(join(machine.state, folder), { recursive: true });
    const layers = `lowerdir=${lower},upperdir=${machine.state}/upper,workdir=${machine.state}/work`;
    await run(['mount', '-t', 'overlay', 'overlay', '-o', layers, machine.root]);
    await makeWorld(machine.world);
    await machine.start();
    return machine;
  }

  /** Powers the container on and lays the cable. */
  async start(): Promise<void> {
    const log = openSync(join(this.state, 'console.log'), 'a');
    const nspawn = [
      'systemd-nspawn',
      '-q',
      '-D',
      this.root,
      '-b',
      '--register=no',
      '--keep-unit',
      '--private-network',
    ];
    nspawn.push(
      '--resolv-conf=off',
      '--timezone=off',
      '--link-journal=no',
      '--console=pipe',
      `--machine=${this.name}`,
    );
    // systemd 257 wants control groups v2. Where the host still mounts v1, nspawn is told to give
    // the container the unified hierarchy, and the container's systemd not to mind.
    const unified = this.suite === 'trixie' ? ['SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1'] : [];
    const boot = this.suite === 'trixie' ? ['SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1'] : [];
    const [file = '', ...args] = await inOwnGroup(this.name, [
      'env',
      ...unified,
      ...nspawn,
      ...boot,
    ]);
    const child = spawn(file, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#spawned = child;
    await writeFile(join(this.state, 'spawned'), `${child.pid}\n`);
    this.leader = await until('the container starts systemd', () => {
      if (child.exitCode !== null) throw new Error(`systemd-nspawn ended\n${this.console()}`);
      return systemdBelow(child.pid ?? 0);
    });
    await writeFile(join(this.state, 'leader'), `${this.leader}\n`);
    await connect(this.world, this.alias, this.leader);
    await until('mail and ssh services listen', () => this.#listening(), {
      timeoutMs: 240_000,
      everyMs: 200,
    });
  }

  async #listening(): Promise<boolean> {
    const text = await run(['nsenter', '-t', String(this.leader), '-n', '--', 'ss', '-Hltn']);
    return this.ports.every((port) => new RegExp(`:${port}\\s`).test(text));
  }

  /** What the container wrote to its console. */
  console(): string {
    return readFileSync(join(this.state, 'console.log'), 'utf8').slice(-4000);
  }

  /** Runs a program inside, with a clean environment; resolves with whatever came of it. */
  try(command: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return outcomeOf(this.inside(command), options);
  }

  /** Runs a program inside that must succeed; resolves with its standard output. */
  exec(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return run(this.inside(command), options);
  }

  /** Writes a file inside. */
  async write(path: string, text: string | Buffer): Promise<void> {
    await mkdir(dirname(join(this.root, path)), { recursive: true });
    await writeFile(join(this.root, path), text);
  }

  /** Copies a file of the project inside. */
  async place(from: string, to: string): Promise<void> {
    await mkdir(dirname(join(this.root, to)), { recursive: true });
    await copyFile(from, join(this.root, to));
  }

  /** The command that runs `command` inside. */
  inside(command: readonly string[]): string[] {
    const enter = [
      'nsenter',
      '-t',
      String(this.leader),
      ...'-m -u -i -n -p -C -r -w'.split(' '),
      '--',
    ];
    const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    return [...enter, 'env', '-i', path, 'HOME=/root', 'LANG=C.UTF-8', ...command];
  }

  /** The command that runs `command` in the attackers' namespace. */
  outside(command: readonly string[]): string[] {
    return ['ip', 'netns', 'exec', this.world, ...command];
  }

  /** Powers off and on again, as an administrator's reboot does. */
  async reboot(): Promise<void> {
    await this.#powerOff();
    await this.start();
  }

  async #powerOff(): Promise<void> {
    const child = this.#spawned;
    if (child === undefined) return;
    if (child.exitCode === null && this.leader !== 0) process.kill(this.leader, POWER_OFF);
    // Without its first process the container is gone, and systemd-nspawn ends; the other way round
    // it would live on.
    const patience = setTimeout(() => process.kill(this.leader, 'SIGKILL'), 30_000);
    await ended(child);
    clearTimeout(patience);
    this.#spawned = undefined;
    this.leader = 0;
  }

  /** Powers off and removes everything of the machine. */
  async destroy(): Promise<void> {
    await this.#powerOff();
    await remove(this.name);
  }
}

/** The systemd that is a child of systemd-nspawn; undefined while there is none. */
function systemdBelow(spawned: number): number | undefined {
  for (const task of readdirSync(`/proc/${spawned}/task`))
    for (const child of readFileSync(`/proc/${spawned}/task/${task}/children`, 'utf8').split(' ')) {
      if (child === '') continue;
      const pid = Number(child);
      if (readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd') return pid;
    }
  return undefined;
}

async function remove(name: string): Promise<void> {
  const state = join(STATE, name);
  await removeNamespaces(`${name}-wan`, `${name}-mx`);
  await outcomeOf(['umount', join(state, 'root')]);
  await removeGroup(name);
  if (!readFileSync('/proc/mounts', 'utf8').includes(` ${state}/root `))
    await rm(state, { recursive: true, force: true });
}

/**
 * Removes machines whose test run was killed. Only processes that those runs recorded are ended.
 */
export async function removeLeftovers(): Promise<void> {
  await mkdir(STATE, { recursive: true });
  for (const name of readdirSync(STATE)) {
    const owner = /^bj(\d+)[a-z]$/.exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    for (const file of ['spawned', 'leader']) {
      const pid = Number(await readFile(join(STATE, name, file), 'utf8').catch(() => '0'));
      // The number may be another process's by now; only ours is in the machine's control group.
      const group = await readFile(`/proc/${pid}/cgroup`, 'utf8').catch(() => '');
      if (!group.includes(`/${name}`)) continue;
      process.kill(pid, 'SIGKILL');
      await until('the machine of an earlier run is gone', () => !existsSync(`/proc/${pid}`));
    }
    await remove(name);
  }
}
