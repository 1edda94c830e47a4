/** Real engines of shared bans, wherever they are installed. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { until } from '../support/until.js';

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

/** A program of an engine that runs on the loopback, in a folder of its own. */
abstract class RealEngine {
  protected readonly folder: string;
  #process: ChildProcess | undefined;

  constructor(name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `banjour-${name}-`));
  }

  protected run(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    this.#process = spawn(program, args, options);
    return this.#process;
  }

  async dispose(): Promise<void> {
    const process = this.#process;
    if (process !== undefined) {
      const gone = new Promise((resolve) => process.once('exit', resolve));
      process.kill('SIGKILL');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A real Valkey or Redis. */
export class RealValkey extends RealEngine {
  readonly port: number;
  readonly #program: string;

  constructor(program: string, port: number) {
    super('valkey');
    this.#program = program;
    this.port = port;
  }

  async start(): Promise<void> {
    const own = process.env['BANJOUR_ENGINES'];
    const args = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder];
    const { stdout } = this.run(this.#program, [...args, '--save', ''], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env:
        own === undefined
          ? process.env
          : { ...process.env, LD_LIBRARY_PATH: join(own, 'lib/x86_64-linux-gnu') },
    });
    let said = '';
    stdout?.on('data', (text) => {
      said += text;
    });
    await until(
      () => `it says ${said}`,
      () => /Ready to accept connections/.test(said),
    );
  }
}

/** A real LAPI of CrowdSec, without its central service. */
export class RealLapi extends RealEngine {
  readonly url: string;
  readonly #program: string;

  constructor(program: string, port: number) {
    super('lapi');
    this.#program = program;
    this.url = `http://127.0.0.1:${port}`;
    mkdirSync(join(this.folder, 'hub'));
    writeFileSync(join(this.folder, 'hub/.index.json'), '{}');
    writeFileSync(join(this.folder, 'simulation.yaml'), 'simulation: false\n');
    writeFileSync(join(this.folder, 'profiles.yaml'), PROFILES);
    writeFileSync(join(this.folder, 'config.yaml'), lapiConfig(this.folder, `127.0.0.1:${port}`));
  }

  async start(): Promise<void> {
    const config = join(this.folder, 'config.yaml');
    this.run(this.#program, ['-no-cs', '-c', config], { stdio: 'ignore' });
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
    const config = join(this.folder, 'config.yaml');
    const { status, stdout, stderr } = spawnSync(cscli, ['-c', config, ...words], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cscli ${words.join(' ')}: ${stdout}${stderr}`);
    return stdout;
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
