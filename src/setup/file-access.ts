/**
 * Which rights the files of a start are looked at with: the agent has its own; root those of
 * the user that banjour.service runs as, inside the sandbox that the unit makes; an ordinary user,
 * who sees less than either, and whose "no permission" says nothing.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** What a unit lets its processes see and change (systemd.exec(5)). */
export interface Sandbox {
  readonly user: string;
  readonly groups: readonly string[];
  /** Folders that it may write to; undefined when the unit does not protect the others. */
  readonly writable: readonly string[] | undefined;
  /** Folders whose contents it does not see. */
  readonly hidden: readonly string[];
  /** Folders that systemd makes before a start. */
  readonly made: readonly string[];
}

/**
 * Why something cannot be had: `absent` may come later; `unknown` is what the user who looks
 * cannot tell.
 */
export interface AccessTrouble {
  readonly kind: 'absent' | 'denied' | 'unknown';
  readonly why: string;
  /** What mends it, where the file itself is all right. */
  readonly fix?: string;
}

const PROPERTIES = [
  'LoadState',
  'User',
  'SupplementaryGroups',
  'ProtectSystem',
  'ProtectHome',
  'PrivateTmp',
  'ReadWritePaths',
  'StateDirectory',
  'LogsDirectory',
  'RuntimeDirectory',
  'InaccessiblePaths',
];
const ASK_MS = 5_000;
/** Where a sandbox has private folders in place of these. */
const TEMPORARY = ['/tmp', '/var/tmp'];
const HOMES = ['/home', '/root', '/run/user'];

/** The sandbox of a unit; undefined when there is no such unit, or no systemd to ask. */
function sandboxOf(unit: string): Sandbox | undefined {
  if (!existsSync('/run/systemd/system')) return undefined;
  const { status, stdout } = spawnSync(
    'systemctl',
    ['show', unit, `--property=${PROPERTIES.join(',')}`],
    {
      encoding: 'utf8',
      timeout: ASK_MS,
    },
  );
  return status === 0 ? parseSandbox(stdout) : undefined;
}

