import { describe, expect, test } from '@jest/globals';
import { JOURNAL_MATCH_TERMS_MAX } from '../../../src/core/limits.js';
import { WHOLE_JOURNAL } from '../../../src/core/match.js';
import { cursor, sourceId } from '../../../src/core/names.js';
import { plainReader } from '../../../src/journal/systemd/readers.js';
import { ofLibrary, Selection } from '../../../src/journal/systemd/selection.js';
import { LibsystemdSource } from '../../../src/journal/systemd/source.js';
import { canWrite, type FakeEntry, Scratch, writeJournal } from '../../support/journal-files.js';
import { needs } from '../../support/require.js';
import { ALL, drain, HEAD, match, messages } from '../contract.js';

const mail = match('_SYSTEMD_UNIT=postfix.service');
const place = (number: number, writer = 'ab') =>
  cursor(`s=${writer};i=${number.toString(16)};b=1;m=1;t=1;x=1`);

describe('whether libsystemd selects the entries', () => {
  test('it does where few are wanted, and reads everything where most are', () => {
    const selection = new Selection(mail);
    expect(selection.inLibrary).toBe(mail);
    expect(selection.note(1_000, place(1), place(10_000))).toBe(false);
    expect(selection.note(1_000, place(1), place(1_500))).toBe(true);
    expect(selection.inLibrary).toBe(WHOLE_JOURNAL);
  });

  test('is measured again now and then: a journal may come to be of others', () => {
    const selection = new Selection(mail);
    selection.note(1_000, place(0), place(1_000));
    for (let read = 1_000; read < 200_000; read += 1_000)
      expect(selection.note(1_000, undefined, undefined)).toBe(false);
    expect(selection.note(1_000, undefined, undefined)).toBe(true);
    expect(selection.inLibrary).toBe(mail);
    expect(selection.note(1_000, place(0), place(50_000))).toBe(false);
  });

  test('stays as it is after few entries, between journals, and where cursors have another form', () => {
    const selection = new Selection(mail);
    expect(selection.note(499, place(0), place(499))).toBe(false);
    expect(selection.note(1_000, place(0, 'aa'), place(1_000, 'bb'))).toBe(false);
    expect(selection.note(1_000, cursor('text'), place(1_000))).toBe(false);
    expect(selection.note(1_000, undefined, place(1_000))).toBe(false);
  });

  test('has no choice for the whole journal, which too many terms come to', () => {
    const terms = (count: number) =>
      match(Array.from({ length: count }, (_, i) => `_SYSTEMD_UNIT=u${i}`).join(' '));
    expect(ofLibrary(terms(JOURNAL_MATCH_TERMS_MAX))).not.toBe(WHOLE_JOURNAL);
    expect(ofLibrary(terms(JOURNAL_MATCH_TERMS_MAX + 1))).toBe(WHOLE_JOURNAL);
    expect(new Selection(WHOLE_JOURNAL).note(10_000, place(0), place(10_000))).toBe(false);
  });
});

for (const [name, make] of [
  ['in C', undefined],
  ['call by call', plainReader],
] as const)
  needs(...canWrite)(
    `every wanted entry comes once and in order when the way of selecting changes, read ${name}`,
    () => {
      using scratch = new Scratch();
      const entries = Array.from({ length: 4_000 }, (_, i): FakeEntry => {
        const isMail = i < 2_500 && i % 10 !== 3;
        return {
          at: i * 1_000,
          message: `${isMail ? 'mail' : 'other'} ${i}`,
          fields: { _SYSTEMD_UNIT: isMail ? 'postfix.service' : 'nginx.service' },
        };
      });
      writeJournal(scratch.file('system.journal'), entries);
      const spec = { kind: 'directory', path: scratch.path } as const;
      const source =
        make === undefined
          ? new LibsystemdSource(sourceId('t'), spec)
          : new LibsystemdSource(sourceId('t'), spec, make);
      try {
        source.open(mail, ALL, HEAD);
        const { entries: found, batches } = drain(source, 600);
        const wanted = entries
          .map(({ message }) => message as string)
          .filter((message) => message.startsWith('mail'));
        expect(messages(found)).toEqual(wanted);
        // Some batches had entries of others, so the way did change.
        expect(batches.reduce((sum, { read }) => sum + read, 0)).toBeGreaterThan(wanted.length);
      } finally {
        source.close();
      }
    },
  );
