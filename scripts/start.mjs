/**
 * `npm start`: sets up, then shows the main job on a recorded attack: the journal that is shipped under examples/,
 * judged by the shipped jails, bans pushed into nftables inside a private network namespace; this host is not touched.
 * `sudo npm start -- --host`: the same live, on this host's own journal and firewall.
 */
import { fail, isRoot, openly, quietly, say, which } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const JOURNAL = 'examples/journal/lab-session.export.gz';
/** The command lines of the two ways, below node. */
const DEMONSTRATION = ['dist/src/main.js', 'replay', JOURNAL, '--into-kernel'];
const LIVE = ['dist/src/main.js', 'run'];

/** The prefix that gives a program a network namespace of its own: as root, or through a user namespace. */
function privateNetwork() {
  if (which('nft') === undefined) fail('nft is missing: sudo apt-get install -y nftables');
  const command = ['unshare', ...(isRoot ? ['-n'] : ['-r', '-n'])];
  if (quietly(command[0], [...command.slice(1), which('nft'), 'list', 'ruleset']).ok) return command;
  fail(
    isRoot
      ? 'nft does not work in a new network namespace (unshare -n nft list ruleset); does this kernel have nf_tables?'
      : 'no user namespaces for ordinary users here, so no private network namespace; run it as root: sudo npm start',
  );
}

const [way, ...more] = process.argv.slice(2);
if (way === '--help') {
  process.stdout.write('npm start             replay a recorded attack into a private network namespace\n');
  process.stdout.write('sudo npm start -- --host   protect this host: its journal, its firewall, until Ctrl-C\n');
} else if (way === '--host') {
  if (!isRoot) fail("the host's journal and firewall need root: sudo npm start -- --host");
  setUp('build');
  say("watching this host's journal; bans go into its nftables. Ctrl-C stops (bans stay until they end)");
  process.exitCode = openly(process.execPath, [...LIVE, ...more]);
} else if (way !== undefined) {
  fail(`unknown argument "${way}"; see npm start -- --help`);
} else {
  setUp('build');
  const [command, ...flags] = privateNetwork();
  say(`replaying ${JOURNAL} into nftables of a private network namespace`);
  process.exitCode = openly(command, [...flags, process.execPath, ...DEMONSTRATION]);
}
