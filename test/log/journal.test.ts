import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { mustJailName } from '../../src/core/names.js';
import { fieldsOf, type JournalFields, JournalTransport } from '../../src/log/journal.js';
import { createLog } from '../../src/log/log.js';
import { MESSAGE_IDS } from '../../src/log/text.js';

const jail = mustJailName('postfix-sasl');

/** The catalog's entries: number to text. */
function catalog(): Map<string, string> {
  const entries = readFileSync('systemd/banjour.catalog', 'utf8').split(/^-- (?=[0-9a-f]{32}$)/m);
  return new Map(entries.slice(1).map((entry) => [entry.slice(0, 32), entry.slice(33)]));
}

function journal(fails = false) {
  const entries: JournalFields[] = [];
  const lines: string[] = [];
  const transport = new JournalTransport({
    send: (fields) => {
      if (fails) throw new Error('no journal');
      entries.push(fields);
    },
    otherwise: { write: (text) => lines.push(text) },
  });
  const { log } = createLog({ level: 'info', style: 'journal', transports: [transport] });
  return { entries, lines, log };
}

describe('a log line in the journal', () => {
  test('has its facts as fields, and the text that people grep for', () => {
    const { entries, lines, log } = journal();
    log('notice', 'Ban 192.0.2.1', {
      jail,
      address: '192.0.2.1',
      action: 'ban',
      failures: 3,
      until: '2026-11-21T19:00:00.000Z',
      user: 'anna',
    });
    expect(entries).toEqual([
      {
        MESSAGE: 'NOTICE [postfix-sasl] Ban 192.0.2.1',
        PRIORITY: '5',
        SYSLOG_IDENTIFIER: 'banjour',
        MESSAGE_ID: MESSAGE_IDS['ban'],
        BANJOUR_ACTION: 'ban',
        BANJOUR_JAIL: 'postfix-sasl',
        BANJOUR_ADDRESS: '192.0.2.1',
        BANJOUR_FAILURES: '3',
        BANJOUR_UNTIL: '2026-11-21T19:00:00.000Z',
        BANJOUR_USER: 'anna',
      },
    ]);
    expect(lines).toEqual([]);
  });

  test('has no number and no field for what it does not say', () => {
    expect(fieldsOf('warning', 'disk is slow', {})).toEqual({
      MESSAGE: 'WARNING disk is slow',
      PRIORITY: '4',
      SYSLOG_IDENTIFIER: 'banjour',
    });
  });

  test('goes to standard error with its priority when the journal does not take it', () => {
    const { lines, log } = journal(true);
    log('error', 'x', { jail });
    expect(lines).toEqual(['<3>ERROR [postfix-sasl] x\n']);
  });

  test('below the level is not sent', () => {
    const { entries, log } = journal();
    log('debug', 'x');
    expect(entries).toEqual([]);
  });
});

describe('the message catalog', () => {
  test('explains every kind of event, and nothing that is never said', () => {
    expect([...catalog().keys()].sort()).toEqual(Object.values(MESSAGE_IDS).sort());
    for (const [id, text] of catalog())
      expect([id, text]).toEqual([
        id,
        expect.stringMatching(
          /^Subject: .+\nDefined-By: Banjour\nDocumentation: man:banjour\(1\)\n\n./,
        ),
      ]);
  });

  test('tells of a ban how to understand it, lift it and prevent it', () => {
    const text = catalog().get(MESSAGE_IDS['ban'] ?? '');
    for (const words of [
      'banjour explain @BANJOUR_ADDRESS@',
      'banjour unban @BANJOUR_ADDRESS@',
      'ignoreip =',
    ])
      expect(text).toContain(words);
  });

  test('names only fields that entries have', () => {
    const known = Object.keys(
      fieldsOf('notice', 'x', {
        jail,
        address: 'a',
        action: 'ban',
        failures: 1,
        until: 'never',
        user: 'u',
        time: 't',
      }),
    );
    for (const text of catalog().values())
      for (const [, field] of text.matchAll(/@(\w+)@/g)) expect(known).toContain(field);
  });
});
