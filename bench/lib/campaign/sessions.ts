/**
 * Recorded sessions with the clients' own truth: `NAME.export`, also `.gz`, beside `NAME.json`. The
 * format is told in examples/journal.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { sourceId } from '../../../src/core/names.js';
import { ExportSource } from '../../../src/journal/export/source.js';
import { Scratch } from '../setup.js';
import { BanjourJudge } from './judges.js';

interface SessionTruth {
  readonly must_ban: {
    readonly maxretry3: {
      readonly all_services_together: readonly string[];
      readonly per_service: readonly string[];
    };
  };
  readonly must_not_ban: { readonly maxretry3: readonly string[] };
  readonly never: { readonly smuggled_victims: readonly string[] };
}

export interface SessionScore {
  readonly name: string;
  readonly entries: number;
  /** Addresses that failed three times, and those of them that no service saw three times. */
  readonly guilty: number;
  readonly spread: number;
  readonly missed: readonly string[];
  readonly missedSpread: readonly string[];
  readonly wrong: readonly string[];
}

/** The sessions of these folders; one of the same name counts once. Throws where one is missing. */
export function sessionsIn(folders: readonly string[]): { name: string; folder: string }[] {
  const found = new Map<string, { name: string; folder: string }>();
  for (const folder of folders) {
    if (!existsSync(folder))
      throw new Error(`no such folder with recorded sessions: ${folder}; see BANJOUR_SESSIONS`);
    for (const file of readdirSync(folder)) {
      const name = /^(.+)\.export(?:\.gz)?$/.exec(file)?.[1];
      if (name !== undefined && existsSync(join(folder, `${name}.json`)) && !found.has(name))
        found.set(name, { name, folder });
    }
  }
  return [...found.values()];
}

function truthOf(path: string): SessionTruth {
  const truth = JSON.parse(readFileSync(path, 'utf8')) as Partial<SessionTruth>;
  if (
    truth.must_ban?.maxretry3 === undefined ||
    truth.must_not_ban?.maxretry3 === undefined ||
    truth.never?.smuggled_victims === undefined
  )
    throw new Error(
      `${path} is no truth of a recorded session: must_ban.maxretry3, must_not_ban.maxretry3 or never.smuggled_victims is missing; see examples/journal/README.md`,
    );
  return truth as SessionTruth;
}

/** Judges a session in one go: what was recorded reacts to nobody. */
export async function scoreSession(
  { name, folder }: { readonly name: string; readonly folder: string },
  jailLocal: string,
): Promise<SessionScore> {
  const truth = truthOf(join(folder, `${name}.json`));
  const judge = new BanjourJudge(jailLocal);
  using scratch = new Scratch();
  const plain = join(folder, `${name}.export`);
  const path = existsSync(plain) ? plain : scratch.file('export');
  if (path !== plain) writeFileSync(path, gunzipSync(readFileSync(`${plain}.gz`)));
  const source = new ExportSource(sourceId('session'), path);
  let entries = 0;
  try {
    source.open({ groups: [new Map()] }, judge.gate, { at: 'head' });
    for (let isOver = false; !isOver; ) {
      const batch = source.next(500);
      entries += batch.read;
      for (const entry of batch.entries) await judge.hear(entry);
      isOver = batch.ended;
    }
    const { all_services_together: guilty, per_service: loud } = truth.must_ban.maxretry3;
    const missed = guilty.filter((address) => !judge.everHeld(address));
    const honest = truth.must_not_ban.maxretry3.filter((address) => !guilty.includes(address));
    return {
      name,
      entries,
      guilty: guilty.length,
      spread: guilty.filter((address) => !loud.includes(address)).length,
      missed,
      missedSpread: missed.filter((address) => !loud.includes(address)),
      wrong: [...honest, ...truth.never.smuggled_victims].filter((address) =>
        judge.everHeld(address),
      ),
    };
  } finally {
    source.close();
    judge.close();
  }
}
