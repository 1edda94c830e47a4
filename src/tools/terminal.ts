/**
 * Where a command writes, and how it looks there: colour only on a terminal and never against
 * NO_COLOR, numbers and times for people. A reader that goes away (`| head`) ends the command
 * without a word.
 */

export interface Terminal {
  /** Standard output: answers. One call is one or more whole lines. */
  out(text: string): void;
  /** Standard error: what went wrong, progress, log. */
  err(text: string): void;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
}

/** The process's own terminal. Ends the process quietly when nobody reads its output any more. */
export function processTerminal(): Terminal {
  const quiet = (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  };
  process.stdout.on('error', quiet);
  process.stderr.on('error', quiet);
  return {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
  };
}

/**
 * Columns to fill with a chart, or with running text; 100 where there is no terminal, or one that
 * does not know its size (0).
 */
export function widthOf(stream: { readonly columns?: number }): number {
  return stream.columns || 100;
}

/**
 * Columns that a table may take: those of the terminal. A file or another program gets it whole.
 */
export function tableWidth(stream: {
  readonly isTTY?: boolean;
  readonly columns?: number;
}): number {
  return stream.isTTY === true ? widthOf(stream) : Number.POSITIVE_INFINITY;
}

/** True when the stream shows colour and its reader wants it (https://no-color.org). */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

/** `45s`, `10m`, `1h 30m`, `2d 4h`: at most two units. */
export function formatLength(seconds: number): string {
  const units: readonly (readonly [string, number])[] = [
    ['d', 86_400],
    ['h', 3_600],
    ['m', 60],
    ['s', 1],
  ];
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [unit, size] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.length === 0 ? '0s' : parts.join(' ');
}
