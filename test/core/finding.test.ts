import { describe, expect, test } from '@jest/globals';
import { formatDiagnostic } from '../../src/core/finding.js';

describe('a problem in a file', () => {
  test('is printed with place, section, key, value and fix', () => {
    expect(
      formatDiagnostic({
        level: 'error',
        id: 'jail.bad-value',
        message: 'is not a length of time',
        place: { file: '/etc/banjour/jail.local', line: 3, column: 9 },
        section: 'sshd',
        key: 'bantime',
        value: 'ten\n',
        fix: 'write 600 or 10m',
      }),
    ).toBe(
      '/etc/banjour/jail.local:3:9: error: [sshd] bantime: is not a length of time (got "ten\\n"); write 600 or 10m',
    );
  });

  test('leaves out what it does not know', () => {
    expect(formatDiagnostic({ level: 'note', id: 'x', message: 'hello' })).toBe('note: hello');
    const place = { file: 'f', line: 1 };
    expect(formatDiagnostic({ level: 'warning', id: 'x', message: 'hello', place })).toBe(
      'f:1: warning: hello',
    );
  });
});
