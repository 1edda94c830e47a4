/**
 * A program for each ban. Its arguments are words of the configuration with `<ip>` and kin filled in: no shell reads
 * them, and a value never begins a word with a dash, so that no attacker's text becomes an option. The same facts come
 * as JSON on standard input.
 */

import { messageOf } from '../core/errors.js';
import { NOTIFY_DEADLINE_MS } from '../core/limits.js';
import { escapeUntrusted } from '../core/text.js';
import { FACT_NAMES, type Facts } from './facts.js';
import { DeliveryError } from './failure.js';
import { runProgram } from './program.js';

/** Resolves when the program ends with 0; rejects with `DeliveryError`. */
export async function execute(
  template: readonly string[],
  facts: Facts,
  deadlineMs = NOTIFY_DEADLINE_MS,
): Promise<void> {
  const argv = argvOf(template, facts);
  const program = argv[0] ?? '';
  try {
    const { status, complaint } = await runProgram(argv, { deadlineMs, input: `${JSON.stringify(facts)}\n` });
    if (status === 0) return;
    const how = status === null ? `was ended after ${deadlineMs} ms` : `ended with status ${status}`;
    const said = escapeUntrusted(complaint.trim().replace(/\s+/g, ' '), 300);
    throw new DeliveryError('ERR_NOTIFY_EXEC', `${program} ${how}${said === '' ? '' : `: ${said}`}`);
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    throw new DeliveryError('ERR_NOTIFY_EXEC', `${program} cannot be started: ${messageOf(error)}`, { cause: error });
  }
}

/** The words with `<name>` replaced; the program itself stays as it is. */
export function argvOf(template: readonly string[], facts: Facts): string[] {
  return template.map((word, index) => {
    if (index === 0) return word;
    const filled = word.replace(/<([a-z]+)>/g, (whole, name: string) =>
      (FACT_NAMES as readonly string[]).includes(name) ? facts[name as keyof Facts] : whole,
    );
    // In the form in which other characters of strangers are escaped; `-1` is our own word for a permanent ban.
    return filled.startsWith('-') && !word.startsWith('-') && word !== '<bantime>' ? `\\x2d${filled.slice(1)}` : filled;
  });
}
