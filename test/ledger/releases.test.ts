import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { wallClock } from '../../src/core/time.js';
import { placeLedger, RELEASES } from '../support/releases.js';
import { at, directory, opened } from './support.js';

test('every version that was released left its ledger and table here', () => {
  const changes = readFileSync('packaging/debian/changelog', 'utf8');
  const released = [...changes.matchAll(/^banjour \(([^)]+)\)/gm)].map(([, version]) => version);
  expect(RELEASES).toEqual(released.sort());
});

describe.each(RELEASES)('the ledger of version %s', (version) => {
  test('is opened as it is, and every ban of it is in force', () => {
    const path = join(directory(), 'ledger.sqlite3');
    const bans = placeLedger(version, path);
    expect(bans.length).toBeGreaterThan(0);
    const { ledger, fresh, setAside } = opened(path, wallClock.now());
    expect([fresh, setAside]).toEqual([false, undefined]);
    const found = [...ledger.inForce(wallClock.now())].map(({ jail, target }) => {
      const host = target.length === (target.family === 4 ? 32 : 128);
      return `${jail} ${target.base}${host ? '' : `/${target.length}`}`;
    });
    expect(found.sort()).toEqual(bans);
  });

  test('has logins of any service', () => {
    const path = join(directory(), 'ledger.sqlite3');
    placeLedger(version, path);
    const logins = [...opened(path, wallClock.now()).ledger.attempts.since(at(0))].filter(
      ({ kind }) => kind === 'success',
    );
    expect(logins.every(({ isOfAnyService }) => isOfAnyService === true)).toBe(true);
    if (version !== '0.1.0') expect(logins.length).toBeGreaterThan(0);
  });
});
