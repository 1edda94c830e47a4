import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect } from '@jest/globals';
import Database from 'better-sqlite3';
import { cursor } from '../../src/core/names.js';
import { LEDGER_MEMORY_BYTES_MAX } from '../../src/core/service-limits.js';
import type { Ledger } from '../../src/ledger/ledger.js';
import { openLedger, openLedgerAnyway } from '../../src/ledger/open.js';
import { isRoot, needs } from '../support/require.js';
import { at, ban as banOf, SOURCE } from './support.js';

const onDisk = needs(isRoot, 'mounting a small disk needs root');

/** A disk of 720 KiB of its own. */
let disk: string;
let path: string;
const opened: Ledger[] = [];
const mount = (...words: string[]) => {
  const { status, stderr } = spawnSync('mount', words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
};

beforeEach(() => {
  if (!isRoot) return;
  disk = mkdtempSync(join(tmpdir(), 'banjour-disk-'));
  path = join(disk, 'ledger.sqlite3');
  mount('-t', 'tmpfs', '-o', 'size=720k', 'tmpfs', disk);
});
afterEach(() => {
  for (const ledger of opened.splice(0)) ledger.close();
  if (!isRoot) return;
  spawnSync('umount', ['-l', disk]);
  rmSync(disk, { recursive: true, force: true });
});

const filler = () => join(disk, 'filler');
function fill(): void {
  try {
    writeFileSync(filler(), Buffer.alloc(1024 * 1024));
  } catch {
    // Full, as it is meant to be.
  }
}
function begun(open = openLedgerAnyway) {
  const report = open(path, at(0));
  opened.push(report.ledger);
  return report;
}
const address = (n: number) => `198.51.${n >> 8}.${n & 255}`;
/** Decides bans of the addresses from `from` on, as a batch of the journal does. */
function ban(ledger: Ledger, from: number, count: number) {
  const decisions = Array.from({ length: count }, (_, i) =>
    banOf(address(from + i), { time: at(1) }),
  );
  return ledger.commit({
    decisions,
    source: SOURCE,
    position: { cursor: cursor(`c${from + count}`), time: at(1) },
  });
}
const count = (ledger: Ledger) => [...ledger.inForce(at(2))].length;

describe('a ledger whose disk cannot be written', () => {
  onDisk(
    'goes on in memory when the disk fills up, and loses nothing once there is room',
    async () => {
      const { ledger } = begun();
      ban(ledger, 0, 10);
      fill();
      const { bans } = ban(ledger, 10, 500);
      expect(new Set(bans.map(({ id }) => id)).size).toBe(500);
      expect(ledger.database.unsaved).toMatch(/full/);
      ledger.settle(
        bans.map(({ id }) => id),
        'in-force',
        at(1),
      );
      expect(count(ledger)).toBe(510);
      await expect(ledger.database.save()).rejects.toThrow(/full/);
      expect(count(ledger)).toBe(510);
      rmSync(filler());
      await ledger.database.save();
      expect(ledger.database.unsaved).toBeUndefined();
      ban(ledger, 510, 1);
      opened.splice(0)[0]?.close();
      const again = begun(openLedger).ledger;
      expect(count(again)).toBe(511);
      expect(again.position(SOURCE)?.cursor).toBe('c511');
    },
  );

  onDisk('goes on in memory while another program holds the file, and begins so too', async () => {
    const first = begun().ledger;
    ban(first, 0, 3);
    const other = new Database(path, { timeout: 0 });
    other.exec('BEGIN IMMEDIATE');
    ban(first, 3, 3);
    expect(first.database.unsaved).toMatch(/locked/);
    expect(count(first)).toBe(6);
    other.exec('COMMIT');
    await first.database.save();
    opened.splice(0)[0]?.close();
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');
    const { ledger } = begun();
    expect(ledger.database.unsaved).toBeDefined();
    ban(ledger, 6, 1);
    other.close();
    await ledger.database.save();
    opened.splice(0)[0]?.close();
    const again = begun(openLedger).ledger;
    expect([...again.inForce(at(2))].map(({ target }) => target.base)).toContain(address(6));
  });

  onDisk('but never beside another agent', () => {
    begun();
    expect(() => openLedgerAnyway(path, at(0))).toThrow(/another agent/);
  });

  onDisk(
    'keeps within its bound in memory: the oldest of the past goes, what is in force stays',
    () => {
      const { ledger } = begun();
      fill();
      ban(ledger, 0, 2_000);
      const lift = (from: number, to: number, seconds: number) =>
        ledger.commit({
          decisions: Array.from({ length: to - from }, (_, i) => ({
            kind: 'unban' as const,
            target: banOf(address(from + i)).target,
            time: at(seconds),
            reason: 'reload' as const,
          })),
        });
      lift(0, 500, 10);
      lift(500, 1_000, 20);
      expect(ledger.database.shrink()).toBe(0);
      expect(ledger.database.shrink(1)).toBeGreaterThanOrEqual(500);
      expect(count(ledger)).toBe(1_000);
      const past = ledger.history.find({ limit: 5_000 }).flatMap(({ ended }) => ended?.time ?? []);
      expect(new Set(past).has(at(10))).toBe(false);
      while (ledger.database.shrink(1) > 0);
      expect(count(ledger)).toBe(1_000);
      expect(ledger.database.shrink(LEDGER_MEMORY_BYTES_MAX)).toBe(0);
    },
  );

  onDisk('begins in memory on a read-only disk, with what stands in the file', async () => {
    const first = begun().ledger;
    ban(first, 0, 5);
    opened.splice(0)[0]?.close();
    mount('-o', 'remount,ro', disk);
    const { ledger, fresh } = begun();
    expect([fresh, count(ledger)]).toEqual([false, 5]);
    expect(ledger.database.unsaved).toBeDefined();
    ban(ledger, 5, 5);
    await expect(ledger.database.save()).rejects.toThrow();
    mount('-o', 'remount,rw', disk);
    await ledger.database.save();
    opened.splice(0)[0]?.close();
    expect(count(begun(openLedger).ledger)).toBe(10);
  });

  onDisk('begins after a crash with what stands only in the write-ahead log', async () => {
    // The files as a killed agent leaves them: copied while it still has them open.
    ban(begun().ledger, 0, 1);
    opened.splice(0)[0]?.close();
    ban(begun().ledger, 1, 2);
    const left = mkdtempSync(join(tmpdir(), 'banjour-left-'));
    for (const suffix of ['', '-wal', '-shm'])
      copyFileSync(path + suffix, join(left, `ledger${suffix}`));
    opened.splice(0)[0]?.close();
    for (const suffix of ['', '-wal', '-shm']) {
      rmSync(path + suffix, { force: true });
      copyFileSync(join(left, `ledger${suffix}`), path + suffix);
    }
    rmSync(left, { recursive: true });
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0);
    mount('-o', 'remount,ro', disk);
    const { ledger, fresh } = begun();
    // Bans that could not be read are adopted from the kernel, which a fresh ledger asks for.
    expect(fresh || count(ledger) === 3).toBe(true);
    mount('-o', 'remount,rw', disk);
    await ledger.database.save();
    const kept = readdirSync(disk).some((name) => name.includes('.unread-'));
    expect(kept || count(ledger) === 3).toBe(true);
  });

  onDisk('begins on a full disk without any file, and makes it once there is room', async () => {
    fill();
    const { ledger, fresh } = begun();
    expect([fresh, ledger.database.unsaved !== undefined]).toEqual([true, true]);
    ban(ledger, 0, 3);
    rmSync(filler());
    await ledger.database.save();
    opened.splice(0)[0]?.close();
    expect(count(begun(openLedger).ledger)).toBe(3);
  });

  onDisk('takes along what is decided while it is written back', async () => {
    const { ledger } = begun();
    fill();
    ban(ledger, 0, 400);
    expect(ledger.database.unsaved).toBeDefined();
    rmSync(filler());
    const saved = ledger.database.save();
    ban(ledger, 400, 50);
    await saved;
    opened.splice(0)[0]?.close();
    expect(count(begun(openLedger).ledger)).toBe(450);
  });

  onDisk('still refuses to be the second one', () => {
    begun();
    expect(() => begun()).toThrow(/another agent/);
  });
});
