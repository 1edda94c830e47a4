/** `banjour replay`: a replay with its log lines or JSON, progress and summary. */
import { AllowKeeper } from '../allow/keeper.js';
import { comparePrefixes, formatPrefix } from '../core/address.js';
import type { SourceSpec } from '../core/entry.js';
import { EXIT, type ExitCode } from '../core/errors.js';
import { silentLog } from '../core/log.js';
import { type EpochMicros, isoTime, SetClock, secondsBetween } from '../core/time.js';
import { NftBackend } from '../firewall/nft.js';
import { NoFirewall } from '../firewall/none.js';
import { createLog, styleFor } from '../log/log.js';
import { allowContext } from './allow-context.js';
import { Announcer } from './announce.js';
import { type ConfigurationRoots, loadSetup } from './load.js';
import { Progress } from './progress.js';
import { replay } from './replay.js';

interface Output {
  out(text: string): void;
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
}

export interface ReplayServiceOptions {
  readonly configuration: ConfigurationRoots;
  readonly source: SourceSpec;
  readonly terminal: Output;
  readonly json: boolean;
  readonly quiet: boolean;
  readonly intoKernel: boolean;
  /** Only these; all enabled ones when empty. */
  readonly jails: readonly string[];
  /** Keys of every jail that are set to this. */
  readonly overrides: Readonly<Record<string, string>>;
  readonly since?: EpochMicros;
}

export async function runReplay(options: ReplayServiceOptions): Promise<ExitCode> {
  const { terminal } = options;
  const loaded = loadSetup(options.configuration, { overrides: options.overrides, jails: options.jails });
  const setup = { ...loaded.setup, allow: { ...loaded.setup.allow, self: false, lockoutGuard: false } };
  const progress = new Progress(terminal.stderr, !options.json && terminal.stderr.isTTY === true);
  const clock = new SetClock();
  const firewall = options.intoKernel ? new NftBackend({ clock }) : new NoFirewall();
  const lines = createLog({
    level: 'info',
    stream: { write: (text) => progress.around(() => terminal.out(text)) },
    style: terminal.stdout.isTTY === true ? styleFor(terminal.stdout, terminal.env) : 'plain',
    // The journal's time, in which everything here happens.
    now: () => clock.now() / 1000,
    linesPerSecondMax: Number.POSITIVE_INFINITY,
  });
  const problems = createLog({ level: 'info', stream: terminal.stderr, style: 'plain' }).log;
  for (const warning of loaded.warnings) problems('warning', warning);
  const announcer = new Announcer(options.json || options.quiet ? silentLog : lines.log);
  const totals = { found: 0, ban: 0, unban: 0, ignored: 0, refused: 0 };
  const banned = new Map<string, Set<string>>();
  announcer.subscribe((announcement) => {
    totals[announcement.event]++;
    if (announcement.event === 'ban') {
      const addresses = banned.get(announcement.jail) ?? new Set();
      banned.set(announcement.jail, addresses.add(announcement.address));
    }
    if (options.json) terminal.out(`${JSON.stringify(announcement)}\n`);
  });
  const keeper = new AllowKeeper(setup.allow);
  const started = performance.now();
  const report = await replay({
    setup,
    source: options.source,
    announcer,
    allow: allowContext(
      () => keeper.snapshot,
      () => setup.ipv6,
    ),
    log: problems,
    firewall,
    clock,
    progress: (stats) => progress.show(stats.entriesRead, stats.lastEntry),
    ...(options.since === undefined ? {} : { since: options.since }),
  });
  progress.end();
  const seconds = (performance.now() - started) / 1000;
  if (!options.json) {
    if (options.intoKernel) {
      const kernel = await firewall.read();
      terminal.out(`\nIn the kernel now (nft list table inet banjour), ${kernel.elements.length} elements:\n`);
      for (const jail of setup.jails) {
        const own = kernel.elements.filter((element) => element.jail === jail.policy.jail);
        terminal.out(`  ${jail.policy.jail} (${own.length}):\n`);
        for (const { target, until } of own.toSorted((a, b) => comparePrefixes(a.target, b.target)))
          terminal.out(
            `    ${formatPrefix(target)}${until === null ? '' : ` for ${Math.round(secondsBetween(clock.now(), until))} s more`}\n`,
          );
      }
    }
    const read = report.stats?.entriesRead ?? 0;
    terminal.out(`\n${read} entries in ${seconds.toFixed(1)} s, the last of ${isoTime(clock.now())}\n`);
    terminal.out(
      `${totals.found} failures found, ${totals.ban} bans, ${totals.unban} ended, ${totals.ignored} ignored${totals.refused > 0 ? `, ${totals.refused} refused by the kernel` : ''}\n`,
    );
    for (const [jail, addresses] of banned) terminal.out(`  ${jail}: ${addresses.size} banned\n`);
  }
  await firewall.close();
  return EXIT.ok;
}
