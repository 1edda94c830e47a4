/**
 * What a real fail2ban makes of a configuration: the commands that its client would send to its
 * server.
 */
import { spawnSync } from 'node:child_process';

export interface DumpedJail {
  readonly settings: ReadonlyMap<string, string>;
  readonly ignoreip: readonly string[];
  readonly logpaths: readonly string[];
  readonly failregex: readonly string[];
  /** Name and parameters of each action. */
  readonly actions: readonly {
    readonly name: string;
    readonly parameters: ReadonlyMap<string, string>;
  }[];
}

/**
 * Everything is mounted in a namespace of its own; the log files are there, since fail2ban leaves
 * out what is not.
 */
const SCRIPT = `
set -e
root=$1 package=$2 etc=$3
mount --bind "$etc" "$root/etc/fail2ban"
mount --bind "$package/usr/lib/python3/dist-packages/fail2ban" "$root/usr/lib/python3/dist-packages/fail2ban"
mount -t tmpfs tmpfs "$root/var/log"
for file in $4; do mkdir -p "$root$(dirname "$file")"; : > "$root$file"; done
chroot "$root" env -i PATH=/usr/bin:/bin LANG=C.UTF-8 python3 -B -W ignore /usr/bin/fail2ban-client -d |
  chroot "$root" python3 -c 'import sys, ast, json
print(json.dumps([ast.literal_eval(line) for line in sys.stdin if line.startswith("[")]))'
`;

/**
 * The jails that fail2ban would run with `etc` in the place of /etc/fail2ban. `root` is a Debian
 * with a fail2ban, whose program is replaced by that of the unpacked `packaged`.
 */
export function dumpFail2ban(
  root: string,
  packaged: string,
  etc: string,
  logs: readonly string[],
): Map<string, DumpedJail> {
  const { stdout, stderr } = spawnSync(
    'unshare',
    ['-nm', 'bash', '-c', SCRIPT, 'bash', root, packaged, etc, logs.join(' ')],
    {
      encoding: 'utf8',
      timeout: 60_000,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  let commands: unknown[][];
  try {
    commands = JSON.parse(stdout) as unknown[][];
  } catch {
    throw new Error(`the real fail2ban does not take the configuration: ${stderr}`);
  }
  if (commands.length === 0)
    throw new Error(`the real fail2ban does not take the configuration: ${stderr}`);
  const started = commands.filter(([word]) => word === 'start').map(([, jail]) => String(jail));
  return new Map(started.map((jail) => [jail, jailOf(commands, jail)]));
}

function jailOf(commands: readonly unknown[][], jail: string): DumpedJail {
  const own = commands
    .filter((command) => command[1] === jail)
    .map(([word, , ...rest]) => ({ word, rest }));
  const set = own.filter(({ word }) => word === 'set').map(({ rest }) => rest.map(String));
  const of = (key: string) =>
    set.filter(([name]) => name === key).flatMap(([, ...values]) => values);
  const multi = own.filter(({ word }) => word === 'multi-set');
  const regexes = multi
    .filter(({ rest }) => rest[0] === 'addfailregex')
    .flatMap(({ rest }) => rest[1] as string[]);
  const actions = of('addaction').map((name) => {
    const parameters =
      multi.find(({ rest }) => rest[0] === 'action' && rest[1] === name)?.rest[2] ?? [];
    return {
      name,
      parameters: new Map(
        (parameters as unknown[][]).map(([key, value]) => [String(key), String(value)]),
      ),
    };
  });
  return {
    settings: new Map(set.map(([key = '', value = '']) => [key, value])),
    ignoreip: of('addignoreip'),
    logpaths: set.filter(([name]) => name === 'addlogpath').map(([, path = '']) => path),
    failregex: [...of('addfailregex'), ...regexes],
    actions,
  };
}
