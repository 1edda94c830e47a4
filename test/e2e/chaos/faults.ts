/**
 * What is done to the agent and its host. A fault begins, lasts while attackers go on, and is taken
 * back.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../lib/random.js';
import { sleep } from '../lib/shell.js';
import { type Host, STATE } from './host.js';

export interface Fault {
  readonly kind: string;
  /** It takes the table, or parts of it, out of the kernel itself. */
  readonly tears?: true;
  /** Decisions are in the kernel alone until the agent has taken them from there. */
  readonly forgets?: true;
  /**
   * What is not yet judged would be lost for everybody: it begins when all is judged, and no attack
   * spans it.
   */
  readonly quiet?: true;
  readonly begin: (host: Host, random: Random) => Promise<unknown>;
  readonly end?: (host: Host) => Promise<unknown>;
}

const CLOCK_OFF_MAX = 6 * 3_600;
const MEMORY_GROUPS = '/sys/fs/cgroup/memory';

const kill = (host: Host) => host.agent.kill();
const start = (host: Host) => host.sh('systemctl reset-failed banjour; systemctl start banjour');

/** Stops the agent by force, does something to its files, and starts it. */
function whileDead(script: (random: Random) => string): Fault['begin'] {
  return async (host, random) => {
    await host.sh('systemctl kill -s KILL banjour; systemctl stop banjour');
    await host.sh(script(random));
    await start(host);
  };
}

/** Overwrites bytes somewhere in a file. */
function garble(path: string, random: Random, bytes: number): string {
  const at = random.below(1_000_000);
  return `f=${path}; [ -s "$f" ] && dd if=/dev/urandom of="$f" bs=1 count=${bytes} conv=notrunc seek=$(( ${at} % $(stat -c %s "$f") )) 2>/dev/null`;
}

const NFT_CHILD = 'pkill -STOP -x nft -P "$(systemctl show -P MainPID banjour)"';
const JAIL = '/etc/banjour/jail.d/chaos.conf';
const JOURNAL = '/var/log/journal/*';

async function step(host: Host, seconds: number): Promise<void> {
  const next = Number(host.clockSeconds) + seconds;
  host.setClock(
    BigInt(Math.abs(next) > CLOCK_OFF_MAX ? Number(host.clockSeconds) - seconds : next),
  );
}

/** Limits the agent's memory through the controller that this host has. */
async function squeeze(host: Host, random: Random): Promise<void> {
  if (!existsSync(MEMORY_GROUPS)) {
    await host.sh(
      `systemctl set-property --runtime banjour MemoryMax=${40 + random.below(30)}M MemorySwapMax=0`,
    );
    return;
  }
  const group = join(MEMORY_GROUPS, `${host.machine.name}-chaos`);
  mkdirSync(group, { recursive: true });
  // What it had before does not count here, only what it takes from now on: some of these limits
  // kill it, some slow it.
  writeFileSync(join(group, 'memory.limit_in_bytes'), String((3 + random.below(13)) * 1024 * 1024));
  const pid = await host.pidOutside();
  // The kernel takes 0 for whoever writes it.
  if (pid !== 0) writeFileSync(join(group, 'cgroup.procs'), String(pid));
}

async function release(host: Host): Promise<void> {
  const group = join(MEMORY_GROUPS, `${host.machine.name}-chaos`);
  if (!existsSync(group)) {
    await host.sh('systemctl set-property --runtime banjour MemoryMax=2G');
    return;
  }
  for (const pid of readFileSync(join(group, 'cgroup.procs'), 'utf8').split('\n'))
    if (pid !== '') writeFileSync(join(MEMORY_GROUPS, 'cgroup.procs'), pid);
  try {
    rmdirSync(group);
  } catch {
    // What the kernel still clears away keeps it for a while; it is used again.
  }
}

/**
 * The soft limit of the agent's open files, set by its own user: that needs no right which a
 * container may lack.
 */
async function limitDescriptors(host: Host, soft: string): Promise<void> {
  const user = ['setpriv', '--reuid=banjour', '--regid=banjour', '--clear-groups'];
  await host.machine.exec([
    ...user,
    'prlimit',
    '--pid',
    String(await host.agent.pid()),
    `--nofile=${soft}:`,
  ]);
}

