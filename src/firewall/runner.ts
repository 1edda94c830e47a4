/**
 * The way to the kernel: small batches through the resident nft, large ones through a fresh `nft -j
 * -f -` with a file as standard input, which is also the way whenever the resident one is missing,
 * ill or backing off.
 *
 * nft opens /dev/stdin by its path, and Node's pipes are sockets, which cannot be opened so; hence
 * a file. It is unlinked before nft starts: nobody else can change it, and nothing is left behind.
 */
import { constants, promises as files } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DumpOptions } from '../../native/netlink-dump.js';
import { addElements, type NewElements } from '../../native/netlink-elements.js';
import { imageOf, makeAnew, type TableImage } from '../../native/netlink-image.js';
import { inBackground } from '../core/background.js';
import { EXIT, messageOf, OperatingError, OperatorError } from '../core/errors.js';
import { NFT_ERROR_BYTES_MAX, NFT_LIST_BYTES_MAX, RESIDENT_CHANGES_MAX } from '../core/limits.js';
import { type Clock, wallClock } from '../core/time.js';
import { NFT_FRESH_DEADLINE_MS, NFT_RESIDENT_DEADLINE_MS } from '../core/timeouts.js';
import type { BatchOutcome, Transport } from './json.js';
import { batchText, type NftCommand } from './json.js';
import type { KernelTable, KernelTables } from './kernel-tables.js';
import { dumpTables, parseTable } from './kernel-tables.js';
import { TABLE, type TableFamily } from './names.js';
import { NftSession } from './nft-session.js';
import { type Command, findProgram, type RunOptions, run } from './spawn.js';

export interface RunnerOptions {
  /** nft and first arguments; without it nft is looked for in the system's folders. */
  readonly command?: Command;
  /** Path of a network namespace (`/run/netns/NAME`) to work in instead of our own. */
  readonly netns?: string;
  /**
   * Where the unlinked files of large batches are made; the system's folder for temporary files
   * without it.
   */
  readonly directory?: string;
  /** False: never keep an nft running. */
  readonly resident?: boolean;
  readonly residentDeadlineMs?: number;
  readonly freshDeadlineMs?: number;
  readonly clock?: Clock;
  /**
   * Called with the process id of every nft, and the number of every socket, that is going to
   * change the kernel, before it can.
   */
  readonly onStart?: (pid: number) => void;
  /** Called when such a process or socket is gone. */
  readonly onEnd?: (pid: number) => void;
  /** Called when the resident nft died or stalled. */
  readonly onIll?: (reason: string) => void;
}

/** The nft command that the options name. Throws OperatorError when nft is not installed. */
export function nftCommand(options: Pick<RunnerOptions, 'command' | 'netns'>): Command {
  const nft = options.command ?? found(findProgram('nft'));
  if (options.netns === undefined) return nft;
  // nsenter execs, so the process id is nft's.
  const nsenter = findProgram('nsenter');
  if (nsenter === undefined) throw missing('nsenter', 'util-linux');
  return [nsenter, `--net=${options.netns}`, '--', ...nft];
}

function found(path: string | undefined): Command {
  if (path !== undefined) return [path];
  throw missing('nft', 'nftables');
}

/**
 * No fault of the configuration: a package that is being replaced is back soon, so systemd has to
 * try again.
 */
function missing(program: string, packageName: string): OperatorError {
  return new OperatorError(`${program} is not installed`, {
    hint: `apt install ${packageName}`,
    exitCode: EXIT.unavailable,
  });
}

export class NftRunner implements Transport {
  readonly #options: RunnerOptions;
  readonly #command: Command;
  readonly #clock: Clock;
  readonly #resident: NftSession | undefined;
  /** Whether this nft may be kept running; asked once. */
  #mayStay: Promise<boolean> | undefined;
  /** How our tables are made. */
  #images: readonly TableImage[] = [];

