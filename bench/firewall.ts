/**
 * The firewall alone: bans through nftables beside a bare nft and beside one nft per ban through a
 * shell.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { short } from './lib/numbers.js';
import { whyNoPlace } from './lib/place.js';
import type { BenchOptions, Result } from './lib/result.js';

interface Row {
  readonly what: string;
  readonly ms: number;
  readonly note: string;
}

export async function bench(options: BenchOptions): Promise<Result> {
  const reason =
    whyNoPlace() ?? (options.scale < 1 ? 'this one has only its full size' : undefined);
  const rows = reason === undefined ? measure() : [];
  return {
    name: 'firewall',
    title: 'Bans into nftables',
    method: [
      'a network namespace of its own; medians; sh -c nft for each ban is what fail2ban does',
    ],
    tables: [
      {
        title: '',
        columns: ['what', 'ms', 'note'],
        rows: rows.map(({ what, ms, note }) => [what, short(ms), note]),
      },
    ],
    targets: [],
    figures: Object.fromEntries(rows.map(({ what, ms }) => [`${what} ms`, ms])),
    chart: {
      kind: 'bars',
      title: 'Bans into nftables',
      unit: 'ms',
      logarithmic: true,
      bars: rows.map(({ what, ms }) => ({
        label: what,
        value: ms,
        kind: / nft|nft,/.test(what) ? 'theirs' : 'ours',
      })),
    },
    missing: reason === undefined ? [] : [`everything: ${reason}`],
  };
}

function measure(): Row[] {
  const script = join(process.cwd(), 'dist/bench/lib/firewall-run.js');
  const { status, stdout } = spawnSync('unshare', ['-n', '--', process.execPath, script], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`firewall-run: status ${status}`);
  return JSON.parse(stdout) as Row[];
}
