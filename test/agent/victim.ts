/**
 * An agent that dies at one moment of its N-th ban: `victim.js MOMENT N` and the directories. Or,
 * with the moment `nft-fails`, whose nft gives no answer to N batches.
 */
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { Agent } from '../../src/agent/agent.js';
import type { ApplyReport, ElementChange } from '../../src/core/firewall.js';
import { wallClock } from '../../src/core/time.js';
import { NftBackend } from '../../src/firewall/nft.js';
import { type Commit, type CommitReport, Ledger } from '../../src/ledger/ledger.js';
import { createLog } from '../../src/log/log.js';
import { LiveConfiguration } from '../../src/setup/live.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'config-dir': { type: 'string' },
    'run-dir': { type: 'string' },
    'state-dir': { type: 'string' },
  },
});
const [moment = '', count = '1'] = positionals;
const directory = (name: keyof typeof values) => values[name] ?? '';

/** Bans, or with `nft-fails` batches, up to the last one that counts. */
let left = Number(count);
function die(): never {
  process.kill(process.pid, 'SIGKILL');
  // The signal is on its way; nothing may happen before it.
  for (;;);
}

const { commit, settle } = Ledger.prototype;
Ledger.prototype.commit = function (this: Ledger, change: Commit): CommitReport {
  const counts =
    moment !== 'nft-fails' && change.decisions.some(({ kind }) => kind === 'ban') && --left === 0;
  if (counts && moment === 'before-commit') die();
  const report = commit.call(this, change);
  if (counts && moment === 'after-commit') die();
  return report;
};
Ledger.prototype.settle = function (this: Ledger, ...args: Parameters<Ledger['settle']>): void {
  if (left === 0 && moment === 'before-settle') die();
  settle.apply(this, args);
  if (left === 0 && moment === 'after-settle') die();
};

class MortalBackend extends NftBackend {
  override async apply(changes: readonly ElementChange[]): Promise<ApplyReport> {
    if (moment === 'nft-fails' && left-- > 0) throw new Error('nft gives no answer');
    const last = left === 0 && changes.some(({ kind }) => kind === 'put');
    if (last && moment === 'before-nft') die();
    const report = await super.apply(changes);
    if (last && moment === 'after-nft') die();
    return report;
  }
}

const { live, loaded } = LiveConfiguration.load({
  shippedRoot: join(process.cwd(), 'config'),
  adminRoot: directory('config-dir'),
});
const run = directory('run-dir');
const { log, getLevel, setLevel } = createLog({
  level: 'info',
  stream: process.stderr,
  style: 'plain',
});
await Agent.start({
  setup: loaded.setup,
  ledgerPath: join(directory('state-dir'), 'ledger.sqlite3'),
  sockets: { control: join(run, 'control.sock'), status: join(run, 'status.sock') },
  firewall: new MortalBackend({ clock: wallClock, directory: dirname(join(run, 'control.sock')) }),
  log,
  version: 'victim',
  live,
  loglevel: { get: getLevel, set: setLevel },
});
