/**
 * The functions of libsystemd that Banjour calls, loaded when the first is needed. Nothing here is
 * asynchronous: a journal handle belongs to one thread for life (sd_journal_open(3), "Notes"), and
 * koffi's asynchronous calls run on a pool.
 *
 * Every function returns what C returns: 0 or more, or a negative errno. Pointers are `bigint`.
 * Out-parameters are addresses of `StableMemory`, so a call converts nothing.
 */
import koffi from 'koffi';
import { EXIT, messageOf, OperatorError } from '../src/core/errors.js';
import { batchReader } from './batch-library.js';

/** An address for C; a Buffer serves for the time of the call. */
export type Pointer = bigint | Buffer | null;

const P = 'void *';
const SIGNATURES = {
  sd_journal_open_namespace: ['int', P, 'str', 'int'],
  sd_journal_open: ['int', P, 'int'],
  sd_journal_open_directory: ['int', P, 'str', 'int'],
  sd_journal_open_files: ['int', P, 'char **', 'int'],
  sd_journal_open_files_fd: ['int', P, 'int *', 'unsigned int', 'int'],
  sd_journal_close: ['void', P],
  sd_journal_set_data_threshold: ['int', P, 'size_t'],
  sd_journal_add_match: ['int', P, P, 'size_t'],
  sd_journal_add_disjunction: ['int', P],
  sd_journal_add_conjunction: ['int', P],
  sd_journal_flush_matches: ['void', P],
  sd_journal_seek_head: ['int', P],
  sd_journal_seek_tail: ['int', P],
  sd_journal_seek_realtime_usec: ['int', P, 'uint64_t'],
  sd_journal_seek_cursor: ['int', P, 'str'],
  sd_journal_test_cursor: ['int', P, 'str'],
  sd_journal_next: ['int', P],
  sd_journal_previous: ['int', P],
  sd_journal_get_data: ['int', P, P, P, P],
  sd_journal_restart_data: ['void', P],
  sd_journal_enumerate_available_data: ['int', P, P, P],
  sd_journal_get_cursor: ['int', P, P],
  sd_journal_get_realtime_usec: ['int', P, P],
  sd_journal_get_monotonic_usec: ['int', P, P, P],
  sd_journal_get_cutoff_realtime_usec: ['int', P, P, P],
  sd_journal_get_fd: ['int', P],
  sd_journal_get_timeout: ['int', P, P],
  sd_journal_process: ['int', P],
  sd_journal_wait: ['int', P, 'uint64_t'],
  sd_journal_query_unique: ['int', P, 'str'],
  sd_journal_restart_unique: ['void', P],
  sd_journal_enumerate_available_unique: ['int', P, P, P],
  sd_journal_get_usage: ['int', P, P],
  sd_journal_has_runtime_files: ['int', P],
  sd_journal_has_persistent_files: ['int', P],
  sd_journal_sendv: ['int', P, 'int'],
  sd_notify: ['int', 'int', 'str'],
  sd_watchdog_enabled: ['int', 'int', P],
} as const;

type Name = keyof typeof SIGNATURES;

/**
 * The calls that look into files: what a damaged one ends there would end this process
 * (native/batch/guard.h).
 */
const GUARDED: readonly Name[] = [
  'sd_journal_open',
  'sd_journal_open_namespace',
  'sd_journal_open_directory',
  'sd_journal_open_files',
  'sd_journal_open_files_fd',
  'sd_journal_seek_head',
  'sd_journal_seek_tail',
  'sd_journal_seek_realtime_usec',
  'sd_journal_seek_cursor',
  'sd_journal_next',
  'sd_journal_previous',
  'sd_journal_get_cursor',
  'sd_journal_test_cursor',
  'sd_journal_get_realtime_usec',
  'sd_journal_get_monotonic_usec',
  'sd_journal_get_cutoff_realtime_usec',
  'sd_journal_get_data',
  'sd_journal_enumerate_available_data',
  'sd_journal_enumerate_available_unique',
  'sd_journal_get_fd',
  'sd_journal_process',
  'sd_journal_get_usage',
];

