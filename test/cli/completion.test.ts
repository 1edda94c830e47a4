import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { runCli } from '../../src/cli/cli.js';
import { completionValues } from '../../src/cli/completion/values.js';
import { COMMANDS } from '../../src/cli/table.js';
import { COMPLETION_VALUES_MAX } from '../../src/core/service-limits.js';
import { COMPLETION_MS_MAX } from '../../src/core/timeouts.js';
import { caught, Host } from '../control/host.js';
import { canWrite } from '../support/journal-files.js';
import { hasCommand, needs } from '../support/require.js';
import { PROMPT, PtyShell } from './pty.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** Lines that would do harm, hang or complain if a TAB carried them out. */
const HARMFUL = [
  'banjour ban sshd 192.0.2.99',
  'banjour ban sshd 192.0.2.99 ',
  'banjour unban --all',
  'banjour unban 198.51.100.7',
  'banjour set sshd maxretry 77',
  'banjour flush ',
  'banjour service remove --purge',
  'banjour service remove --purge ',
  'banjour events ',
  'banjour run ',
  'banjour top ',
  'banjour import ',
  'banjour reload --unban ',
  'banjour --json unban --all ',
  "banjour test 'Failed password for $(banjour ping)' ",
  'banjour unban --jail=',
  'banjour nonsense ',
];
const LINES = [
  ...COMMANDS.flatMap(({ name }) =>
    ['', ' ', ' -', ' sshd ', ' sshd 192.0.2.1', ' sshd 192.0.2.1 '].map(
      (rest) => `banjour ${name}${rest}`,
    ),
  ),
  ...HARMFUL,
];

/**
 * A shell with the completion of its own, and a `banjour` on its PATH that writes down what it is
 * asked and what it runs.
 * With `answersOnce` each question goes to the program once, and its answer is given again.
 */
class Typed {
  readonly folder = mkdtempSync(join(tmpdir(), 'banjour-completion-'));
  readonly #asked = join(this.folder, 'asked');
  readonly #entered = join(this.folder, 'entered');
  readonly #shell: PtyShell;

