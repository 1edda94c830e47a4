/** What the tests of shared bans meet: an engine in memory, an agent, and real engines. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RequestFor } from '../../src/control/endpoints.js';
import type { BanView, ShareAnswer, ShareView, StreamEvent } from '../../src/control/protocol.js';
import { EXIT, OperatorError } from '../../src/core/errors.js';
import type { ShareAgent } from '../../src/share/connection.js';
import {
  type EngineNews,
  type EngineOptions,
  ownKey,
  type ShareChange,
  type SharedDecision,
  type ShareEngine,
} from '../../src/share/engine.js';
import { until } from '../support/until.js';

/** What several engines in memory share. */
export class MemoryHub {
  readonly held = new Map<string, SharedDecision & { readonly jail: string }>();
  readonly log: { readonly change: ShareChange; readonly host: string }[] = [];
  readonly engines = new Set<MemoryEngine>();
  /** What `publish` and `open` reject with. */
  broken: Error | undefined;

  /** Forgets everything, as an engine that was reinstalled. */
  wipe(): void {
    this.held.clear();
    this.log.length = 0;
  }

  /** Ends all connections. */
  cut(): void {
    for (const engine of this.engines) engine.fail(new Error('the connection was cut'));
  }
}

export class MemoryEngine implements ShareEngine {
  readonly where = 'memory';
  readonly #hub: MemoryHub;
  readonly #options: EngineOptions;
  #mustList = true;
  #failure: Error | undefined;

  constructor(hub: MemoryHub, options: EngineOptions) {
    this.#hub = hub;
    this.#options = options;
  }

  fail(error: Error): void {
    this.#failure = error;
  }

