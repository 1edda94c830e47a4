import { execFileSync } from 'node:child_process';
import { expect } from '@jest/globals';
import { makeNetworkNamespace } from './netns.js';
import { hasCommand, isRoot, needs } from './require.js';

needs(isRoot && hasCommand('ip'), 'needs root and ip')(
  'a network namespace is private, and gone when removed',
  () => {
    const one = makeNetworkNamespace();
    const other = makeNetworkNamespace();
    try {
      one.run(['ip', 'addr', 'add', '192.0.2.7/32', 'dev', 'lo']);
      expect(one.run(['ip', '-br', 'addr'])).toContain('192.0.2.7');
      expect(other.run(['ip', '-br', 'addr'])).not.toContain('192.0.2.7');
      expect(() => one.run(['false'])).toThrow();
    } finally {
      one.remove();
      other.remove();
    }
    expect(execFileSync('ip', ['netns', 'list'], { encoding: 'utf8' })).not.toContain(one.name);
  },
);
