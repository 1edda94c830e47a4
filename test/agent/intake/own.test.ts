import { describe, expect, test } from '@jest/globals';
import { isOwn } from '../../../src/agent/intake/protocol.js';
import type { Entry } from '../../../src/core/entry.js';
import { cursor } from '../../../src/core/names.js';
import { epochMicros } from '../../../src/core/time.js';

const self = { pid: 4711, since: epochMicros(1_000) };
const entry = (fields: Readonly<Record<string, string>>, at = 2_000): Entry => ({
  cursor: cursor('s=1'),
  realtime: epochMicros(at),
  message: 'NOTICE [sshd] Ban 192.0.2.1',
  fields: new Map(Object.entries(fields)),
});

describe("the agent's own entries", () => {
  test('are those of its units, in replay too', () => {
    expect(isOwn(entry({ _SYSTEMD_UNIT: 'banjour.service', _PID: '9' }), undefined)).toBe(true);
    expect(isOwn(entry({ _SYSTEMD_UNIT: 'banjour-companion.service' }), undefined)).toBe(true);
    expect(isOwn(entry({ _SYSTEMD_UNIT: 'banjour-notify.service' }), undefined)).toBe(true);
  });

  test('are those of this process, wherever it was started', () => {
    expect(isOwn(entry({ _SYSTEMD_UNIT: 'session-1.scope', _PID: '4711' }), self)).toBe(true);
  });

  test('are not those of an earlier process of the same number', () => {
    expect(isOwn(entry({ _SYSTEMD_UNIT: 'ssh.service', _PID: '4711' }, 999), self)).toBe(false);
  });

  test('are never told by text or by what anybody can write', () => {
    expect(
      isOwn(
        entry({ _SYSTEMD_UNIT: 'ssh.service', _PID: '12', SYSLOG_IDENTIFIER: 'banjour' }),
        self,
      ),
    ).toBe(false);
    expect(isOwn(entry({}), self)).toBe(false);
  });
});
