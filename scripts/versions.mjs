/**
 * `npm run versions [-- VERSION[-ARCH]... | --full]`: Banjour on each Node that packaging/node.json
 * pins, the registry's own builds: an agent starts, bans in a kernel and stops; the recorded attack
 * is replayed; the suite of the native edge passes, but for the guard's, which needs a compiler.
 * `--full`: the whole suite instead of the last.
 * arm64 runs under qemu-user, and its agent without a kernel: qemu has no netlink of netfilter. Each row runs on a copy of a root file system that is built once, in
 * name spaces of its own. Needs root, and for arm64 Linux 6.7 (binfmt_misc in a user namespace).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { debianRoot } from './lib/debian-root.mjs';
import { compileNative } from './lib/package/compile.mjs';
import { fetched, locked, nodeFrom, PINNED, unpacked } from './lib/package/registry.mjs';
import { selfContained } from './lib/package/targets.mjs';
import { fail, isRoot, quietly, ROOT, say, since, tail } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const PACKAGES = [
  ...['iproute2', 'nftables', 'procps', 'systemd', 'systemd-journal-remote', 'util-linux'],
  ...['libstdc++6:arm64', 'libsystemd0:arm64', 'qemu-user-static'],
  // Node 26 asks for it.
  'libatomic1',
];
const WORK = '.cache/versions';
/** jest needs a compiled part of its own. */
const RESOLVER = '@unrs/resolver-binding-linux-arm64-gnu';

