import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { fieldsOf } from '../../src/core/match.js';
import { sourceId } from '../../src/core/names.js';
import { LINE_FIELDS, lineOf } from '../../src/filter/line.js';
import { countOf, identityOf } from '../../src/filter/match-groups.js';
import { ExportSource } from '../../src/journal/export/source.js';
import { CONFIG, type Options, shipped } from './samples.js';

const EXAMPLES = join(CONFIG, '../examples/journal');

interface Truth {
  readonly never: { readonly smuggled_victims: readonly string[] };
  readonly addresses: Readonly<
    Record<
      string,
      {
        readonly auth_failures: Record<string, number>;
        readonly successes: Record<string, number>;
        readonly errors?: readonly string[];
      }
    >
  >;
}

const SERVICES: Readonly<Record<string, string>> = {
  imap: 'dovecot',
  pop3: 'dovecot',
  ssh: 'sshd',
};

/** Sums what the clients of the session saw, per address, at the service that a filter watches. */
function truthOf(
  truth: Truth,
  filter: string,
  what: 'auth_failures' | 'successes',
): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [address, seen] of Object.entries(truth.addresses))
    for (const [service, count] of Object.entries(seen[what]))
      if ((SERVICES[service] ?? 'postfix-sasl') === filter)
        sums[address] = (sums[address] ?? 0) + count;
  return sums;
}

/**
 * Attempts that Postfix answered with 454, since Dovecot let the address wait for longer than
 * Postfix does.
 */
function delayedOf(truth: Truth, filter: string): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [address, { errors = [] }] of Object.entries(truth.addresses))
    for (const error of errors)
      if (filter === 'postfix-sasl' && error === 'smtp:error:454')
        sums[address] = (sums[address] ?? 0) + 1;
  return sums;
}

/**
 * What a shipped filter counts in an export file, read as in service: by its match, behind its
 * gate.
 */
function counted(file: string, name: string, options: Options = {}) {
  const { filter, definition } = shipped(name, options);
  const match = definition.journalmatch;
  if (match === undefined) throw new Error(`${name} has no match`);
  const folder = mkdtempSync(join(tmpdir(), 'banjour-'));
  const counts: Record<'failure' | 'success', Record<string, number>> = {
    failure: {},
    success: {},
  };
  try {
    const bytes = readFileSync(join(EXAMPLES, file));
    const path = join(folder, 'export');
    writeFileSync(path, file.endsWith('.gz') ? gunzipSync(bytes) : bytes);
    const source = new ExportSource(sourceId('test'), path);
    source.open(
      match,
      { literals: filter.literals, fields: [...LINE_FIELDS, ...fieldsOf(match)] },
      { at: 'head' },
    );
    for (;;) {
      const { entries, ended } = source.next(500);
      for (const entry of entries) {
        const { result, facts } = filter.judge(lineOf(entry), { time: entry.realtime, boot: '' });
        if (result !== 'failure' && result !== 'success') continue;
        const identity = identityOf(facts);
        const address = identity.kind === 'address' ? identity.address.text : identity.kind;
        counts[result][address] = (counts[result][address] ?? 0) + countOf(facts);
      }
      if (ended) break;
    }
    source.close();
  } finally {
    rmSync(folder, { recursive: true });
  }
  return counts;
}

describe('on the recorded session', () => {
  test.each(['postfix-sasl', 'dovecot', 'sshd'])(
    '%s counts for each address what its clients saw, once',
    (name) => {
      const truth = JSON.parse(readFileSync(join(EXAMPLES, 'lab-session.json'), 'utf8')) as Truth;
      const { failure, success } = counted('lab-session.export.gz', name);
      const failed = truthOf(truth, name, 'auth_failures');
      for (const [address, count] of Object.entries(delayedOf(truth, name)))
        failed[address] = (failed[address] ?? 0) + count;
      expect(failure).toEqual(failed);
      expect(success).toEqual(truthOf(truth, name, 'successes'));
      for (const victim of truth.never.smuggled_victims) expect(failure[victim]).toBeUndefined();
    },
  );
});

describe('on the attack of 2019', () => {
  test.each([
    ['postfix-sasl', {}],
    ['postfix', { mode: 'aggressive' }],
  ] as const)('%s counts three attempts, each logged several times, as three', (name, options) => {
    expect(counted('seed-000.export', name, options).failure).toEqual({ '87.246.7.34': 3 });
  });

  test('dovecot counts nothing: the attempts were made over SMTP', () => {
    expect(counted('seed-000.export', 'dovecot').failure).toEqual({});
  });
});
