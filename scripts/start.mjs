/**
 * `npm start`: sets up, then shows the main job on a recorded attack: the journal that is shipped
 * under examples/, judged by the shipped jails, bans pushed into nftables inside a private network
 * namespace; this host is not touched. `sudo npm start -- --host`: the same live, on this host's
 * own journal and firewall.
 */
import { fail, isRoot, openly, quietly, say, which } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

const JOURNAL = 'examples/journal/lab-session.export.gz';
/** The command lines of the two ways, below node. */
const DEMONSTRATION = ['dist/src/main.js', 'replay', JOURNAL, '--into-kernel', '--no-pager'];
const LIVE = ['dist/src/main.js', 'run'];

const HELP = `npm start                  replay a recorded attack into a private network namespace, and sum up
npm start -- --verbose     the same, with each failure, each ban and each element in the kernel
sudo npm start -- --host   protect this host: its journal, its firewall, until Ctrl-C
`;

/** What the demonstration was, for somebody who sees Banjour for the first time. */
const SUMMARY = `What you saw: three minutes of a real Postfix, Dovecot and sshd under attack, judged by the four jails that are on by
default (three failures within an hour; the jail login weighs them), and the bans in a real nftables table. This host's own firewall was not touched.
The list "Banned, but also logged in" shows who could be a user of yours. This recording has such addresses on purpose:
"fd77::/64" is a network that alice shares with attackers; the other three failed three times and then got in, as a user does
who remembers late, or an attacker who guessed right.

Next:
  npm start -- --verbose           each failure and each ban as it is decided
  node dist/src/main.js replay --since 7d -q
                                   what Banjour would have done on this host in the last week; bans nobody
  sudo npm start -- --host         protect this host until Ctrl-C
  docs/install.md                  install it as a service
  docs/from-fail2ban.md            bring your fail2ban jails, filters and bans
`;

/**
 * The prefix that gives a program a network namespace of its own: as root, or through a user
 * namespace.
 */
function privateNetwork() {
  if (which('nft') === undefined) fail('nft is missing: sudo apt-get install -y nftables');
  const command = ['unshare', ...(isRoot ? ['-n'] : ['-r', '-n'])];
  if (quietly(command[0], [...command.slice(1), which('nft'), 'list', 'ruleset']).ok)
    return command;
  fail(
    isRoot
      ? 'nft does not work in a new network namespace (unshare -n nft list ruleset); does this kernel have nf_tables?'
      : 'no user namespaces for ordinary users here, so no private network namespace; run it as root: sudo npm start',
  );
}

/** Runs the demonstration; returns its exit status. */
function demonstrate(verbose) {
  setUp('build');
  const [command, ...flags] = privateNetwork();
  say(`replaying ${JOURNAL} into nftables of a private network namespace`);
  const status = openly(command, [
    ...flags,
    process.execPath,
    ...DEMONSTRATION,
    ...(verbose ? [] : ['--quiet']),
  ]);
  if (status === 0) process.stdout.write(`\n${SUMMARY}`);
  return status;
}

const [way, ...more] = process.argv.slice(2);
if (way === '--help') {
  process.stdout.write(HELP);
} else if (way === '--host') {
  if (!isRoot) fail("the host's journal and firewall need root: sudo npm start -- --host");
  setUp('build');
  say(
    "watching this host's journal; bans go into its nftables. Ctrl-C stops (bans stay until they end)",
  );
  process.exitCode = openly(process.execPath, [...LIVE, ...more]);
} else if (way === undefined || way === '--verbose') {
  process.exitCode = demonstrate(way === '--verbose');
} else {
  fail(`unknown argument "${way}"; see npm start -- --help`);
}
