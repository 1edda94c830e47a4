/**
 * A report: the figures of a time, from the ledger's file or from the running agent, and how the
 * agent is now. It works without an agent, and says what is then missing.
 */
import { hostname } from 'node:os';
import type { ControlClient } from '../../control/client.js';
import type { Figures } from '../../core/figures.js';
import { type EpochMicros, isoTime, laterOf } from '../../core/time.js';
import { HOURLY_SECONDS } from '../../core/timeouts.js';
import { oldestFigures } from '../../ledger/figures.js';
import { openLedgerForReading } from '../../ledger/open.js';

/** How the agent is at the moment of the report. */
interface Now {
  readonly version: string;
  readonly since: string;
  readonly bansInForce: number;
  readonly lagSeconds: number;
  readonly warnings: readonly string[];
}

/** What `banjour report --json` prints. */
export interface HostReport extends Figures {
  readonly host: string;
  /** When it was made. */
  readonly time: string;
  /** Null where no agent answers. */
  readonly now: Now | null;
}

export interface ReportRequest {
  readonly since: EpochMicros;
  readonly until: EpochMicros;
  readonly now: EpochMicros;
  readonly client: Pick<ControlClient, 'figures' | 'status'>;
  /** The ledger's file; absent: only the agent is asked. */
  readonly ledgerPath?: string;
  /** This host's name; absent: the system's. */
  readonly host?: string;
}

/**
 * Gathers a report. @throws OperatorError when neither the ledger can be read nor the agent answers
 */
export async function makeReport(request: ReportRequest): Promise<HostReport> {
  const { client, now, until } = request;
  const oldest = oldestFigures(now);
  const since = laterOf(request.since, oldest);
  const span = { since, until: laterOf(until, (since + 1) as EpochMicros) };
  const [figures, present] = await Promise.all([figuresOf(request, span), presentOf(client)]);
  const days = HOURLY_SECONDS / 86_400;
  return {
    host: request.host ?? hostname(),
    time: isoTime(now),
    ...figures,
    now: present,
    missing: [
      ...figures.missing,
      ...(request.since < oldest
        ? [`the ledger counts for ${days} days: what came before is missing`]
        : []),
      ...(present === null
        ? ['no agent answers: how it is now (bans in force, lag, deaf jails) is missing']
        : []),
    ],
  };
}

/** By the file where it can be read, which costs the agent nothing; else by the agent. */
async function figuresOf(
  { ledgerPath, client }: ReportRequest,
  { since, until }: { readonly since: EpochMicros; readonly until: EpochMicros },
): Promise<Figures> {
  const ask = () => client.figures({ since: isoTime(since), until: isoTime(until) });
  if (ledgerPath === undefined) return ask();
  try {
    const ledger = openLedgerForReading(ledgerPath);
    try {
      return ledger.database.figures(since, until);
    } finally {
      ledger.close();
    }
  } catch (error) {
    try {
      return await ask();
    } catch {
      throw error;
    }
  }
}

async function presentOf(client: ReportRequest['client']): Promise<Now | null> {
  try {
    const { version, since, firewall, sources, warnings } = await client.status();
    return {
      version,
      since,
      bansInForce: firewall.inForce,
      lagSeconds: Math.max(0, ...sources.map(({ lagSeconds }) => lagSeconds ?? 0)),
      warnings,
    };
  } catch {
    return null;
  }
}
