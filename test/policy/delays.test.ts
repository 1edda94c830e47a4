/** Each attempt that is told to wait waits once, and no longer than its client has patience for. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { POLICY_DELAYED_MAX } from '../../src/core/service-limits.js';
import {
  POLICY_DELAY_SECONDS_MAX,
  POLICY_SMTP_DELAY_SECONDS_MAX,
} from '../../src/core/timeouts.js';
import { Delays, patienceFor } from '../../src/policy/delays.js';

/** Postfix gives up so long after it asked Dovecot, seconds; Dovecot is late by so much. */
const POSTFIX = 10;
const FAILURE_DELAY = 5;
/** Dovecot lets an address wait that failed so often within two minutes, seconds. */
const DOVECOT_WAITS = [0, 4, 8];
const IMAP = { address: '198.51.100.7', user: 'anna', pwhash: '0a1', session: 's1' };
const { session: _, ...nameless } = IMAP;
const SMTP = { ...nameless, protocol: 'smtp' };
let now: number;
let delays: Delays;
const tell = (request: object, seconds = 5) => delays.tell({ ...IMAP, ...request }, seconds);
const tellSmtp = (request: object = {}, seconds = 5) =>
  delays.tell({ ...SMTP, ...request }, seconds);
const pass = (seconds: number) => {
  now += seconds * 1_000;
};

beforeEach(() => {
  now = 5_000;
  delays = new Delays();
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  jest.restoreAllMocks();
});

test('who waited before the check does not wait again after it', () => {
  for (const ask of [tell, tellSmtp]) {
    expect(ask({})).toBe(5);
    pass(5);
    expect(ask({})).toBe(0);
    expect(ask({})).toBe(5);
    pass(61);
    expect(ask({})).toBe(5);
  }
});

test('the next attempt waits too, with the same password, once the first is over', () => {
  for (const [ask, request] of [
    [tell, IMAP],
    [tellSmtp, SMTP],
  ] as const) {
    expect(ask({})).toBe(5);
    pass(7);
    delays.over(request);
    expect(ask({})).toBe(5);
  }
});

test('another attempt is told by its password, its user, its connection or its address', () => {
  expect(tell({})).toBe(5);
  pass(5);
  for (const other of [{ pwhash: '0a2' }, { user: 'bert' }, { session: 's2' }])
    expect(tell(other)).toBe(5);
  expect(tellSmtp()).toBe(5);
  pass(5);
  expect(tellSmtp({ address: '192.0.2.2' })).toBe(5);
  expect([tell({}), tellSmtp()]).toEqual([0, 0]);
});

test('two at once with one password wait each', () => {
  expect(tellSmtp()).toBe(5);
  pass(1);
  expect(tellSmtp()).toBe(5);
  pass(4);
  expect(tellSmtp()).toBe(0);
});

test('where nothing tells one attempt from another each question is one', () => {
  const nothing = { address: '198.51.100.7', user: 'anna' };
  expect([1, 2].map(() => delays.tell(nothing, 5))).toEqual([5, 5]);
});

test('through Postfix no login waits longer than Postfix does', () => {
  const most = POLICY_SMTP_DELAY_SECONDS_MAX;
  expect(most + FAILURE_DELAY).toBeLessThan(POSTFIX);
  expect([most, most + 1].map((long) => patienceFor(SMTP, 0, long))).toEqual([most, most]);
  expect(patienceFor({ ...SMTP, protocol: 'SMTP' }, 0, POLICY_DELAY_SECONDS_MAX)).toBe(most);
  expect(patienceFor(IMAP, 9, POLICY_DELAY_SECONDS_MAX)).toBe(POLICY_DELAY_SECONDS_MAX);
  // Each failure makes Dovecot wait longer by itself.
  expect([1, 2, 3].map((failures) => patienceFor(SMTP, failures, most))).toEqual([1, 1, 1]);
  expect([1, 2].map((n) => (DOVECOT_WAITS[n] ?? 0) + patienceFor(SMTP, n, most))).toEqual([5, 9]);
});

test('beyond the bound the oldest waits once more', () => {
  const asked = () => {
    expect(tell({})).toBe(5);
    for (let n = 1; n < POLICY_DELAYED_MAX; n++) tell({ session: `t${n}` });
    return tell;
  };
  asked();
  pass(5);
  expect(tell({})).toBe(0);
  pass(60);
  asked();
  tell({ session: 'one more' });
  pass(5);
  expect(tell({})).toBe(5);
});