  constructor(options: RunnerOptions = {}) {
    this.#options = options;
    this.#command = nftCommand(options);
    this.#clock = options.clock ?? wallClock;
    if (options.resident === false) return;
    this.#resident = new NftSession({
      command: this.#command,
      ...(options.residentDeadlineMs === undefined
        ? {}
        : { deadlineMs: options.residentDeadlineMs }),
      ...hooks(options),
      ...(options.onIll === undefined ? {} : { onIll: options.onIll }),
    });
  }

  /** Process id of the resident nft while there is one. */
  get residentPid(): number | undefined {
    return this.#resident?.pid;
  }

  async send(
    commands: readonly NftCommand[],
    changes: number,
    repeatable = true,
  ): Promise<BatchOutcome> {
    const text = batchText(commands);
    const small = repeatable && changes <= RESIDENT_CHANGES_MAX;
    const resident = small ? await this.#kept() : undefined;
    if (resident?.usable) {
      try {
        return { refusal: reasonOf(await resident.send(text)), via: 'resident' };
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
      }
    }
    return { refusal: await this.#fresh(text), via: 'fresh' };
  }

  add(sets: readonly NewElements[]): boolean {
    return orElse(false, () => addElements(TABLE, sets, this.#options));
  }

  memorize(families: readonly TableFamily[]): void {
    const { netns } = this.#options;
    const images = families.flatMap(
      (family) => orElse(undefined, () => imageOf(family, TABLE, netns)) ?? [],
    );
    // With only one of two images the other table would pass for restored without nft.
    this.#images = images.length === families.length ? images : [];
  }

  makeAnew(elements: () => readonly NewElements[]): boolean {
    return orElse(false, () => makeAnew(TABLE, this.#images, elements, this.#options));
  }

  /** By netlink dump; by `nft -j list` where that is not to be had. */
  async list(): Promise<KernelTables> {
    return (await this.#dump({})) ?? this.listByNft();
  }

  outline(): Promise<KernelTables | undefined> {
    return this.#dump({ elements: false });
  }

  glance(): Promise<KernelTables | undefined> {
    return this.#dump({ attempts: 1 });
  }

  /** Undefined when netlink does not answer, or the ruleset kept changing. */
  async #dump(options: Omit<DumpOptions, 'netns'>): Promise<KernelTables | undefined> {
    try {
      return await dumpTables(this.#clock, { ...options, netns: this.#options.netns });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      return undefined;
    }
  }

  /** What nft itself says of our tables. */
  async listByNft(): Promise<KernelTables> {
    const tables = new Map<TableFamily, KernelTable>();
    for (const family of ['inet', 'bridge'] as const) {
      const now = this.#clock.now();
      const args = ['-j', 'list', 'table', family, TABLE];
      const { status, stdout, stderr } = await run(this.#command, args, this.#reading());
      if (status === 0) tables.set(family, parseTable(stdout, now));
      else if (stderr.includes('Operation not permitted')) {
        throw new OperatorError(
          'the kernel does not let this process ban, since it has no CAP_NET_ADMIN',
          {
            hint: 'run it by its unit (systemctl start banjour), or as root',
            exitCode: EXIT.noPermission,
          },
        );
      } else if (!stderr.includes('No such file or directory')) {
        throw new OperatingError(
          'ERR_NFT_LIST',
          `nft -j list table ${family} ${TABLE}: ${reasonOf(stderr)}`,
        );
      }
    }
    return tables;
  }

  /** Our tables as nft prints them, without the elements of sets; '' when there are none. */
  async ruleset(): Promise<string> {
    const texts: string[] = [];
    for (const family of ['inet', 'bridge']) {
      const { status, stdout } = await run(
        this.#command,
        ['-t', 'list', 'table', family, TABLE],
        this.#reading(),
      );
      if (status === 0) texts.push(stdout);
    }
    return texts.join('\n');
  }

  /** Has nft and the kernel judge a batch without applying it. */
  async trial(commands: readonly NftCommand[]): Promise<BatchOutcome> {
    return { refusal: await this.#fresh(batchText(commands), ['-c']), via: 'fresh' };
  }

  /**
   * Starts the resident nft ahead of the first batch. The first time it is started while another
   * says whether it may be kept.
   */
  warm(): void {
    const resident = this.#resident;
    if (resident === undefined) return;
    if (this.#mayStay === undefined) resident.warm();
    inBackground(
      this.#kept().then((kept) => (kept === undefined ? resident.close() : kept.warm())),
    );
  }

  /**
   * A resident nft that does not answer by its deadline is killed; the next one starts when its
   * back-off is over.
   */
  async ping(): Promise<void> {
    if (this.#resident?.pid === undefined) return this.warm();
    try {
      await this.#resident.ping();
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
    }
  }

  async close(): Promise<void> {
    // Whoever waits for that answer to start it comes first.
    await this.#mayStay;
    await this.#resident?.close();
  }

  /** The resident nft, unless it is one that may not be kept. */
  async #kept(): Promise<NftSession | undefined> {
    if (this.#resident === undefined) return undefined;
    this.#mayStay ??= mayStay(this.#command);
    return (await this.#mayStay) ? this.#resident : undefined;
  }

  #reading(): RunOptions {
    return {
      deadlineMs: this.#options.freshDeadlineMs ?? NFT_FRESH_DEADLINE_MS,
      outputBytesMax: NFT_LIST_BYTES_MAX,
      errorBytesMax: NFT_ERROR_BYTES_MAX,
    };
  }

  async #fresh(text: string, flags: readonly string[] = []): Promise<string | undefined> {
    const file = await unlinkedFile(this.#options.directory ?? tmpdir(), text);
    try {
      const { status, stderr } = await run(this.#command, [...flags, '-j', '-f', '-'], {
        stdin: file.fd,
        deadlineMs: this.#options.freshDeadlineMs ?? NFT_FRESH_DEADLINE_MS,
        outputBytesMax: 0,
        errorBytesMax: NFT_ERROR_BYTES_MAX,
        ...hooks(this.#options),
      });
      if (status === 0) return undefined;
      if (status === null)
        throw new OperatingError('ERR_NFT_DIED', 'nft was killed before it had answered');
      return reasonOf(stderr) ?? `nft ended with status ${status}`;
    } finally {
      await file.close();
    }
  }
}

/** What `work` comes to, or the other where there is no way to the kernel past nft. */
function orElse<T>(other: T, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    return other;
  }
}

/**
 * False for nft before 1.0: after a line that it refused, such as the one that ends each batch, a
 * session of 0.9.8 takes further batches, says nothing and does nothing. Every change then has an
 * nft of its own. Also false when it does not answer, since a ban that is lost in silence is worse
 * than a slow one.
 */
async function mayStay(command: Command): Promise<boolean> {
  try {
    const { stdout } = await run(command, ['-V'], {
      deadlineMs: NFT_RESIDENT_DEADLINE_MS,
      outputBytesMax: NFT_ERROR_BYTES_MAX,
      errorBytesMax: NFT_ERROR_BYTES_MAX,
    });
    return !/nftables v0\./.test(stdout);
  } catch (error) {
    if (error instanceof OperatingError) return false;
    throw error;
  }
}

function hooks({ onStart, onEnd }: RunnerOptions): Pick<RunnerOptions, 'onStart' | 'onEnd'> {
  return {
    ...(onStart === undefined ? {} : { onStart }),
    ...(onEnd === undefined ? {} : { onEnd }),
  };
}

async function unlinkedFile(directory: string, text: string): Promise<files.FileHandle> {
  const path = join(directory, `banjour-${crypto.randomUUID()}`);
  try {
    const file = await files.open(
      path,
      constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
      0o600,
    );
    await files.unlink(path);
    const data = Buffer.from(text);
    // At positions, which leaves the descriptor's own at the start: nft 1.1.3 reads on from there,
    // 1.0.6 opens it anew.
    for (let at = 0; at < data.length; )
      at += (await file.write(data, at, data.length - at, at)).bytesWritten;
    return file;
  } catch (cause) {
    throw new OperatingError(
      'ERR_NFT_FILE',
      `a batch for nft cannot be written to ${directory}: ${messageOf(cause)}`,
      {
        cause,
      },
    );
  }
}

/** nft's words on one line without the parts that never vary; undefined when it said nothing. */
export function reasonOf(stderr: string): string | undefined {
  const words = stderr
    .split('\n')
    .map((line) =>
      line.replace(/^(?:internal:0:0-0|<cmdline>:\d+:[\d-]+|\/dev\/stdin:\d+:[\d-]+): /, '').trim(),
    )
    .filter((line) => line !== '' && !/^\^+$/.test(line))
    .map((line) => line.replace(/^Error: /, '').replace(/^Could not process rule: /, ''));
  return words.length === 0 ? undefined : [...new Set(words)].join('; ').slice(0, 300);
}
