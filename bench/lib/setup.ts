/** Configurations for the benchmarks: the shipped jails on a journal of ours. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadSetup } from '../../src/setup/load.js';
import type { AgentSetup } from '../../src/setup/setup.js';

/** A folder that is removed at the end of its `using` block. */
export class Scratch {
  readonly path = mkdtempSync(join(tmpdir(), 'banjour-bench-'));
  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/**
 * The jails of a mail server, as an administrator enables them; `more` are further lines of
 * `[DEFAULT]`. The jail that weighs is off, unless it is among them: fail2ban has none.
 */
export function jailLocal(
  more: readonly string[],
  jails: readonly string[] = ['postfix-sasl', 'dovecot', 'sshd'],
): string {
  const enabled = jails.flatMap((jail) => [`[${jail}]`, 'enabled = true']);
  const weighing = jails.includes('login') ? [] : ['[login]', 'enabled = false'];
  return ['[DEFAULT]', ...more, ...weighing, ...enabled, ''].join('\n');
}

/** The setup that those lines make. */
export function setupOf(text: string): AgentSetup {
  using scratch = new Scratch();
  writeFileSync(scratch.file('jail.local'), text);
  return loadSetup({ shippedRoot: join(process.cwd(), 'config'), adminRoot: scratch.path }).setup;
}
