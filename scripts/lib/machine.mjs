/**
 * A machine around a copy of a root file system, in name spaces of its own, that ends with what it
 * runs; of another architecture under qemu-user. And what is tried on it: an agent, a replay.
 */
import { join } from 'node:path';
import { debianRoot } from './debian-root.mjs';
import { quietly, ROOT } from './run.mjs';

const PACKAGES = [
  ...['iproute2', 'nftables', 'procps', 'systemd', 'systemd-journal-remote', 'util-linux'],
  ...['libstdc++6:arm64', 'libsystemd0:arm64', 'qemu-user-static'],
  // Node 26 asks for it.
  'libatomic1',
];
/** What a machine says that cannot be of another architecture on this kernel. */
export const NO_QEMU =
  'no binfmt_misc in a user namespace: programs of another architecture need Linux 6.7 or later';

/** Debian 12 with libraries of both architectures, and no Node. */
export const machineRoot = () => debianRoot('versions', 'bookworm', PACKAGES);

/** Mounts a machine around a copy of `$root`, below the layers `$above`; `$place` adds to it. */
const ENTER = `
mount -t tmpfs tmpfs "$work"
mkdir "$work/root" "$work/upper" "$work/inner" "$work/project" "$work/inner2"
mount -t overlay overlay -o "lowerdir=$above$root,upperdir=$work/upper,workdir=$work/inner" "$work/root"
at=$work/root; home=$at/home/banjour; mkdir -p "$home"
eval "$place"
mount -t proc proc "$at/proc"; mount --rbind /sys "$at/sys"; mount --rbind /dev "$at/dev"
mount -t tmpfs tmpfs "$at/run"; mount -t tmpfs tmpfs "$at/tmp"
if [ "$arch" != x64 ]; then
  mount -t binfmt_misc binfmt_misc "$at/proc/sys/fs/binfmt_misc" || { echo '${NO_QEMU}'; exit 1; }
  printf '%s' ':arm64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:'"$at"'/usr/bin/qemu-aarch64-static:F' > "$at/proc/sys/fs/binfmt_misc/register"
fi
ip link set lo up
exec chroot "$at" env -i PATH=/opt/node/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 sh -euc "cd /home/banjour; $script"
`;

/**
 * Runs the rest of the words in a user namespace with all users of a host: only in one of its own
 * can binfmt_misc be told of qemu without telling this host, and tests become other users.
 */
const AS_ROOT_OF_ITS_OWN = `
gate=$(mktemp -u); mkfifo "$gate"
unshare --user sh -euc 'read -r _ < "$0"; rm "$0"; exec "$@"' "$gate" "$@" & child=$!
until [ "$(readlink /proc/$child/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do sleep 0.05; done
for map in uid_map gid_map; do echo 0 0 65536 > "/proc/$child/$map"; done
echo > "$gate"
wait $child`;

/**
 * Runs a script on a machine of `arch`. `above`: folders that lie over its root; `place`: what is
 * mounted in it at `$at` before it starts, with `variables`. Returns whether it succeeded, and its
 * output.
 * @param {{ arch: string, above?: string[], place?: string, variables?: object }} machine
 * @param {string} script
 */
export function onMachine({ arch, above = [], place = '', variables = {} }, script) {
  const work = join(ROOT, '.cache/machine');
  quietly('mkdir', ['-p', work]);
  const spaces = ['--mount', '--net', '--pid', '--ipc', '--fork', '--kill-child'];
  const enter = ['unshare', ...spaces, 'sh', '-euc', ENTER];
  const [program = '', ...words] =
    arch === process.arch ? enter : ['sh', '-euc', AS_ROOT_OF_ITS_OWN, 'sh', ...enter];
  const layers = above.map((folder) => `${folder}:`).join('');
  const own = { root: machineRoot(), work, arch, above: layers, place, script };
  return quietly(program, words, { env: { ...process.env, ...variables, ...own } });
}

/**
 * An agent reads a recorded journal, bans, says so, and stops. `dry`: without a kernel. Under qemu on
 * a busy machine a question's deadline may pass: it is asked again.
 */
export const start = (program, session, dry) => `
mkdir -p /var/log/journal/x /tmp/etc /tmp/state /tmp/run; systemd-machine-id-setup > /dev/null 2>&1
zcat ${session} > /tmp/session.export
/lib/systemd/systemd-journal-remote -o /var/log/journal/x/system.journal /tmp/session.export > /dev/null 2>&1
printf '[DEFAULT]\\nsource = directory /var/log/journal/x\\n' > /tmp/etc/jail.local
ask() { ${program} "$@" --run-dir /tmp/run; }
again() { for i in $(seq 100); do ask "$@" > /tmp/answer 2>&1 && return; kill -0 $agent; sleep 0.2; done; return 1; }
said() { status=$?; [ $status = 0 ] || { echo "ended with $status"; tail -n 20 /tmp/log /tmp/answer; }; }
trap said EXIT
# Not through the function: $! would be a shell's around it, which a signal ends before the agent.
${program} run --config-dir /tmp/etc --state-dir /tmp/state --run-dir /tmp/run ${dry ? '--dry-run' : ''} > /tmp/log 2>&1 & agent=$!
again ping
grep -q pong /tmp/answer
again ban sshd 203.0.113.9
again status sshd
grep -q 203.0.113.9 /tmp/answer
${dry ? 'printf "ok, dry run"' : 'nft list set inet banjour ban4.sshd | grep -q 203.0.113.9'}
kill $agent
wait $agent`;

/** The bans of the recorded attack. */
export const replay = (program, session) => `
${program} replay ${session} --json > /tmp/events
printf '%s bans' "$(grep -c '"event":"ban"' /tmp/events)"`;
