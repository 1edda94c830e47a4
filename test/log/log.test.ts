import { Writable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { LOG_LINES_PER_SECOND_MAX } from '../../src/core/limits.js';
import { mustJailName } from '../../src/core/names.js';
import { localMillis } from '../../src/core/time.js';
import { createLog, LineBound, styleFor } from '../../src/log/log.js';
import { formatLine } from '../../src/log/text.js';

function capture() {
  const lines: string[] = [];
  const stream = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(...String(chunk).split('\n').filter(Boolean));
      done();
    },
  });
  return { lines, stream };
}

const jail = mustJailName('postfix-sasl');

describe('log lines', () => {
  test("read like fail2ban's: level, jail, what happened, whom", () => {
    expect(formatLine('notice', 'Ban 192.0.2.1', { jail }, 'systemd', 0)).toBe(
      '<5>NOTICE [postfix-sasl] Ban 192.0.2.1',
    );
    expect(formatLine('info', 'Found 192.0.2.1', { jail }, 'plain', 0)).toBe(
      `${localMillis(0)} INFO [postfix-sasl] Found 192.0.2.1`,
    );
  });

  test('carry colour on a terminal only, and not against NO_COLOR', () => {
    expect(formatLine('error', 'x', {}, 'colour', 0)).toContain('\x1b[31m');
    expect(styleFor({ isTTY: true }, {})).toBe('colour');
    expect(styleFor({ isTTY: true }, { NO_COLOR: '1' })).toBe('plain');
    expect(styleFor({ isTTY: false }, {})).toBe('plain');
    expect(styleFor({ isTTY: false }, { JOURNAL_STREAM: '8:1' })).toBe('systemd');
  });

  test('below the level are not written', () => {
    const { lines, stream } = capture();
    const { log, setLevel } = createLog({ level: 'notice', stream, style: 'systemd' });
    log('info', 'Found 192.0.2.1', { jail });
    log('notice', 'Ban 192.0.2.1', { jail });
    setLevel('info');
    log('info', 'Found 192.0.2.2', { jail });
    expect(lines).toEqual([
      '<5>NOTICE [postfix-sasl] Ban 192.0.2.1',
      '<6>INFO [postfix-sasl] Found 192.0.2.2',
    ]);
  });

  test('are bounded per second, and the rest is summed when the second is over', () => {
    const { lines, stream } = capture();
    let now = 5_000;
    const { log } = createLog({ level: 'info', stream, style: 'systemd', now: () => now });
    for (let i = 0; i < LOG_LINES_PER_SECOND_MAX + 1; i++) log('info', `Found ${i}`);
    expect(lines).toHaveLength(LOG_LINES_PER_SECOND_MAX);
    now = 6_000;
    log('info', 'Found again');
    expect(lines.slice(-2)).toEqual([
      `<4>WARNING 1 log lines of the last second left out (bound: ${LOG_LINES_PER_SECOND_MAX} per second)`,
      '<6>INFO Found again',
    ]);
  });

  test('at the bound are all written', () => {
    const bound = new LineBound(3);
    expect([1, 2, 3].map(() => bound.offer(1000, 'info').pass)).toEqual([true, true, true]);
    expect(bound.offer(1000, 'info').pass).toBe(false);
    expect(bound.offer(1000, 'error').pass).toBe(true);
    expect(bound.offer(2000, 'info')).toEqual({ pass: true, suppressed: 1 });
  });
});
