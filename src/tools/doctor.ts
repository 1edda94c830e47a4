/**
 * Collects what every stage has to say about its health, and what the companion says of its parts.
 */

import { spawnSync } from 'node:child_process';
import { unreadable } from '../agent/control-views.js';
import { Allowlist } from '../allow/allowlist.js';
import { ControlClient } from '../control/client.js';
import { EXIT, messageOf, OperatorError } from '../core/errors.js';
import { type Finding, formatDiagnostic } from '../core/finding.js';
import { sourceId } from '../core/names.js';
import { counted } from '../core/text.js';
import { plus, wallClock } from '../core/time.js';
import { NftBackend } from '../firewall/nft.js';
import { check as checkJournal, createSource } from '../journal/source.js';
import { suppressedLines, suppressionFindings } from '../journal/systemd/suppressed.js';
import { openLedgerForReading } from '../ledger/open.js';
import { examineCompanionConfig, loadCompanionConfig } from '../setup/companion-config.js';
import type { StartSurroundings } from '../setup/file-access.js';
import { type ConfigurationRoots, loadSetup } from '../setup/load.js';
import { allNeeds, type Need } from '../setup/needs.js';
import { IN_MEMORY, ledgerPathOf } from '../setup/setup.js';
import { checkCompanion } from './doctor-companion.js';
import { checkDovecot, checkPolicy } from './doctor-dovecot.js';
import { checkShare } from './doctor-share.js';

/** journald's rate limit is looked at so far back, days. */
const RATE_LIMIT_DAYS = 7;

/**
 * What other parts of the examination look at as well: nft, and the sources, which the agent tells
 * of.
 */
const TOLD_BY_OTHERS = ['start.nft', 'start.source'];

export interface DoctorTarget {
  readonly configuration: ConfigurationRoots;
  readonly ledgerPath: string;
  readonly statusSocket: string;
  /** Where the companion answers. */
  readonly companionSocket: string;
  /** Where the companion tells the agent what other hosts decided. */
  readonly shareSocket: string;
  /** With whose rights the services run. */
  readonly surroundings: StartSurroundings;
}

/** Every finding; never throws for what it finds. */
export async function examine(patient: DoctorTarget): Promise<Finding[]> {
  const parts: (readonly [string, () => Finding[] | Promise<Finding[]>])[] = [
    ['journal', () => checkJournal()],
    ['journal.rate-limit', checkRateLimit],
    ['configuration', () => checkConfiguration(patient)],
    ['firewall', () => checkFirewall()],
    ['ledger', () => checkLedger(patient)],
    ['agent', () => checkAgent(patient.statusSocket)],
    ['dovecot', () => checkDovecot()],
    ['companion', () => checkCompanion(patient.configuration, patient.companionSocket)],
    ['share', () => checkShare(patient)],
    ['policy', () => checkPolicyOf(patient.configuration)],
  ];
  const findings: Finding[] = [];
  for (const [id, look] of parts) {
    try {
      findings.push(...(await look()));
    } catch (error) {
      const hint = error instanceof OperatorError ? error.hint : undefined;
      findings.push({
        level: 'error',
        id,
        message: messageOf(error),
        ...(hint === undefined ? {} : { fix: hint }),
      });
    }
  }
  return onePerRemedy(findings);
}

/** Findings with the same remedy become one: the first, whose message names the others. */
export function onePerRemedy(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const [index, finding] of findings.entries()) {
    const remedy = finding.fix === undefined ? String(index) : `${finding.level} ${finding.fix}`;
    const first = merged.get(remedy);
    const isNew = first === undefined || first.message.split('; ').includes(finding.message);
    merged.set(
      remedy,
      isNew ? (first ?? finding) : { ...first, message: `${first.message}; ${finding.message}` },
    );
  }
  return [...merged.values()];
}

/** What is wrong with companion.conf is told elsewhere. */
async function checkPolicyOf({ shippedRoot, adminRoot }: ConfigurationRoots): Promise<Finding[]> {
  const folders = { shipped: shippedRoot, config: adminRoot };
  const isWrong = examineCompanionConfig(folders).some(({ level }) => level === 'error');
  return isWrong ? [] : checkPolicy(loadCompanionConfig(folders).policy);
}

