/**
 * Long answers on a terminal go through a pager, in the manner of systemctl(1): `$BANJOUR_PAGER`,
 * else `$PAGER`, else less(1). An empty value or `cat` means none, and so does a terminal that is
 * `dumb`.
 *
 * Whoever may run Banjour as root by sudo(8) must not get a shell of root by it: less is told to be
 * secure (it runs no command and opens no file), and in a session of another user no other pager is
 * started.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { ExitCode } from '../core/errors.js';
import { PAGER_CHARS_MAX } from '../core/service-limits.js';
import { shellWords } from '../core/text.js';
import type { Terminal } from '../tools/terminal.js';

/**
 * What systemd gives less: quit when all fits, colours, long lines not folded, no clearing, prompt,
 * quit at Ctrl-C.
 */
const LESS = 'FRSXMK';
/** Of a terminal that does not know its size. */
const ROWS = 24;

/** The loginuid of a session that nobody logged in to; proc_pid_loginuid(5). */
const NO_LOGIN = 4_294_967_295;

/**
 * Runs a command and shows what it answers: in a pager when that is longer than the screen. What is
 * longer than `PAGER_CHARS_MAX` is printed instead.
 */
export async function paged(
  terminal: Terminal,
  run: (terminal: Terminal) => Promise<ExitCode>,
): Promise<ExitCode> {
  let text = '';
  let isCollected = true;
  const collect = (more: string) => {
    text += more;
    if (isCollected && text.length <= PAGER_CHARS_MAX) return;
    isCollected = false;
    terminal.out(text);
    text = '';
  };
  try {
    return await run({ ...terminal, out: collect });
  } finally {
    if (text !== '') await show(text, terminal);
  }
}

async function show(text: string, terminal: Terminal): Promise<void> {
  const rows = (terminal.stdout as { readonly rows?: number }).rows || ROWS;
  if (text.split('\n').length > rows)
    for (const command of pagers(terminal.env, isElevated(terminal.env)))
      if (await shownBy(command, text, terminal.env)) return;
  terminal.out(text);
}

/** The pagers to try, one after the other. `elevated`: the session is another user's. */
export function pagers(env: NodeJS.ProcessEnv, elevated: boolean): readonly (readonly string[])[] {
  if ((env['TERM'] ?? 'dumb') === 'dumb') return [];
  const wanted = env['BANJOUR_PAGER'] ?? env['PAGER'];
  if (wanted === undefined) return [['less']];
  const words = shellWords(wanted) ?? [];
  if (words.length === 0 || words.join() === 'cat') return [];
  return elevated ? [['less']] : [words, ['less']];
}

/**
 * True when this process has other rights than the user who logged in: sudo(8), pkexec(1), su(1).
 */
export function isElevated(
  env: NodeJS.ProcessEnv,
  uid = process.geteuid?.(),
  login = loginUid(),
): boolean {
  if (['SUDO_UID', 'PKEXEC_UID', 'DOAS_USER'].some((name) => env[name] !== undefined)) return true;
  return login !== undefined && login !== NO_LOGIN && login !== uid;
}

function loginUid(): number | undefined {
  try {
    return Number(readFileSync('/proc/self/loginuid', 'utf8'));
  } catch {
    return undefined;
  }
}

/** False when there is no such program. */
async function shownBy(
  command: readonly string[],
  text: string,
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  const [program = '', ...args] = command;
  const isUtf8 = /utf-?8/i.test(env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '');
  const child = spawn(program, args, {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...env, LESS, LESSSECURE: '1', ...(isUtf8 ? { LESSCHARSET: 'utf-8' } : {}) },
  });
  // Ctrl-C is the pager's, which shares the terminal.
  const leave = () => undefined;
  process.on('SIGINT', leave);
  // The reader may quit before all is written.
  child.stdin.on('error', leave);
  child.stdin.end(text);
  try {
    await once(child, 'close');
    return true;
  } catch {
    return false;
  } finally {
    process.off('SIGINT', leave);
  }
}