  async open(): Promise<void> {
    if (this.#hub.broken !== undefined) throw this.#hub.broken;
    this.#hub.engines.add(this);
  }

  listAgain(): void {
    this.#mustList = true;
  }

  async run(
    since: string | undefined,
    take: (news: EngineNews) => Promise<void>,
    signal: AbortSignal,
  ): Promise<void> {
    let position = Number(since ?? this.#hub.log.length);
    while (!signal.aborted) {
      if (this.#failure !== undefined) throw this.#failure;
      if (this.#mustList) {
        this.#mustList = false;
        const missed = this.#newsOf(this.#hub.log.slice(position));
        position = this.#hub.log.length;
        const all = [...this.#hub.held.values()]
          .filter(({ until: end }) => end > Date.now())
          .map((one) => ({ ...one, until: one.until + this.#skew() }));
        const own = all
          .filter(({ host }) => host === this.#options.host)
          .map(({ jail, target, until }): [string, number] => [ownKey(jail, target), until]);
        const put = all.filter(({ host }) => host !== this.#options.host);
        const part = { put, gone: [], own: new Map(own), passedOver: 0 };
        await take({ ...part, listing: 'part' });
        const end = { ...missed, put: [], own: new Map<string, number>(), passedOver: 0 };
        await take({ ...end, listing: 'end', position: String(position) });
      }
      const news = this.#hub.log.slice(position);
      position += news.length;
      if (news.length > 0) await take({ ...this.#newsOf(news), position: String(position) });
      await sleep(2, undefined, { signal }).catch(() => undefined);
    }
  }

  async publish(changes: readonly ShareChange[]): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    const { host } = this.#options;
    for (const change of changes) {
      const { jail, target } = change;
      const key = `${host} ${jail} ${target}`;
      const like = {
        key,
        target,
        jail,
        host,
        origin: 'banjour',
        scenario: `banjour/${jail}`,
      } as const;
      if (change.kind === 'lift') this.#hub.held.delete(key);
      else this.#hub.held.set(key, { ...like, until: change.until - this.#skew() });
      const told =
        change.kind === 'lift' ? change : { ...change, until: change.until - this.#skew() };
      this.#hub.log.push({ change: told, host });
    }
  }

  async heartbeat(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async close(): Promise<void> {
    this.#hub.engines.delete(this);
  }

  /** The hub has the one true clock. */
  #skew(): number {
    return (this.#options.now ?? Date.now)() - Date.now();
  }

  #newsOf(log: MemoryHub['log']): EngineNews {
    const put = new Map<string, SharedDecision>();
    const gone = new Map<string, SharedDecision>();
    const own = new Map<string, number>();
    for (const { change, host } of log) {
      const { jail, target } = change;
      const end = change.kind === 'ban' ? change.until + this.#skew() : 0;
      const key = `${host} ${jail} ${target}`;
      const scenario = `banjour/${jail}`;
      const one = { key, target, until: end, host, origin: 'banjour', scenario } as const;
      if (host === this.#options.host) own.set(ownKey(jail, target), end);
      else if (change.kind === 'ban') {
        put.set(key, one);
        gone.delete(key);
      } else {
        gone.set(key, one);
        put.delete(key);
      }
    }
    return { put: [...put.values()], gone: [...gone.values()], own, passedOver: 0 };
  }
}

/** An agent as the companion sees it: bans of its own, and what it is told. */
export class FakeAgent implements ShareAgent {
  readonly #listeners = new Set<(event: StreamEvent) => void>();
  #id = 0;
  bansMade: BanView[] = [];
  /** What it holds of others, by target. */
  readonly shared = new Map<string, { readonly until: number; readonly host?: string }>();
  readonly requests: RequestFor<'shareDecisions'>[] = [];
  #snapshot: { word: string; targets: Set<string> } | undefined;
  publish: ShareView['publish'] = { jails: ['sshd'], operator: true };
  accept: ShareView['accept'] = ['banjour', 'crowdsec', 'cscli', 'lists'];
  isAway = false;
  isSharedOff = false;

  /** Who follows its events. */
  get listeners(): number {
    return this.#listeners.size;
  }

  ban(target: string, seconds: number, more: Partial<BanView> = {}): BanView {
    const jail = more.jail ?? 'sshd';
    const now = new Date().toISOString();
    this.bansMade = this.bansMade.map((one) =>
      one.state === 'in-force' && one.target === target && one.jail === jail
        ? { ...one, state: 'ended', ended: { time: now, reason: 'replaced' } }
        : one,
    );
    const ban: BanView = {
      ...{ id: ++this.#id, jail, target, time: now, failures: 3, origin: 'journal' },
      ...{ until: new Date(Date.now() + seconds * 1_000).toISOString(), state: 'in-force' },
      ...{ evidence: [], ...more },
    };
    this.bansMade.push(ban);
    this.#tell({ event: 'ban', jail, address: target });
    return ban;
  }

  unban(target: string, reason = 'operator', jail = 'sshd'): void {
    const time = new Date().toISOString();
    this.bansMade = this.bansMade.map((one) =>
      one.state === 'in-force' && one.target === target && one.jail === jail
        ? { ...one, state: 'ended', ended: { time, reason: reason as 'operator' } }
        : one,
    );
    this.#tell({ event: 'unban', jail, address: target, reason });
  }

  async history({ limit, after }: { limit: number; after: number }): Promise<readonly BanView[]> {
    this.#here();
    return this.bansMade.filter(({ id }) => id > after).slice(0, limit);
  }

  async newestBan(): Promise<{ readonly id: number }> {
    this.#here();
    return { id: this.#id };
  }

  async events(
    listener: (event: StreamEvent) => void,
    signal: AbortSignal,
    { opened }: { readonly opened: () => void },
  ): Promise<void> {
    this.#here();
    this.#listeners.add(listener);
    opened();
    while (!signal.aborted && !this.isAway)
      await sleep(2, undefined, { signal }).catch(() => undefined);
    this.#listeners.delete(listener);
  }

  async bans({ address }: { address?: string }): Promise<readonly BanView[]> {
    this.#here();
    return this.bansMade.filter(
      ({ state, target }) => state === 'in-force' && (address === undefined || target === address),
    );
  }

  async shareStatus(): Promise<ShareView> {
    this.#here();
    return {
      ...{ enabled: !this.isSharedOff, accept: this.accept, bantimeMaxSeconds: 604_800 },
      ...{ prefix: [24, 48], publish: this.publish, inForce: [], taken: 0, refused: {} },
      lists: { inForce: 0, max: 1, complete: true },
    } as unknown as ShareView;
  }

  async shareDecisions(request: RequestFor<'shareDecisions'>): Promise<ShareAnswer> {
    this.#here();
    if (this.isSharedOff)
      throw new OperatorError('there is no jail `shared`', { exitCode: EXIT.dataError });
    this.requests.push(request);
    const { decisions, lifted, snapshot, begins, ends } = request;
    if (begins === true && snapshot !== undefined)
      this.#snapshot = { word: snapshot, targets: new Set() };
    for (const { target } of lifted) this.shared.delete(target);
    for (const { target, until: end, host } of decisions) {
      this.#snapshot?.targets.add(target);
      const like = { until: Date.parse(end) };
      this.shared.set(target, host === undefined ? like : { ...like, host });
    }
    if (ends === true && this.#snapshot?.word === snapshot)
      for (const target of [...this.shared.keys()])
        if (this.#snapshot?.targets.has(target) !== true) this.shared.delete(target);
    return { taken: decisions.length, lifted: lifted.length, refused: [], refusedCount: 0 };
  }

  #tell(event: Pick<StreamEvent, 'event' | 'jail' | 'address' | 'reason'>): void {
    const time = new Date().toISOString();
    for (const listener of this.#listeners) listener({ id: this.#id, time, ...event });
  }

  #here(): void {
    if (this.isAway) throw new OperatorError('no agent is running', { exitCode: EXIT.unavailable });
  }
}

/** A program of an engine: of $BANJOUR_ENGINES (a folder like /usr) or of $PATH. */
export function engineProgram(...names: readonly string[]): string | undefined {
  const own = process.env['BANJOUR_ENGINES'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  if (own !== undefined) folders.unshift(join(own, 'bin'), join(own, 'sbin'));
  return folders
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((path) => existsSync(path));
}

/** A port of the loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A real Valkey or Redis on the loopback, in a folder of its own. */
export class RealValkey {
  readonly port: number;
  readonly #program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'banjour-valkey-'));
  readonly #options: readonly string[];
  #process: ChildProcess | undefined;

  constructor(program: string, port: number, options: readonly string[] = []) {
    this.#program = program;
    this.port = port;
    this.#options = options;
  }

  async start(): Promise<void> {
    const own = process.env['BANJOUR_ENGINES'];
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder];
    this.#process = spawn(this.#program, [...args, '--save', '', ...this.#options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env:
        own === undefined
          ? process.env
          : { ...process.env, LD_LIBRARY_PATH: join(own, 'lib/x86_64-linux-gnu') },
    });
    let said = '';
    this.#process.stdout?.on('data', (text) => {
      said += text;
    });
    await until(
      () => `it says ${said}`,
      () => /Ready to accept connections/.test(said),
    );
  }

  async kill(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await gone;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A real LAPI of CrowdSec on the loopback, in a folder of its own, without its central service. */
export class RealLapi {
  readonly url: string;
  readonly #program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'banjour-lapi-'));
  #process: ChildProcess | undefined;

  constructor(program: string, port: number) {
    this.#program = program;
    this.url = `http://127.0.0.1:${port}`;
    const { hostname, port: own } = new URL(this.url);
    mkdirSync(join(this.#folder, 'hub'));
    writeFileSync(join(this.#folder, 'hub/.index.json'), '{}');
    writeFileSync(join(this.#folder, 'simulation.yaml'), 'simulation: false\n');
    writeFileSync(join(this.#folder, 'profiles.yaml'), PROFILES);
    writeFileSync(
      join(this.#folder, 'config.yaml'),
      lapiConfig(this.#folder, `${hostname}:${own}`),
    );
  }

  async start(): Promise<void> {
    const config = join(this.#folder, 'config.yaml');
    this.#process = spawn(this.#program, ['-no-cs', '-c', config], {
      stdio: ['ignore', 'ignore', 'ignore'],
    });
    await until('the LAPI answers', () =>
      fetch(`${this.url}/health`).then(
        ({ ok }) => ok,
        () => false,
      ),
    );
  }

  /** A machine and a bouncer of this name; how each proves that it is one. */
  add(name: string): { readonly password: string; readonly key: string } {
    const password = `password-of-${name}`;
    this.cscli('machines', 'add', name, '--password', password, '-f', '/dev/null', '--force');
    const key = this.cscli('bouncers', 'add', name, '-o', 'raw').trim();
    return { password, key };
  }

  cscli(...words: readonly string[]): string {
    const cscli = join(this.#program, '../cscli');
    const config = join(this.#folder, 'config.yaml');
    const { status, stdout, stderr } = spawnSync(cscli, ['-c', config, ...words], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cscli ${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
  }

  async kill(): Promise<void> {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    const gone = new Promise((resolve) => process.once('exit', resolve));
    process.kill('SIGKILL');
    await gone;
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const PROFILES = `name: default_ip_remediation
filters:
 - Alert.Remediation == true && Alert.GetScope() == "Ip"
decisions:
 - type: ban
   duration: 4h
on_success: break
`;

function lapiConfig(folder: string, listen: string): string {
  return `common:
  daemonize: false
  log_media: stdout
  log_level: error
  working_dir: ${folder}
config_paths:
  config_dir: ${folder}
  data_dir: ${folder}
  simulation_path: ${folder}/simulation.yaml
  hub_dir: ${folder}/hub
  index_path: ${folder}/hub/.index.json
  notification_dir: ${folder}
  plugin_dir: ${folder}
cscli:
  output: human
db_config:
  log_level: error
  type: sqlite
  db_path: ${folder}/crowdsec.db
api:
  client:
    credentials_path: ${folder}/local_api_credentials.yaml
  server:
    log_level: error
    listen_uri: ${listen}
    profiles_path: ${folder}/profiles.yaml
prometheus:
  enabled: false
`;
}