  constructor(
    readonly kind: Shell,
    run: string,
    { answersOnce = false } = {},
  ) {
    const bin = join(this.folder, 'bin');
    mkdirSync(bin);
    const spy = join(this.folder, 'spy.mjs');
    writeFileSync(
      spy,
      `import { appendFileSync } from 'node:fs';
const { COMMANDS } = await import(${built('cli/table.js')});
const { runCli } = await import(${built('cli/cli.js')});
const { processTerminal } = await import(${built('tools/terminal.js')});
for (const command of COMMANDS) {
  command.run = async () => {
    appendFileSync(${JSON.stringify(this.#entered)}, command.name + '\\n');
    return 0;
  };
}
process.exitCode = await runCli(process.argv.slice(2), processTerminal());
`,
    );
    const program = `'${process.execPath}' '${spy}' "$@" --run-dir '${run}'`;
    const answer = `'${this.folder}'/"answer $(echo "$*" | tr / -)"`;
    const once = `case $1 in __complete) [ -e ${answer} ] || ${program} > ${answer}; exec cat ${answer};; esac\n`;
    writeFileSync(
      join(bin, 'banjour'),
      `#!/bin/sh\necho "$*" >> '${this.#asked}'\n${answersOnce ? once : ''}exec ${program}\n`,
    );
    chmodSync(join(bin, 'banjour'), 0o755);
    mkdirSync(join(this.folder, 'zsh'));
    for (const [shell, name] of [
      ['bash', 'banjour'],
      ['zsh', 'zsh/_banjour'],
      ['fish', 'banjour.fish'],
    ] as const)
      writeFileSync(join(this.folder, name), scripts.get(shell) ?? '');
    const command = {
      bash: 'bash --norc --noprofile -i',
      zsh: 'zsh -f -i',
      fish: 'fish --no-config -i',
    }[kind];
    this.#shell = new PtyShell(`stty cols 240 rows 60; exec ${command}`, {
      PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
      HOME: this.folder,
      TERM: 'xterm',
      LC_ALL: 'C.UTF-8',
    });
  }

  async start(): Promise<this> {
    const setup = {
      bash: `PS1='${PROMPT}'; bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'; bind 'set page-completions off'; bind 'set enable-bracketed-paste off'; . ${this.folder}/banjour`,
      zsh: `PROMPT='${PROMPT}'; unsetopt prompt_sp; fpath=(${this.folder}/zsh $fpath); autoload -Uz compinit; compinit -u; LISTMAX=1000; unsetopt zle_bracketed_paste 2>/dev/null`,
      fish: `function fish_prompt; echo -n '${PROMPT}'; end; source ${this.folder}/banjour.fish`,
    }[this.kind];
    await this.#shell.enter(setup);
    return this;
  }

  complete(line: string): Promise<string> {
    return this.#shell.complete(line);
  }
  enter(line: string): Promise<string> {
    return this.#shell.enter(line);
  }
  /** Command lines that banjour was started with. */
  asked(): string[] {
    return linesOf(this.#asked);
  }
  /** Commands whose `run` was entered. */
  entered(): string[] {
    return linesOf(this.#entered);
  }
  async end(): Promise<void> {
    await this.#shell.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A built module of its own; what the program loads has several in one file. */
function built(module: string): string {
  return JSON.stringify(join(process.cwd(), 'dist/src', module));
}

function linesOf(path: string): string[] {
  return existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n') : [];
}

const scripts = new Map<Shell, string>();
beforeAll(async () => {
  for (const shell of SHELLS)
    scripts.set(shell, (await caught((terminal) => runCli(['completion', shell], terminal))).out);
});

for (const shell of SHELLS) {
  const onPty = needs(
    hasCommand(shell) && hasCommand('script') && canWrite[0],
    `${shell} or script is not installed`,
  );
  describe(`completion in ${shell}`, () => {
    onPty(
      'carries out no command, whatever stands in the line',
      async () => {
        const host = await new Host().start();
        const typed = await new Typed(shell, host.run, { answersOnce: true }).start();
        try {
          await host.banjour('ban', 'sshd', '198.51.100.7');
          for (const line of LINES) await typed.complete(line);
          expect(typed.entered()).toEqual([]);
          expect(
            typed
              .asked()
              .filter((words) => !/^__complete (?:jails|banned|jails-and-banned)$/.test(words)),
          ).toEqual([]);
          expect((await host.banjour('banned')).out).toMatch(/^198\.51\.100\.7 /m);
          // The spy does see a command that is entered.
          await typed.enter('banjour doctor');
          expect(typed.entered()).toEqual(['doctor']);
        } finally {
          await typed.end();
          await host.end();
        }
      },
      180_000,
    );

    onPty(
      'offers commands, options, words, and what the agent knows',
      async () => {
        const host = await new Host().start();
        const typed = await new Typed(shell, host.run).start();
        try {
          await host.banjour('ban', 'sshd', '198.51.100.7', '2001:db8:7::/64');
          const offers = async (line: string, ...words: string[]) => {
            const look = async () => (await typed.complete(line)).replaceAll(/\r|\n/g, ' ');
            let seen = await look();
            // What the agent knows comes within its deadline or not at all: a busy machine may need
            // another TAB.
            for (let again = 0; again < 5; again++)
              if (!words.every((word) => seen.includes(word))) seen = await look();
            for (const word of words)
              expect([line, seen]).toEqual([line, expect.stringContaining(word)]);
          };
          await offers('banjour ', ...COMMANDS.map(({ name }) => name));
          await offers('banjour --', '--json', '--run-dir');
          await offers('banjour stat', 'stats', 'status');
          await offers('banjour ban --b', '--bantime');
          await offers('banjour --json ban --fo', '--force');
          await offers('banjour import --no-', '--no-config', '--no-bans');
          await offers('banjour config ', 'check', 'show');
          await offers('banjour events --only ', 'found', 'unban', 'refused');
          await offers('banjour events --only=unb', '--only=unban');
          await offers('banjour service rem', 'remove');
          expect(typed.asked()).toEqual([]);
          await offers('banjour status ', 'postfix-sasl', 'dovecot', 'sshd');
          await offers('banjour ban dov', 'dovecot');
          await offers('banjour unban --jail ss', 'sshd');
          await offers('banjour unban --jail=ss', '--jail=sshd');
          await offers('banjour unban 198', '198.51.100.7');
          await offers('banjour unban 198.51.100.7 2001:db8:', '2001:db8:7::/64');
          await offers('banjour history ', 'postfix-sasl', '198.51.100.7');
          await offers(`banjour --run-dir ${host.run} status pos`, 'postfix-sasl');
          expect(typed.asked().at(-1)).toBe(`__complete jails --run-dir ${host.run}`);
        } finally {
          await typed.end();
          await host.end();
        }
      },
      180_000,
    );

    onPty(
      'is silent without an agent',
      async () => {
        const typed = await new Typed(shell, '/nonexistent').start();
        try {
          const seen = await typed.complete('banjour status ');
          expect(typed.asked()).toEqual(['__complete jails']);
          expect(seen).not.toMatch(/no agent|banjour:|ENOENT|rror/);
        } finally {
          await typed.end();
        }
      },
      60_000,
    );
  });
}

describe('the question of completion', () => {
  let folder: string;
  let server: Server | undefined;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'banjour-complete-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** An agent that answers each request after so long; `undefined` never. */
  async function agent(
    answer: (path: string) => unknown,
    afterMs: number | undefined,
  ): Promise<void> {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (data) => {
        const body = JSON.stringify(answer(/^\S+ (\S+)/.exec(String(data))?.[1] ?? ''));
        const reply = () =>
          socket.end(
            `HTTP/1.1 200 OK\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
          );
        if (afterMs === undefined) return;
        if (afterMs === 0) reply();
        else setTimeout(reply, afterMs);
      });
    });
    await new Promise<void>((resolve) => server?.listen(join(folder, 'status.sock'), resolve));
  }
  const end = () =>
    new Promise<void>((resolve) =>
      server === undefined ? resolve() : server.close(() => resolve()),
    );
  const status = (currentlyBanned: number) => ({ jails: [{ jail: 'sshd', currentlyBanned }] });

  test('enters no run', async () => {
    const spies = COMMANDS.map((command) => jest.spyOn(command, 'run'));
    for (const kind of [
      'jails',
      'banned',
      'nonsense',
      '--help',
      ...COMMANDS.map(({ name }) => name),
    ]) {
      const { code, err } = await caught((terminal) =>
        runCli(['__complete', kind, '--run-dir', folder], terminal),
      );
      expect([kind, code, err]).toEqual([kind, 0, '']);
    }
    for (const spy of spies) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });

  test('gives up after its time, and not before', async () => {
    const late = jest.spyOn(AbortSignal, 'timeout');
    await agent(() => status(0), undefined);
    expect(await completionValues(['jails', '--run-dir', folder])).toEqual([]);
    expect(late).toHaveBeenCalledWith(COMPLETION_MS_MAX);
    late.mockRestore();
    await end();
    await agent(() => status(0), 0);
    expect(await completionValues(['jails', '--run-dir', folder])).toEqual(['sshd']);
    await end();
  });

  test('asks for as many bans as it may, and for no list that is longer', async () => {
    const paths: string[] = [];
    for (const count of [COMPLETION_VALUES_MAX, COMPLETION_VALUES_MAX + 1]) {
      paths.length = 0;
      await agent((path) => {
        paths.push(path);
        if (path.endsWith('/status')) return status(count);
        return Array.from({ length: count }, (_, index) => ({
          target: `10.0.${index >> 8}.${index & 255}`,
        }));
      }, 0);
      const found = await completionValues(['banned', '--run-dir', folder]);
      expect([found.length, paths.length]).toEqual(
        count > COMPLETION_VALUES_MAX ? [0, 1] : [count, 2],
      );
      await end();
    }
  });

  test('leaves out what a shell would have to quote', async () => {
    await agent(
      () => ({
        jails: [{ jail: '$(reboot)' }, { jail: 'a b' }, { jail: '`x`' }, { jail: 'ok-1' }],
      }),
      0,
    );
    expect(await completionValues(['jails', '--run-dir', folder])).toEqual(['ok-1']);
    await end();
  });
});
