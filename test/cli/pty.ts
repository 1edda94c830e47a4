/**
 * A shell as a person has it: interactive, on a terminal of its own (by `script` of util-linux),
 * typed into.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';

/** Escape sequences of terminals: CSI, OSC, and the short ones. */
const ESCAPES =
  /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-~])|[\x07\x00\x0f]/g;

/** The prompt that the shells of the tests have. */
export const PROMPT = 'ready> ';
/** Nothing else on the terminal has it. */
const AFTER_TAB = '@';

export class PtyShell {
  readonly #child: ChildProcessWithoutNullStreams;
  #output = '';
  #marks = 0;
  #wake: () => void = () => undefined;

  constructor(command: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn('script', ['-qfec', command, '/dev/null'], { env });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        // fish asks what the terminal is, and waits for the answer.
        if (text.includes('\x1b[c') || text.includes('\x1b[0c'))
          this.#child.stdin.write('\x1b[?6c');
        this.#wake();
      });
  }

  /** Types a line with Enter and waits until the shell has carried it out; what it printed. */
  async enter(line: string): Promise<string> {
    this.#output = '';
    this.#child.stdin.write(`${line}\r`);
    return this.#carriedOut();
  }

  /**
   * Types the beginning of a line and TAB, then gives the line up; what was seen on the terminal.
   */
  async complete(line: string): Promise<string> {
    this.#output = '';
    // The letter after TAB is echoed when the shell has done what TAB asks for.
    this.#child.stdin.write(`${line}\t${AFTER_TAB}`);
    await this.#until(() => this.#output.includes(AFTER_TAB));
    const seen = this.#output.replace(ESCAPES, '');
    this.#child.stdin.write('\x05\x15');
    await this.#carriedOut();
    return seen;
  }

  /**
   * A mark, and the prompt after it: before that the terminal, not the shell, would take what is
   * typed.
   */
  async #carriedOut(): Promise<string> {
    const mark = `done-${++this.#marks}-`;
    // The quotes keep the echo of the line from being taken for its output.
    this.#child.stdin.write(`echo d''one-${this.#marks}-\r`);
    await this.#until(() =>
      this.#output.includes(PROMPT, this.#output.lastIndexOf(mark) + 1 || Number.POSITIVE_INFINITY),
    );
    return this.#output.replace(ESCAPES, '');
  }

  async end(): Promise<void> {
    this.#child.stdin.end('exit\r');
    if (this.#child.exitCode === null && this.#child.signalCode === null)
      await once(this.#child, 'close');
  }

  async #until(holds: () => boolean): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!holds()) {
      const left = deadline - Date.now();
      if (left <= 0)
        throw new Error(`the shell hangs; on its terminal: ${JSON.stringify(this.#output)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }
}