/** Mounts a machine around a copy of `$root` that ends with it, and the project in it. */
const ENTER = `
mount -t tmpfs tmpfs "$work"
mkdir "$work/root" "$work/upper" "$work/inner" "$work/project" "$work/inner2"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/upper,workdir=$work/inner" "$work/root"
at=$work/root; home=$at/home/banjour; mkdir -p "$home" "$at/opt/node"
mount -t overlay overlay -o "lowerdir=$project,upperdir=$work/project,workdir=$work/inner2" "$home"
mount -t overlay overlay -o "lowerdir=$modules:$project/node_modules" "$home/node_modules"
mkdir -p "$home/build"; cp "$compiled/build/banjour-batch.so" "$home/build/"
mount --rbind "$node" "$at/opt/node"
mount -t proc proc "$at/proc"; mount --rbind /sys "$at/sys"; mount --rbind /dev "$at/dev"
mount -t tmpfs tmpfs "$at/run"; mount -t tmpfs tmpfs "$at/tmp"
if [ "$arch" != x64 ]; then
  mount -t binfmt_misc binfmt_misc "$at/proc/sys/fs/binfmt_misc"
  printf '%s' ':arm64:M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff:'"$at"'/usr/bin/qemu-aarch64-static:F' > "$at/proc/sys/fs/binfmt_misc/register"
fi
ip link set lo up
exec chroot "$at" env -i PATH=/opt/node/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 sh -euc "cd /home/banjour; $script"
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

/** An agent reads a journal, bans, says so, and stops. `dry`: without a kernel. */
const start = (dry) => `
mkdir -p /var/log/journal/x /tmp/etc /tmp/state /tmp/run; systemd-machine-id-setup > /dev/null 2>&1
zcat examples/journal/lab-session.export.gz > /tmp/session.export
/lib/systemd/systemd-journal-remote -o /var/log/journal/x/system.journal /tmp/session.export > /dev/null 2>&1
printf '[DEFAULT]\\nsource = directory /var/log/journal/x\\n' > /tmp/etc/jail.local
banjour() { node dist/src/main.js "$@" --run-dir /tmp/run; }
said() { status=$?; [ $status = 0 ] || { echo "ended with $status"; tail -n 20 /tmp/log /tmp/ping; }; }
trap said EXIT
# Not through the function: $! would be a shell's around it, which a signal ends before the agent.
node dist/src/main.js run --config-dir /tmp/etc --state-dir /tmp/state --run-dir /tmp/run ${dry ? '--dry-run' : ''} > /tmp/log 2>&1 & agent=$!
for i in $(seq 100); do banjour ping > /tmp/ping 2>&1 && break; kill -0 $agent; sleep 0.2; done
grep -q pong /tmp/ping
banjour ban sshd 203.0.113.9 > /dev/null
banjour status sshd | grep -q 203.0.113.9
${dry ? 'printf "ok, dry run"' : 'nft list set inet banjour ban4.sshd | grep -q 203.0.113.9'}
kill $agent
wait $agent`;

const REPLAY = `
node dist/src/main.js replay examples/journal/lab-session.export.gz --json > /tmp/events
printf '%s bans' "$(grep -c '"event":"ban"' /tmp/events)"`;

const jest = (...patterns) => `
node --experimental-vm-modules --no-warnings node_modules/jest/bin/jest.js -i --silent ${patterns.join(' ')} > /tmp/jest 2>&1 || { grep -E '●|✕|Error|expected' /tmp/jest | head -30; tail -8 /tmp/jest; exit 1; }
sed -n 's/^Tests: *//p' /tmp/jest`;

/** Node, compiled parts and, for arm64, what jest needs, in place for a row. */
function prepare(version, arch) {
  const node = join(ROOT, WORK, `node-${version}-${arch}`);
  if (!existsSync(join(node, 'bin/node'))) nodeFrom(version, arch, node);
  const compiled = compileNative(selfContained(arch, version));
  const modules = [join(compiled, 'node_modules')];
  if (arch !== process.arch) {
    const { version: newest, integrity } = locked(RESOLVER);
    const folder = join(ROOT, WORK, 'resolver');
    unpacked(fetched(RESOLVER, newest, integrity), join(folder, RESOLVER));
    modules.push(folder);
  }
  return { node, compiled, modules: modules.join(':'), arch, project: ROOT };
}

/** Runs a script on the row's machine; what it said, and how long it took. */
function runOn(row, root, script) {
  const work = join(ROOT, WORK, 'machine');
  quietly('mkdir', ['-p', work]);
  const spaces = ['--mount', '--net', '--pid', '--ipc', '--fork', '--kill-child'];
  const enter = ['unshare', ...spaces, 'sh', '-euc', ENTER];
  const [program = '', ...words] =
    row.arch === process.arch ? enter : ['sh', '-euc', AS_ROOT_OF_ITS_OWN, 'sh', ...enter];
  const start = performance.now();
  const env = { ...process.env, ...row, root, work, script };
  const { ok, output } = quietly(program, words, { env });
  return { ok, text: output.trim(), took: since(start) };
}

const { positionals, values } = parseArgs({
  options: { full: { type: 'boolean' } },
  allowPositionals: true,
});
if (!isRoot) fail('root file systems and name spaces need root: sudo npm run versions');
const rows = Object.keys(PINNED.versions)
  .flatMap((version) => [`${version}-x64`, `${version}-arm64`])
  .filter((row) => row.endsWith('-x64') || row === `${PINNED.packaged}-arm64`);
const wanted =
  positionals.length === 0
    ? rows
    : positionals.flatMap((word) => {
        const found = rows.filter((row) => row === word || row.startsWith(`${word}-`));
        return found.length > 0 ? found : fail(`"${word}" is none of ${rows.join(', ')}`);
      });
setUp('package');
const root = debianRoot('versions', 'bookworm', PACKAGES);
const native = values.full
  ? jest()
  : jest('test/native/[^g]', 'test/journal/systemd', 'test/ledger');
// qemu-user knows no netlink of netfilter (socket(2) fails with EPROTONOSUPPORT).
const stepsOn = (arch) => ({
  'start, ban, stop': start(arch !== process.arch),
  replay: REPLAY,
  suite: native,
});
const lines = [];
for (const name of wanted) {
  const [version, arch] = name.split('-');
  const row = prepare(version, arch);
  const cells = [];
  for (const [step, script] of Object.entries(stepsOn(arch))) {
    say(`Node ${version}, ${arch}: ${step}`);
    const { ok, text, took } = runOn(row, root, script);
    if (!ok) process.exitCode = 1;
    if (!ok) process.stdout.write(`${tail(text)}\n`);
    cells.push(ok ? `${text === '' ? 'ok' : text}, ${took}` : 'FAILED');
  }
  lines.push(`| ${[version, arch, ...cells].join(' | ')} |`);
}
const head = ['Node', 'machine', ...Object.keys(stepsOn(process.arch))];
process.stdout.write(`\n| ${head.join(' | ')} |\n|${head.map(() => ' --- |').join('')}\n`);
process.stdout.write(`${lines.join('\n')}\n`);
