/** Network namespaces for tests: nothing a test does reaches the host's own network or firewall. */
import { execFileSync } from 'node:child_process';

let count = 0;

export interface NetworkNamespace {
  readonly name: string;
  /** The command line that runs `command` inside. */
  inside(command: readonly string[]): [string, ...string[]];
  /** Runs a program inside; returns its standard output, throws with its standard error. */
  run(command: readonly string[], input?: string): string;
  /** Removes the namespace. */
  remove(): void;
}

/** Makes an empty namespace of a name that no other test process uses; needs root and ip(8). */
export function makeNetworkNamespace(): NetworkNamespace {
  const name = `banjour-test-${process.pid}-${count++}`;
  execFileSync('ip', ['netns', 'add', name], { stdio: 'pipe' });
  const inside = (command: readonly string[]): [string, ...string[]] => [
    'ip',
    'netns',
    'exec',
    name,
    ...command,
  ];
  return {
    name,
    inside,
    run: (command, input) => {
      const [file, ...args] = inside(command);
      return execFileSync(file, args, {
        encoding: 'utf8',
        stdio: 'pipe',
        ...(input === undefined ? {} : { input }),
      });
    },
    remove: () => execFileSync('ip', ['netns', 'del', name], { stdio: 'pipe' }),
  };
}
