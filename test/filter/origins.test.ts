import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jailLocal, setupOf } from '../../bench/lib/setup.js';
import { mailServer } from '../../bench/mailserver.js';
import { type Entry, VARYING_FIELDS } from '../../src/core/entry.js';
import { cursor } from '../../src/core/names.js';
import { epochMicros } from '../../src/core/time.js';
import { FilterBank } from '../../src/filter/bank.js';
import { lineOf } from '../../src/filter/line.js';
import { matchFieldsTest } from '../../src/journal/gate.js';

/** Fields with the origin that a reader tells. */
class OfOrigin extends Map<string, string> {
  origin: object | undefined;
}

const origins = new Map<string, object>();

/** The entry as a reader gives it that knows what entries have in common. */
function withOrigin(entry: Entry): Entry {
  const fields = new OfOrigin(entry.fields);
  const shared = [...fields].filter(([name]) => !VARYING_FIELDS.has(name)).sort();
  const key = JSON.stringify(shared);
  fields.origin = origins.get(key) ?? {};
  origins.set(key, fields.origin);
  return { ...entry, fields };
}

function entryOf(message: string, fields: Readonly<Record<string, string>>, n: number): Entry {
  return {
    cursor: cursor(`c${n}`),
    realtime: epochMicros(1_700_000_000_000_000 + n * 50_000),
    message,
    fields: new Map(Object.entries(fields)),
  };
}

describe('what entries have in common is looked up once', () => {
  test('and lines and matches are those of entries of which nobody knows it', () => {
    const word = fc.constantFrom('a', 'b', 'kernel', 'x\ny', '');
    const fields = fc.dictionary(
      fc.constantFrom(
        ...['_HOSTNAME', 'SYSLOG_IDENTIFIER', '_COMM', 'SYSLOG_PID', '_PID', '_LINE_BREAK'],
        ...['_SOURCE_MONOTONIC_TIMESTAMP', 'CONTAINER_PARTIAL_MESSAGE', '_SYSTEMD_UNIT'],
      ),
      fc.oneof(word, fc.constantFrom('12', '0042', '5000000', 'true', 'nul', 'line-max')),
    );
    const selected = matchFieldsTest({
      groups: [new Map([['_SYSTEMD_UNIT', ['a', 'b']]]), new Map([['_COMM', ['kernel']]])],
    });
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 12 }), (all) => {
        for (const [n, one] of all.entries()) {
          const entry = entryOf('message', one, n);
          const known = withOrigin(entry);
          expect(lineOf(known)).toEqual(lineOf(entry));
          expect(selected(known.fields, undefined)).toBe(selected(entry.fields, undefined));
        }
      }),
    );
  });

  test('and a mail server is judged the same', () => {
    const units = { postfix: 'postfix.service', dovecot: 'dovecot.service', sshd: 'ssh.service' };
    const entries = [...mailServer(6_000)].map(({ service, ident, pid, message }, n) => {
      const [own, unit] = [String(1_000 + (pid % 50)), units[service]];
      const common = { _HOSTNAME: 'mx1', _BOOT_ID: 'b', _UID: '0', _SYSTEMD_UNIT: unit };
      return entryOf(
        message,
        { ...common, SYSLOG_IDENTIFIER: ident, SYSLOG_PID: own, _PID: own },
        n,
      );
    });
    const jails = setupOf(jailLocal([])).jails.map(({ intake }) => intake);
    const judged = (all: readonly Entry[]) => {
      const bank = new FilterBank(jails, (run) => {
        run();
        return true;
      });
      return { events: bank.judge(all).events, stats: bank.stats() };
    };
    const known = judged(entries.map(withOrigin));
    expect(known.events.length).toBeGreaterThan(500);
    expect(known).toEqual(judged(entries));
  });
});
