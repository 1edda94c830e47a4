/**
 * `npm run versions [-- ROW...] [--full | --smoke]`: Banjour on each Node that packaging/node.json pins, the
 * registry's own builds. A ROW is a version or its beginning, an architecture, or both: `20 24-arm64`;
 * without one all of them run. An agent starts, bans in a kernel and stops; the recorded attack is
 * replayed; the suite of the native edge passes, but for the guard's, which needs a compiler.
 * `--full`: the whole suite instead of the last; `--smoke`: none. arm64 runs under qemu-user, and
 * its agent without a kernel: qemu has no netlink of netfilter. Each row runs on a copy of a root
 * file system that is built once, in name spaces of its own; one that fails stops no other. Needs
 * root, and for arm64 Linux 6.7 (binfmt_misc in a user namespace).
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineRoot, onMachine, replay, start } from './lib/machine.mjs';
import { compileNative } from './lib/package/compile.mjs';
import { fetched, locked, nodeFrom, PINNED, unpacked } from './lib/package/registry.mjs';
import { selfContained } from './lib/package/targets.mjs';
import { rowsMeant, rowsOf } from './lib/rows.mjs';
import { fail, isRoot, openly, ROOT, say, since, tail } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const WORK = '.cache/versions';
/** jest needs a compiled part of its own. */
const RESOLVER = '@unrs/resolver-binding-linux-arm64-gnu';

/** Node, the project, and the row's compiled parts and modules. */
const PLACE = `
mkdir -p "$at/opt/node"; mount --rbind "$node" "$at/opt/node"
mount -t overlay overlay -o "lowerdir=$project,upperdir=$work/project,workdir=$work/inner2" "$home"
mount -t overlay overlay -o "lowerdir=$modules:$project/node_modules" "$home/node_modules"
mkdir -p "$home/build"; cp "$compiled/build/banjour-batch.so" "$home/build/"`;

const PROGRAM = 'node dist/src/main.js';
const SESSION = 'examples/journal/lab-session.export.gz';

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
  const variables = { node, compiled, modules: modules.join(':'), project: ROOT };
  return { arch, place: PLACE, variables };
}

function commandLine() {
  try {
    const { positionals, values } = parseArgs({
      options: {
        full: { type: 'boolean' },
        smoke: { type: 'boolean' },
        prepare: { type: 'boolean' },
      },
      allowPositionals: true,
    });
    return { values, wanted: rowsMeant(rowsOf(PINNED), positionals) };
  } catch (error) {
    return fail(error.message);
  }
}

const { values, wanted } = commandLine();
if (!isRoot) fail('root file systems and name spaces need root: sudo npm run versions');
setUp('package');
machineRoot();
/** The tests of a row; undefined where it has none. */
function suite() {
  if (values.smoke) return undefined;
  return values.full ? jest() : jest('test/native/[^g]', 'test/journal/systemd', 'test/ledger');
}
// qemu-user knows no netlink of netfilter (socket(2) fails with EPROTONOSUPPORT).
const stepsOn = (arch) => ({
  'start, ban, stop': start(PROGRAM, SESSION, arch !== process.arch),
  replay: replay(PROGRAM, SESSION),
  suite: suite(),
});

/** The row's cells. What cannot be prepared, such as a part that does not compile, is one of them. */
function cellsOf(name) {
  const [version, arch] = name.split('-');
  // In a process of its own, which ends at what fails, while the other rows go on.
  if (openly(process.execPath, ['scripts/versions.mjs', '--prepare', name]) !== 0)
    return Object.keys(stepsOn(arch)).map(() => 'FAILED (not prepared)');
  const row = prepare(version, arch);
  return Object.entries(stepsOn(arch)).map(([step, script]) => {
    if (script === undefined) return 'not run';
    say(`Node ${version}, ${arch}: ${step}`);
    const begun = performance.now();
    const { ok, output } = onMachine(row, script);
    if (!ok) process.stdout.write(`${tail(output)}\n`);
    return ok ? `${output.trim() || 'ok'}, ${since(begun)}` : 'FAILED';
  });
}

if (values.prepare) {
  for (const name of wanted) prepare(...name.split('-'));
  process.exit();
}
const lines = [];
for (const name of wanted) {
  const cells = cellsOf(name);
  if (cells.some((cell) => cell.startsWith('FAILED'))) process.exitCode = 1;
  lines.push(`| ${[...name.split('-'), ...cells].join(' | ')} |`);
}
const head = ['Node', 'machine', ...Object.keys(stepsOn(process.arch))];
process.stdout.write(`\n| ${head.join(' | ')} |\n|${head.map(() => ' --- |').join('')}\n`);
process.stdout.write(`${lines.join('\n')}\n`);
