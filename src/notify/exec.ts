/**
 * A program for each ban. Its arguments are words of the configuration with `<ip>` and kin filled in. The same facts
 * come as JSON on standard input.
 */
import { fillArguments } from '../core/arguments.js';
import { messageOf } from '../core/errors.js';
import { NOTIFY_DEADLINE_MS } from '../core/limits.js';
import { redactArguments } from '../core/secrets.js';
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
    const said = escapeUntrusted(redactArguments(complaint, template).trim().replace(/\s+/g, ' '), 300);
    throw new DeliveryError('ERR_NOTIFY_EXEC', `${program} ${how}${said === '' ? '' : `: ${said}`}`);
  } catch (error) {
    if (error instanceof DeliveryError) throw error;
    throw new DeliveryError('ERR_NOTIFY_EXEC', `${program} cannot be started: ${messageOf(error)}`, { cause: error });
  }
}

/** The words with `<name>` replaced; the program itself stays as it is. */
export function argvOf(template: readonly string[], facts: Facts): string[] {
  const factOf = (name: string) =>
    (FACT_NAMES as readonly string[]).includes(name) ? facts[name as keyof Facts] : undefined;
  return fillArguments(template, factOf, ['bantime']);
}
