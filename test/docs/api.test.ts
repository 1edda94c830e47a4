/** docs/api.md names every field of every answer, and no field that there is not. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type CallName, ENDPOINTS } from '../../src/control/endpoints.js';
import { API_VERSION } from '../../src/control/protocol.js';
import { SHARE_ORIGINS } from '../../src/core/share.js';
import { saidByCalls } from './answer-fields.js';

const said = saidByCalls();
const calls = Object.keys(ENDPOINTS) as CallName[];

/** What docs/api.md says of each call, by the heading. */
const sections = new Map(
  readFileSync('docs/api.md', 'utf8')
    .split(/^(?=#{2,3} )/m)
    .map((section) => [/^### (.+)$/m.exec(section)?.[1] ?? '', section] as const),
);

function sectionOf(call: CallName): string {
  const { method, path } = ENDPOINTS[call];
  const name = path.replace(/:(\w+)/g, (_, word: string) => word.toUpperCase());
  return sections.get(`${method} /v${API_VERSION}${name}`) ?? '';
}

/**
 * Words in code spans that no type names: headers and events of the stream, reasons, jails and keys
 * of the configuration.
 */
const OTHERS: Partial<Record<CallName, readonly string[]>> = {
  jail: ['recidive'],
  newestBan: ['dbpurgeage'],
  events: [
    'Last-Event-ID',
    'gap',
    'expired',
    'operator',
    'reload',
    'attacked',
    'guesser',
    'insisted',
  ],
  ban: ['ban'],
  unban: ['all', 'ban', 'unban'],
  set: [
    'loglevel',
    'dbpurgeage',
    'ignoreip',
    'logpath',
    'journalmatch',
    'failregex',
    'ignoreregex',
  ],
  shareDecisions: SHARE_ORIGINS,
};

/**
 * The names in a section's code spans: a word alone, the keys of JSON, and what has a value in a
 * query.
 */
function namedIn(section: string): Set<string> {
  const spans = [...section.matchAll(/`([^`]+)`/g)].map(([, span = '']) => span);
  return new Set(
    spans.flatMap((span) => {
      if (/^[a-z][\w-]*$/i.test(span)) return [span];
      const keys = [...span.matchAll(/(?<!: ?)"([a-z][\w-]*)"/gi)];
      const queried = [...span.matchAll(/^\??(\w+)=/g)];
      return [...keys, ...queried].map(([, name = '']) => name);
    }),
  );
}

/** Every field that the call's answer holds, at any depth. */
const fieldsOf = (call: CallName) =>
  [...(said.get(call)?.fields.values() ?? [])].flatMap((one) => [...one]);

test('the types of the answers are read whole', () => {
  expect(fieldsOf('ping')).toEqual(['pong']);
  expect(said.get('jail')?.fields.get('BanView')).toContain('ended');
  expect(said.get('jail')?.words).toContain('expired');
  expect(fieldsOf('status')).toEqual(
    expect.arrayContaining(['machineId', 'lagEntries', 'inForce']),
  );
  expect(said.get('figures')?.words).toContain('under-attack');
  expect(said.get('refusals')?.words).toContain('dead-name');
});

test('each type of an answer is described whole by one call that answers it', () => {
  const types = new Map<string, { fields: Set<string>; callers: CallName[] }>();
  for (const call of calls)
    for (const [type, fields] of said.get(call)?.fields ?? []) {
      const callers = [...(types.get(type)?.callers ?? []), call];
      types.set(type, { fields, callers });
    }
  const missing = [...types].flatMap(([type, { fields, callers }]) => {
    const lacks = callers.map((call) => {
      const named = namedIn(sectionOf(call));
      return [...fields].filter((field) => !named.has(field));
    });
    const [least = []] = lacks.toSorted((a, b) => a.length - b.length);
    return least.length === 0 ? [] : [`${type} of ${callers.join(', ')}: ${least.join(', ')}`];
  });
  expect(missing).toEqual([]);
});

test.each(calls)(
  '%s: each field of the request is named, and nothing that there is not',
  (call) => {
    const named = namedIn(sectionOf(call));
    const inPath = [...ENDPOINTS[call].path.matchAll(/:(\w+)/g)].map(([, name]) => name);
    const asked = Object.keys(ENDPOINTS[call].fields).filter((name) => !inPath.includes(name));
    expect(asked.filter((name) => !named.has(name))).toEqual([]);
    const words = said.get(call)?.words ?? new Set();
    const known = new Set([...fieldsOf(call), ...words, ...(OTHERS[call] ?? [])]);
    expect([...named].filter((name) => !known.has(name))).toEqual([]);
  },
);