/** Reads what `systemctl show` prints. */
export function parseSandbox(text: string): Sandbox | undefined {
  const value = (key: string) => new RegExp(`^${key}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  const words = (key: string) =>
    value(key)
      .split(/\s+/)
      .filter((word) => word !== '');
  if (value('LoadState') !== 'loaded') return undefined;
  const folders = (key: string, root: string) =>
    words(key).map((name) => `${root}/${name.split(':')[0]}`);
  const made = [
    ...folders('StateDirectory', '/var/lib'),
    ...folders('LogsDirectory', '/var/log'),
    ...folders('RuntimeDirectory', '/run'),
  ];
  const stated = words('ReadWritePaths').map((path) => path.replace(/^[-+]*/, ''));
  const inaccessible = words('InaccessiblePaths').map((path) => path.replace(/^[-+]*/, ''));
  return {
    user: value('User') === '' ? 'root' : value('User'),
    groups: words('SupplementaryGroups'),
    writable: value('ProtectSystem') === 'strict' ? [...made, ...stated] : undefined,
    hidden: [
      ...(value('ProtectHome') === 'yes' ? HOMES : []),
      ...(value('PrivateTmp') === 'yes' ? TEMPORARY : []),
      ...inaccessible,
    ],
    made,
  };
}

export class FileAccess {
  readonly #sandbox: Sandbox | undefined;
  readonly #become: string | undefined;
  readonly #stranger: boolean;

  private constructor(sandbox: Sandbox | undefined, become: string | undefined, stranger: boolean) {
    this.#sandbox = sandbox;
    this.#become = become;
    this.#stranger = stranger;
  }

  /** Looks with this process's own rights: an agent, or a person who runs it by hand. */
  static self(): FileAccess {
    return new FileAccess(undefined, undefined, false);
  }

  /** Looks with a unit's rights; with its own when there is no such unit, or this is the unit. */
  static of(sandbox: Sandbox | undefined, uid = process.geteuid?.() ?? 0): FileAccess {
    if (sandbox === undefined) return FileAccess.self();
    const number = uidOf(sandbox.user);
    if (uid === number && uid !== 0) return FileAccess.self();
    if (uid === 0)
      return new FileAccess(
        sandbox,
        number === undefined || number === 0 ? undefined : sandbox.user,
        false,
      );
    return new FileAccess(sandbox, undefined, true);
  }

  /** The user for whom it looks, when that is another one, who cannot be asked for everything. */
  get isStranger(): boolean {
    return this.#stranger;
  }

  /** Why a file or folder cannot be read, or undefined. */
  readable(path: string): AccessTrouble | undefined {
    return this.#hidden(path) ?? this.#access(path, 'r');
  }

  /** Why a program cannot be run, or undefined. */
  executable(path: string): AccessTrouble | undefined {
    const hidden = this.#hidden(path) ?? this.#access(path, 'x');
    if (hidden !== undefined) return hidden;
    return statSync(path, { throwIfNoEntry: false })?.isFile() === true
      ? undefined
      : { kind: 'denied', why: 'it is not a program' };
  }

  /** Why a file cannot be written, or made where it is not there, or undefined. */
  writable(path: string): AccessTrouble | undefined {
    const { writable } = this.#sandbox ?? {};
    if (writable !== undefined && !writable.some((folder) => isIn(path, folder)))
      return {
        kind: 'denied',
        why: 'the sandbox of the service lets it write nothing there (ProtectSystem=strict)',
      };
    const hidden = this.#hidden(path);
    if (hidden !== undefined) return hidden;
    const status = statusOf(path);
    if (status?.isFile() === false) return { kind: 'denied', why: 'it is not a file' };
    if (this.#isGiven(path)) return undefined;
    if (status !== undefined) return this.#access(path, 'w');
    const folder = dirname(path);
    return this.#access(folder, 'w') ?? this.#access(folder, 'x');
  }

  /**
   * True in a folder that systemd makes for the service before a start, or gives to it with all
   * that is in it, because it is another user's now (systemd.exec(5), "StateDirectory=").
   */
  #isGiven(path: string): boolean {
    const { made = [], user = '' } = this.#sandbox ?? {};
    const folder = made.find((one) => isIn(path, one));
    return folder !== undefined && statusOf(folder)?.uid !== uidOf(user);
  }

  #hidden(path: string): AccessTrouble | undefined {
    const folder = this.#sandbox?.hidden.find((one) => isIn(path, one));
    return folder === undefined
      ? undefined
      : {
          kind: 'denied',
          why: `the sandbox of the service hides ${folder} from it (ProtectHome=, PrivateTmp=)`,
          fix: 'move it to where the service sees it, or change the sandbox with systemctl edit',
        };
  }

  #access(path: string, mode: Mode): AccessTrouble | undefined {
    try {
      accessSync(path, MODES[mode]);
      // access(2) asks for the user who runs this, and test(1) for the one who runs that.
      if (
        this.#become === undefined ||
        isPermitted(this.#become, this.#sandbox?.groups ?? [], mode, path)
      )
        return undefined;
      return { kind: 'denied', why: 'no permission' };
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR')
        return { kind: 'absent', why: 'it is not there' };
      if (this.#stranger) return { kind: 'unknown', why: code };
      return {
        kind: 'denied',
        why: code === 'EROFS' ? 'it is on a file system that is read-only' : 'no permission',
      };
    }
  }
}

type Mode = 'r' | 'w' | 'x';
const MODES = { r: constants.R_OK, w: constants.W_OK, x: constants.X_OK };

/** Whether another user may, lists of further users (acl(5)) included. */
function isPermitted(user: string, more: readonly string[], mode: Mode, path: string): boolean {
  const ids = idsOf(user);
  if (ids === undefined) return true;
  const groups = [ids.gid, ...groupsOf(user, more)].join(',');
  const identity = [`--reuid=${ids.uid}`, `--regid=${ids.gid}`, `--groups=${groups}`];
  const { status } = spawnSync('setpriv', [...identity, '--', 'test', `-${mode}`, path], {
    stdio: 'ignore',
    timeout: ASK_MS,
  });
  return status !== 1;
}

function statusOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function isIn(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder.replace(/\/$/, '')}/`);
}

function uidOf(user: string): number | undefined {
  return user === 'root' ? 0 : idsOf(user)?.uid;
}

function idsOf(user: string): { readonly uid: number; readonly gid: number } | undefined {
  const line = lines('/etc/passwd').find(([name]) => name === user);
  return line === undefined ? undefined : { uid: Number(line[2]), gid: Number(line[3]) };
}

/** Numbers of the groups that a user is in, and of those named. */
function groupsOf(user: string, more: readonly string[]): number[] {
  return lines('/etc/group')
    .filter(
      ([name = '', , , members = '']) => more.includes(name) || members.split(',').includes(user),
    )
    .map(([, , number]) => Number(number));
}

function lines(path: string): string[][] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
}

export interface StartSurroundings {
  /** Where the command line says that the ledger is. */
  readonly ledgerPath: string;
  /** Whose rights the agent has. */
  readonly agent: FileAccess;
  /** Whose rights the companion has. */
  readonly notify: FileAccess;
}

/**
 * The surroundings of whoever asks: for the services of this host when there are any, else for
 * itself.
 */
export function surroundingsOf(ledgerPath: string, isService: boolean): StartSurroundings {
  if (!isService) return { ledgerPath, agent: FileAccess.self(), notify: FileAccess.self() };
  return {
    ledgerPath,
    agent: FileAccess.of(sandboxOf('banjour.service')),
    notify: FileAccess.of(sandboxOf('banjour-companion.service')),
  };
}
