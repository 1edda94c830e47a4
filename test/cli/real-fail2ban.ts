/**
 * A real fail2ban 1.1 of Debian 13, with the jails of `test/control/host.ts` and an action that
 * does nothing, in the cached root file system of the end-to-end suite: in namespaces of its own,
 * on a tmpfs of its own.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer } from './golden.js';

const CACHE = process.env['BANJOUR_E2E_CACHE'] ?? '/var/cache/banjour-e2e';

/** The root file system, if the end-to-end suite has built it. */
export function trixie(): string | undefined {
  if (!existsSync(CACHE)) return undefined;
  const name = readdirSync(CACHE).find((one) => /^trixie-[0-9a-f]+$/.test(one));
  const root = name === undefined ? undefined : join(CACHE, name);
  return root !== undefined && existsSync(join(root, 'usr/bin/fail2ban-server')) ? root : undefined;
}

const SCRIPT = `
set -e
root=$1; shift
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/tmp/c/action.d" "$root/tmp/c/filter.d"
cat > "$root/tmp/c/fail2ban.conf" <<END
[Definition]
loglevel = INFO
logtarget = /tmp/log
syslogsocket = auto
socket = /tmp/sock
pidfile = /tmp/pid
dbfile = /tmp/db
dbpurgeage = 1d
dbmaxmatches = 10
allowipv6 = auto
END
cat > "$root/tmp/c/action.d/dummy.conf" <<END
[Definition]
actionban = true
actionunban = true
END
cat > "$root/tmp/c/filter.d/f.conf" <<END
[Definition]
failregex = ^\\\\S+ bad <HOST>\\$
journalmatch = _SYSTEMD_UNIT=postfix.service + _SYSTEMD_UNIT=postfix@-.service
END
cat > "$root/tmp/c/jail.conf" <<END
[DEFAULT]
bantime = 3600
findtime = 600
maxretry = 5
ignoreip = 127.0.0.1/8 ::1
ignoreself = false
backend = systemd
filter = f
action = dummy
[postfix-sasl]
enabled = true
[dovecot]
enabled = true
journalmatch = _SYSTEMD_UNIT=dovecot.service
[sshd]
enabled = true
bantime = -1
END
client() { chroot "$root" env -i PATH=/usr/bin:/bin LANG=C.UTF-8 TZ=UTC python3 -W ignore /usr/bin/fail2ban-client -c /tmp/c "$@"; }
client start >/dev/null 2>&1
tries=0
until client ping >/dev/null 2>&1; do tries=$((tries+1)); [ $tries -lt 240 ]; sleep 0.25; done
banning=
ask() {
  set +e
  # What was banned must have got to the action's thread before the next command looks.
  case $1 in set*banip*|set*attempt*) banning=1;; *) [ -z "$banning" ] || sleep 2; banning=;; esac
  client $1 > "$root/tmp/out" 2>/dev/null
  code=$?
  set -e
  printf '%s\\0%s\\0' "$1" "$code"; cat "$root/tmp/out"; printf '\\0'
}
while [ "$1" != -- ]; do ask "$1"; shift; done
shift
client stop >/dev/null 2>&1
for line; do ask "$line"; done
`;

/** Asks the real program; `after` is asked when the server has stopped. */
export function askReal(
  root: string,
  lines: readonly string[],
  after: readonly string[],
): Answer[] {
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['-nmpf', '--mount-proc', 'bash', '-c', SCRIPT, 'bash', root, ...lines, '--', ...after],
    { encoding: 'utf8', timeout: 240_000, maxBuffer: 16 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(`the real fail2ban could not be asked: ${stderr}`);
  const parts = stdout.split('\0');
  const answers: Answer[] = [];
  for (let at = 0; at + 2 < parts.length; at += 3)
    answers.push({
      line: parts[at] as string,
      code: Number(parts[at + 1]),
      out: parts[at + 2] as string,
    });
  return answers;
}
