/**
 * What the commands of fail2ban-client share: the session, the way to the agent, and how failures
 * are told.
 */
import { ControlClient } from '../../control/client.js';
import { messageOf, OperatorError } from '../../core/errors.js';
import { escapeUntrusted } from '../../core/text.js';
import type { Paths } from '../../setup/paths.js';
import type { Terminal } from '../../tools/terminal.js';
import { errorLine } from './shapes.js';

export interface Fail2banSession {
  readonly terminal: Terminal;
  readonly paths: Paths;
  readonly version: string;
  /** Sockets to change things through, and to read. */
  readonly control: string;
  readonly status: string;
}

/**
 * What the real server answers with "NOK": the answer on standard output, the message in its log
 * line.
 */
export class NotOk extends Error {
  readonly answer: string | undefined;
  constructor(message: string, answer?: string) {
    super(message);
    this.answer = answer;
  }
}

/** The agent, or the words of the real client when there is none. */
export function clientOf(session: Fail2banSession, changes = false): ControlClient {
  return new ControlClient(changes ? session.control : session.status);
}

/** Several diagnostics stand on lines of their own. */
function linesOf(text: string): string {
  return text
    .split('\n')
    .map((line) => escapeUntrusted(line, 4096))
    .join('\n');
}

/** Says what went wrong, where the real one says it. */
export function report(error: unknown, terminal: Terminal): number {
  if (error instanceof NotOk) {
    if (error.answer !== undefined) terminal.out(`${error.answer}\n`);
    terminal.err(errorLine(error.message));
  } else if (error instanceof OperatorError) {
    terminal.out(`${linesOf(error.message)}\n`);
    terminal.err(errorLine(linesOf(`NOK: ${error.hint ?? error.message}`)));
  } else terminal.err(errorLine(escapeUntrusted(messageOf(error), 4096)));
  return 255;
}
