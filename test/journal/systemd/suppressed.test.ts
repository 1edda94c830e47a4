import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { EntrySource } from '../../../src/core/entry.js';
import { SUPPRESSIONS_READ_MAX, SUPPRESSIONS_UNITS_MAX } from '../../../src/core/limits.js';
import { sourceId } from '../../../src/core/names.js';
import { epochMicros } from '../../../src/core/time.js';
import { createSource } from '../../../src/journal/source.js';
import { suppressedLines, suppressionFindings } from '../../../src/journal/systemd/suppressed.js';
import { canWrite, type FakeEntry, T0, writeJournal } from '../../support/journal-files.js';
import { needs } from '../../support/require.js';

const ID = 'a596d6fe7bfa4994828e72309e95d61e';
const notice = (at: number, message: string, transport = 'driver'): FakeEntry => ({
  at: at * 1_000_000,
  message,
  fields: { MESSAGE_ID: ID, _TRANSPORT: transport, SYSLOG_IDENTIFIER: 'systemd-journald' },
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'banjour-suppressed-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lines(name: string, entries: readonly FakeEntry[], from = 0) {
  const path = join(folder, `${name}.journal`);
  writeJournal(path, entries);
  const source = createSource({ kind: 'files', paths: [path] }, sourceId('test'));
  try {
    return suppressedLines(source, epochMicros(T0 + from * 1_000_000));
  } finally {
    source.close();
  }
}

describe("what journald's rate limit kept out of the journal", () => {
  needs(...canWrite)('is summed by unit, from the wanted time on', () => {
    const found = lines(
      'sum',
      [
        notice(1, 'Suppressed 5 messages from postfix@-.service'),
        notice(10, 'Suppressed 100 messages from postfix@-.service'),
        notice(11, 'Suppressed 7 messages from dovecot.service'),
        { at: 12_000_000, message: 'Suppressed 1 messages from ssh.service' },
        notice(40, 'Suppressed 20 messages from postfix@-.service'),
      ],
      5,
    );
    expect([...found]).toEqual([
      ['postfix@-.service', 120],
      ['dovecot.service', 7],
    ]);
  });

  needs(...canWrite)('is believed from journald alone, and only in its own words', () => {
    expect(
      lines('forged', [
        notice(1, 'Suppressed 5 messages from ssh.service', 'journal'),
        notice(2, 'Suppressed 5 messages from $(reboot)'),
        notice(3, 'Suppressed many messages from ssh.service'),
      ]).size,
    ).toBe(0);
  });

  needs(...canWrite)('names so many units and no more', () => {
    const units = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        notice(i, `Suppressed 1 messages from u${i}.service`),
      );
    expect(lines('bound', units(SUPPRESSIONS_UNITS_MAX)).size).toBe(SUPPRESSIONS_UNITS_MAX);
    expect(lines('over', units(SUPPRESSIONS_UNITS_MAX + 1)).size).toBe(SUPPRESSIONS_UNITS_MAX);
  });

  test('is looked for in so many entries and no more', () => {
    let read = 0;
    const next = (max: number) => {
      const entries = Array.from({ length: max }, (_, i) => ({
        message: `Suppressed 1 messages from ${read + i < SUPPRESSIONS_READ_MAX ? 'in' : 'beyond'}.service`,
      }));
      read += max;
      return { entries, read: max };
    };
    const endless = { open: () => ({ gap: false }), next } as unknown as EntrySource;
    expect([...suppressedLines(endless, epochMicros(T0))]).toEqual([
      ['in.service', SUPPRESSIONS_READ_MAX],
    ]);
  });

  test('is a warning of doctor with what to type, and its absence is fine', () => {
    expect(suppressionFindings(new Map([['dovecot.service', 7]]), 7)).toEqual([
      {
        level: 'warning',
        id: 'journal.rate-limit',
        message:
          'journald dropped 7 lines of dovecot.service within 7 days: attempts among them were never seen',
        fix: expect.stringContaining('systemctl edit dovecot.service'),
      },
    ]);
    expect(suppressionFindings(new Map(), 7).map(({ level }) => level)).toEqual(['ok']);
  });
});