type JsOf<T extends string> = T extends 'str'
  ? string | null
  : T extends 'char **'
    ? readonly (string | null)[]
    : T extends 'int *'
      ? readonly number[]
      : T extends 'uint64_t'
        ? number | bigint
        : T extends 'void *'
          ? Pointer
          : number;
type ArgsOf<T extends readonly string[]> = { [K in keyof T]: JsOf<T[K]> };
type FunctionOf<T> = T extends readonly [infer R, ...infer A extends readonly string[]]
  ? (...args: ArgsOf<A>) => R extends 'void' ? undefined : number
  : never;

export type Libsystemd = { readonly [N in Name]: FunctionOf<(typeof SIGNATURES)[N]> };

/**
 * First version of systemd whose libsystemd has all that is declared here (sd_journal_get_data(3),
 * "History").
 */
export const SYSTEMD_VERSION_MIN = 246;

/**
 * Symbols that tell an age: each came with the version beside it (the man pages' "History"
 * sections).
 */
const AGES: readonly (readonly [number, string])[] = [
  [256, 'sd_journal_stream_fd_with_namespace'],
  [254, 'sd_journal_get_seqnum'],
  [252, 'sd_bus_message_read_strv_extend'],
  [251, 'sd_device_open'],
  [250, 'sd_device_get_diskseq'],
  [248, 'sd_bus_message_send'],
  [SYSTEMD_VERSION_MIN, 'sd_journal_enumerate_available_data'],
];

/** The soname that every distribution with systemd has had since 2014. */
const SONAME = 'libsystemd.so.0';
const INSTALL_HINT = 'apt install libsystemd0';

let loaded: Libsystemd | undefined;

/**
 * libsystemd, loaded once.
 *
 * @throws OperatorError when it is missing or too old; the hint says what to install.
 */
export function libsystemd(): Libsystemd {
  loaded ??= { ...load(SONAME), ...guardedCalls() };
  return loaded;
}

/**
 * The guarded calls, under the names of those whose place they take; none where nothing was
 * compiled.
 */
function guardedCalls(): Readonly<Record<string, unknown>> {
  const { functions } = batchReader();
  if (functions === undefined) return {};
  return Object.fromEntries(
    GUARDED.map((name) => {
      const [result, ...args] = SIGNATURES[name];
      return [name, functions.guarded(name, result, args)];
    }),
  );
}

/**
 * Loads libsystemd from a file name as dlopen(3) takes it; only tests name another than the
 * default.
 */
export function load(soname: string): Libsystemd {
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(soname);
  } catch (cause) {
    throw new OperatorError(`${soname} cannot be loaded: ${messageOf(cause)}`, {
      hint: INSTALL_HINT,
      exitCode: EXIT.unavailable,
      cause,
    });
  }
  const functions: Record<string, unknown> = {};
  for (const [name, [result, ...args]] of Object.entries(SIGNATURES)) {
    try {
      functions[name] = library.func(name, result, [...args]);
    } catch (cause) {
      throw new OperatorError(
        `${soname} is too old: it has no ${name}; systemd ${SYSTEMD_VERSION_MIN} is needed`,
        {
          hint: `${INSTALL_HINT} (Debian 11 or later)`,
          exitCode: EXIT.unavailable,
          cause,
        },
      );
    }
  }
  return functions as unknown as Libsystemd;
}

/** What is known of the loaded library. */
export interface LibsystemdVersion {
  /**
   * It is of this version of systemd or a later one; libsystemd does not tell its exact version.
   */
  readonly atLeast: number;
}

/** Tells the age of libsystemd by the functions it has. */
export function libsystemdVersion(): LibsystemdVersion {
  libsystemd();
  const library = koffi.load(SONAME);
  for (const [version, symbol] of AGES) {
    try {
      library.symbol(symbol);
      return { atLeast: version };
    } catch {
      // An older library: the next symbol tells.
    }
  }
  return { atLeast: SYSTEMD_VERSION_MIN };
}
