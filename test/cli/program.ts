/**
 * Banjour's own binary and other programs, run as they are, without holding the test's event loop.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Host, Output } from '../control/host.js';

export const MAIN = join(process.cwd(), 'dist/src/main.js');

export function runProgram(
  command: readonly [string, ...string[]],
  options: { readonly env?: NodeJS.ProcessEnv; readonly input?: string } = {},
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const [file, ...args] = command;
    const child = spawn(file, args, { env: { ...process.env, NO_COLOR: '1', ...options.env } });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text) => {
      err += text;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ code: code ?? -1, out, err }));
    child.stdin.end(options.input ?? '');
  });
}

/** The symbolic link that an administrator makes. */
export function linkAs(host: Host, name: string): string {
  const folder = join(host.folder, 'bin');
  mkdirSync(folder, { recursive: true });
  const link = join(folder, name);
  symlinkSync(MAIN, link);
  chmodSync(MAIN, 0o755);
  return link;
}

/**
 * The same for programs that cannot be told where the sockets are: a shell script in front of the
 * link says it.
 */
export function wrapped(
  host: Host,
  link: string,
): { readonly path: string; readonly folder: string } {
  const folder = join(host.folder, 'wrapped');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'fail2ban-client');
  writeFileSync(
    path,
    `#!/bin/sh\nexec '${process.execPath}' '${link}' -s '${host.socket('control')}' "$@"\n`,
    {
      mode: 0o755,
    },
  );
  return { path, folder };
}
