/** Runs a command line in this process, as a person would type it, and keeps what it prints. */
import { Writable } from 'node:stream';
import { runCli } from '../../src/cli/cli.js';
import type { Terminal } from '../../src/tools/terminal.js';

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `tty`: pretend that both streams are terminals of 100 columns. */
export async function cli(
  argv: readonly string[],
  options: { readonly tty?: boolean; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  let out = '';
  let err = '';
  const stream = (take: (text: string) => void) => {
    const made = new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        take(chunk.toString());
        done();
      },
    });
    return options.tty === true ? Object.assign(made, { isTTY: true, columns: 100 }) : made;
  };
  const terminal: Terminal = {
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    stdout: stream((text) => {
      out += text;
    }),
    stderr: stream((text) => {
      err += text;
    }),
    env: options.env ?? {},
  };
  const code = await runCli(argv, terminal);
  return { code, out, err };
}