export const FAULTS: readonly Fault[] = [
  { kind: 'kill -9 of the agent', begin: kill },
  { kind: 'restart of the agent', begin: (host) => host.sh('systemctl restart banjour') },
  { kind: 'SIGSTOP of nft', begin: (host) => host.sh(NFT_CHILD) },
  { kind: 'kill -9 of nft', begin: (host) => host.sh(NFT_CHILD.replace('STOP', 'KILL')) },
  {
    kind: 'SIGSTOP of the agent, shorter than its watchdog',
    begin: async (host, random) => {
      await host.sh('systemctl kill -s STOP banjour');
      await sleep(1_000 + random.below(3_000));
      await host.sh('systemctl kill -s CONT banjour');
    },
  },
  {
    kind: 'SIGSTOP of the agent, longer than its watchdog',
    begin: (host) => host.sh('systemctl kill -s STOP banjour'),
  },
  {
    kind: 'one thread stopped',
    begin: (host, random) =>
      host.pauseThread((threads) => random.pick(threads), 2 + random.below(3)),
  },
  {
    kind: 'full disk',
    begin: (host) => host.sh(`dd if=/dev/zero of=${STATE}/filler bs=64k 2>/dev/null`),
    end: (host) => host.sh(`rm -f ${STATE}/filler`),
  },
  {
    kind: 'full disk and kill -9',
    begin: async (host) => {
      await host.sh(`dd if=/dev/zero of=${STATE}/filler bs=64k 2>/dev/null`);
      await kill(host);
    },
    end: (host) => host.sh(`rm -f ${STATE}/filler`),
  },
  {
    kind: 'read-only disk',
    // While a file is open for writing only force makes it read-only: the agent dies with it.
    begin: whileDead(() => `mount -o remount,ro ${STATE}`),
    end: (host) => host.sh(`mount -o remount,rw ${STATE}`),
  },
  {
    kind: 'clock forwards',
    quiet: true,
    begin: (host, random) => step(host, 60 + random.below(3 * 3_600)),
  },
  {
    kind: 'clock backwards',
    quiet: true,
    begin: (host, random) => step(host, -60 - random.below(3 * 3_600)),
  },
  { kind: 'restart of journald', begin: (host) => host.sh('systemctl restart systemd-journald') },
  {
    kind: 'kill -9 of journald',
    begin: (host) => host.sh('systemctl kill -s KILL systemd-journald'),
  },
  { kind: 'rotation of the journal', begin: (host) => host.sh('journalctl --rotate') },
  {
    kind: 'vacuum of the journal',
    quiet: true,
    begin: (host) => host.sh('journalctl --rotate; journalctl --vacuum-files=1'),
  },
  {
    kind: 'damaged archived journal',
    quiet: true,
    begin: (host, random) =>
      host.sh(
        `journalctl --rotate; n=$(ls ${JOURNAL}/system@* | tail -1); ${garble('$n', random, 4_000)}; head -c ${1 + random.below(90_000)} /dev/urandom > $(dirname "$n")/system@chaos.journal; truncate -s ${random.below(60_000)} "$(ls ${JOURNAL}/system@0* | head -1)"`,
      ),
    end: (host) => host.sh(`rm -f ${JOURNAL}/system@chaos.journal`),
  },
  {
    kind: 'damaged active journal',
    quiet: true,
    begin: (host, random) =>
      host.sh(`${garble(`$(ls ${JOURNAL}/system.journal)`, random, 300)}; journalctl --rotate`),
  },
  {
    kind: 'damaged ledger',
    forgets: true,
    begin: whileDead((random) => garble(`${STATE}/ledger.sqlite3`, random, 6_000)),
  },
  {
    kind: 'damaged write-ahead log',
    begin: whileDead((random) => garble(`${STATE}/ledger.sqlite3-wal`, random, 6_000)),
  },
  {
    kind: 'cut ledger',
    forgets: true,
    begin: whileDead((random) => `truncate -s ${random.below(40_000)} ${STATE}/ledger.sqlite3`),
  },
  {
    kind: 'deleted ledger',
    forgets: true,
    begin: whileDead(() => `rm -f ${STATE}/ledger.sqlite3*`),
  },
  { kind: 'table deleted', tears: true, begin: (host) => host.sh('nft delete table inet banjour') },
  { kind: 'table flushed', tears: true, begin: (host) => host.sh('nft flush table inet banjour') },
  { kind: 'ruleset flushed', tears: true, begin: (host) => host.sh('nft flush ruleset') },
  {
    kind: 'set flushed',
    tears: true,
    begin: (host) => host.sh('nft flush set inet banjour ban4.sshd'),
  },
  {
    kind: 'accept before our rules',
    tears: true,
    begin: (host) => host.sh('nft insert rule inet banjour input accept'),
  },
  {
    kind: 'foreign table',
    begin: (host) =>
      host.sh(
        'nft "add table inet foreign; add chain inet foreign in { type filter hook input priority -50; policy accept; }; add rule inet foreign in accept; add set inet foreign s { type ipv4_addr; }"',
      ),
    end: (host) => host.sh('nft delete table inet foreign'),
  },
  {
    kind: 'good reload',
    // A jail of a daemon that the host does not have: it bans nobody of whom the recount knows nothing.
    begin: (host) =>
      host.sh(`printf '[courier-auth]\\nenabled = true\\n' > ${JAIL}; systemctl reload banjour`),
    end: (host) => host.sh(`rm -f ${JAIL}; systemctl reload banjour`),
  },
  {
    kind: 'bad reload',
    begin: (host) =>
      host.sh(`printf '[sshd]\\nmaxretry = many\\n' > ${JAIL}; systemctl reload banjour`),
    end: (host) => host.sh(`rm -f ${JAIL}; systemctl reload banjour`),
  },
  { kind: 'memory pressure', begin: squeeze, end: release },
  {
    kind: 'no descriptor left',
    begin: async (host) => {
      const pid = await host.pidOutside();
      if (pid !== 0) await limitDescriptors(host, String(readdirSync(`/proc/${pid}/fd`).length));
    },
    end: async (host) => {
      const pid = await host.pidOutside();
      if (pid === 0) return;
      const hard = /^Max open files\s+\d+\s+(\d+)/m.exec(
        readFileSync(`/proc/${pid}/limits`, 'utf8'),
      )?.[1];
      if (hard !== undefined) await limitDescriptors(host, hard);
    },
  },
];
