/**
 * Reading and filtering as the intake thread does it, in this thread and to the end of a stored
 * journal.
 */

import { Intake } from '../../src/agent/intake/intake.js';
import { guard } from '../../src/agent/intake/v8-time-limit.js';
import { setCollectorFlags } from '../../src/agent/memory.js';
import type { SourceSpec } from '../../src/core/entry.js';
import { sourceId } from '../../src/core/names.js';
import type { JailIntake } from '../../src/core/specs.js';
import { FilterBank } from '../../src/filter/bank.js';
import { createSource } from '../../src/journal/source.js';

export interface IntakeRun {
  readonly seconds: number;
  /** Of the processor, all threads of this process. */
  readonly cpuSeconds: number;
  readonly entries: number;
  readonly events: number;
}

export async function intakeRun(
  source: SourceSpec,
  jails: readonly JailIntake[],
): Promise<IntakeRun> {
  setCollectorFlags();
  const id = sourceId('bench');
  let entries = 0;
  let events = 0;
  const bank = new FilterBank(jails, guard);
  const plan = { id, source, jails, start: { kind: 'whole' }, follow: false } as const;
  const intake = new Intake(plan, createSource(source, id), bank, (message) => {
    if (message.type === 'batch') {
      events += message.events.length;
      intake.credit();
    } else if (message.type === 'stats') entries = message.stats.entriesRead;
  });
  const before = process.cpuUsage();
  const started = performance.now();
  await intake.run();
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(before);
  return { seconds, cpuSeconds: (user + system) / 1e6, entries, events };
}
