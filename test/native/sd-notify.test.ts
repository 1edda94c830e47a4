import { afterEach, describe, expect, test } from '@jest/globals';
import koffi from 'koffi';
import { sdNotify, watchdogMicros } from '../../native/sd-notify.js';
import { OperatingError } from '../../src/core/errors.js';
import { Scratch } from '../support/journal-files.js';
import { Datagrams } from './datagrams.js';

const libc = koffi.load('libc.so.6');
const setenv = libc.func('setenv', 'int', ['str', 'str', 'int']);
const unsetenv = libc.func('unsetenv', 'int', ['str']);
const NAMES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;
const before = NAMES.map((name) => [name, process.env[name]] as const);

/** Sets a variable for C too: under jest `process.env` is a copy. */
function setVariable(name: (typeof NAMES)[number], value: string | undefined): void {
  if (value === undefined) {
    delete process.env[name];
    unsetenv(name);
  } else {
    process.env[name] = value;
    setenv(name, value, 1);
  }
}

afterEach(() => {
  for (const [name, value] of before) setVariable(name, value);
});

describe('words to the service manager', () => {
  test('are sent as they are', () => {
    using scratch = new Scratch();
    const path = scratch.file('notify');
    const manager = new Datagrams(path);
    setVariable('NOTIFY_SOCKET', path);
    expect(sdNotify('READY=1\nSTATUS=reading the journal – ünïcödé')).toBe(true);
    expect(manager.receive()?.toString()).toBe('READY=1\nSTATUS=reading the journal – ünïcödé');
    manager.close();
  });

  test('are dropped when nobody asked for them', () => {
    setVariable('NOTIFY_SOCKET', undefined);
    expect(sdNotify('READY=1')).toBe(false);
  });

  test('are an operating error when the socket is gone', () => {
    setVariable('NOTIFY_SOCKET', '/nonexistent/notify');
    expect(() => sdNotify('READY=1')).toThrow(OperatingError);
    expect(() => sdNotify('READY=1')).toThrow(expect.objectContaining({ code: 'ERR_NOTIFY' }));
  });

  test('must come within the watchdog time, when there is one for this process', () => {
    setVariable('WATCHDOG_USEC', undefined);
    expect(watchdogMicros()).toBeUndefined();
    setVariable('WATCHDOG_USEC', '30000000');
    setVariable('WATCHDOG_PID', String(process.pid));
    expect(watchdogMicros()).toBe(30_000_000);
    setVariable('WATCHDOG_PID', '1');
    expect(watchdogMicros()).toBeUndefined();
  });
});