function checkRateLimit(): Finding[] {
  const source = createSource({ kind: 'local' }, sourceId('doctor'));
  try {
    const since = plus(wallClock.now(), -RATE_LIMIT_DAYS * 86_400);
    return suppressionFindings(suppressedLines(source, since), RATE_LIMIT_DAYS);
  } finally {
    source.close();
  }
}

async function checkConfiguration({
  configuration,
  surroundings,
}: DoctorTarget): Promise<Finding[]> {
  const { config, setup, warnings } = loadSetup(configuration);
  const allowlist = new Allowlist(setup.allow);
  await allowlist.refresh();
  return [
    ...warnings.map((message): Finding => ({ level: 'warning', id: 'configuration', message })),
    {
      level: setup.jails.length === 0 ? 'error' : 'ok',
      id: 'configuration.jails',
      message: `${setup.jails.length === 1 ? '1 jail is' : `${setup.jails.length} jails are`} enabled: ${setup.jails.map(({ policy }) => policy.jail).join(', ')}`,
    },
    ...allowlist.check().filter(({ id }) => !id.startsWith('allow.file')),
    ...allNeeds(config, surroundings)
      .filter(({ id }) => !TOLD_BY_OTHERS.includes(id))
      .map(findingOf),
  ];
}

/** The place first, as `config check` has it, and the remedy as every finding has it. */
function findingOf({ fix, ...need }: Need): Finding {
  const { level, id } = need;
  return { level, id, message: formatDiagnostic(need), ...(fix === undefined ? {} : { fix }) };
}

async function checkFirewall(): Promise<Finding[]> {
  const backend = new NftBackend({ resident: false });
  try {
    return await backend.check();
  } finally {
    await backend.close();
  }
}

function checkLedger({ configuration, ledgerPath }: DoctorTarget): Finding[] {
  const path = ledgerPathOf(loadSetup(configuration).settings, ledgerPath);
  if (path === IN_MEMORY)
    return [
      {
        level: 'note',
        id: 'ledger.memory',
        message: 'dbfile = None: decisions are forgotten at every stop',
      },
    ];
  const ledger = openLedgerForReading(path);
  try {
    return ledger.check();
  } finally {
    ledger.close();
  }
}

function fail2banProtects(): boolean {
  return (
    spawnSync('systemctl', ['--quiet', 'is-active', 'fail2ban'], { stdio: 'ignore' }).status === 0
  );
}

async function checkAgent(socket: string): Promise<Finding[]> {
  const view = await new ControlClient(socket).status().catch((error: unknown) => {
    if (
      !(error instanceof OperatorError && error.exitCode === EXIT.unavailable && fail2banProtects())
    )
      throw error;
    // Both at once would ban the same hosts.
    throw new OperatorError(`${error.message}; fail2ban protects this host`, {
      hint: 'banjour import --switch',
    });
  });
  return [
    {
      level: 'ok',
      id: 'agent',
      message: `the agent ${view.version} runs since ${view.since}, ${counted(view.firewall.inForce, 'ban')} in force`,
    },
    ...view.sources.map(
      ({ source, phase, problem, entriesRead, gaps }): Finding => ({
        level: problem !== undefined ? 'error' : gaps > 0 ? 'warning' : 'ok',
        id: 'agent.source',
        message:
          problem === undefined
            ? `${source}: ${phase}, ${counted(entriesRead, 'entry', 'entries')} read${gaps > 0 ? `, ${counted(gaps, 'gap')}` : ''}`
            : unreadable(source, problem),
      }),
    ),
    ...view.jails
      .filter(({ selects }) => selects === false)
      .map(
        ({ jail, match }): Finding => ({
          level: 'note',
          id: 'agent.match',
          message: `${jail}: the journal holds no entry that its match selects (${match})`,
          fix: `if the service runs and logs: journalctl -o verbose shows the fields of its entries`,
        }),
      ),
    ...view.warnings
      .filter(
        (message) =>
          !view.sources.some(
            ({ source, problem }) => message === unreadable(source, problem ?? ''),
          ),
      )
      .map((message): Finding => ({ level: 'warning', id: 'agent', message })),
  ];
}
