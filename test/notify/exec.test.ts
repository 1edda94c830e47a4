import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';
import { NOTIFY_ANSWER_BYTES_MAX } from '../../src/core/service-limits.js';
import { NOTIFY_DEADLINE_MS } from '../../src/core/timeouts.js';
import { FACT_NAMES, factsOf } from '../../src/notify/news.js';
import { argvOf, execute, runProgram } from '../../src/notify/program.js';
import { fakeTimers } from '../support/timeouts.js';
import { ban } from './support.js';

const facts = (user: string, more = {}) =>
  factsOf({ ban: ban(1, { user, target: '2001:db8::/64', ...more }), lines: [] }, 'mx', 'SSH');

describe('the program that exec starts', () => {
  test('gets the facts as words', () => {
    expect(
      argvOf(
        [
          '/bin/tell',
          '--jail=<jail>',
          '<ip>',
          '<failures>/<name>',
          '<bantime>',
          '<nothing>',
          '<user>',
        ],
        facts('a b'),
      ),
    ).toEqual([
      ...[
        '/bin/tell',
        '--jail=sshd',
        '2001:db8::/64',
        '5/SSH',
        facts('').bantime,
        '<nothing>',
        'a b',
      ],
    ]);
    expect(argvOf(['/bin/tell', '<bantime>'], facts('', { until: null }))).toEqual([
      '/bin/tell',
      '-1',
    ]);
  });

  test('never gets an option, a further word or another program out of what an attacker writes', () => {
    const template = ['/bin/tell', '<user>', 'u=<user>', '<user><ip>', '-u<user>', '--', '<user>'];
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.string().map((text) => `-${text}`),
          fc.constantFrom('--', '-', '<ip>', '$(id)', '-rf', '--user=x', '\0'),
        ),
        (user) => {
          const argv = argvOf(template, facts(user));
          expect(argv).toHaveLength(template.length);
          expect(argv[0]).toBe('/bin/tell');
          for (const [index, word] of argv.entries()) {
            expect(word.startsWith('-')).toBe(template[index]?.startsWith('-'));
            expect(word).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('has as long as the bound says', async () => {
    using _ = fakeTimers();
    const settled = jest.fn();
    const told = execute(['/bin/sleep', '60'], facts('')).finally(settled);
    const refused = expect(told).rejects.toThrow(`was ended after ${NOTIFY_DEADLINE_MS} ms`);
    await jest.advanceTimersByTimeAsync(NOTIFY_DEADLINE_MS - 1);
    expect(settled).not.toHaveBeenCalled();
    await jest.advanceTimersByTimeAsync(1);
    await refused;
  });

  test('is run without a shell, with an environment of its own and the facts as JSON on its input', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'banjour-'));
    try {
      const out = join(folder, 'out');
      const script = `import json,os,sys; open(sys.argv[1],"w").write(json.dumps([sys.argv[2:], json.load(sys.stdin), sorted(os.environ)]))`;
      process.env['BANJOUR_TEST_SECRET'] = 'x';
      await execute(
        ['/usr/bin/python3', '-c', script, out, '<user>', ';touch /tmp/x'],
        facts('$(id) `id`'),
      );
      const [words, input, environment] = JSON.parse(readFileSync(out, 'utf8')) as [
        string[],
        Record<string, string>,
        string[],
      ];
      expect(words).toEqual(['$(id) `id`', ';touch /tmp/x']);
      expect(Object.keys(input)).toEqual([...FACT_NAMES]);
      expect(environment.filter((name) => name.startsWith('BANJOUR'))).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test.each([NOTIFY_ANSWER_BYTES_MAX, NOTIFY_ANSWER_BYTES_MAX + 1])(
    'may say %i bytes: so many are kept',
    async (bytes) => {
      const argv = [
        '/bin/sh',
        '-c',
        `head -c ${bytes} /dev/zero | tr '\\0' x; head -c ${bytes} /dev/zero | tr '\\0' y >&2`,
      ];
      const { output, complaint } = await runProgram(argv, { deadlineMs: 10_000 });
      expect([output, complaint]).toEqual(
        ['x', 'y'].map((char) => char.repeat(NOTIFY_ANSWER_BYTES_MAX)),
      );
    },
  );

  test('that fails, stalls or is not there is said, to be tried again', async () => {
    await expect(
      execute(['/bin/sh', '-c', 'echo no good >&2; exit 3'], facts('')),
    ).rejects.toMatchObject({
      message: '/bin/sh ended with status 3: no good',
      permanent: false,
    });
    await expect(
      execute(['/bin/sh', '-c', 'echo $0 >&2; exit 3', 'hunter2'], facts('')),
    ).rejects.toThrow(/status 3: \(hidden\)$/);
    await expect(execute(['/bin/sleep', '30'], facts(''), 50)).rejects.toThrow(
      'was ended after 50 ms',
    );
    // What it has started goes with it.
    await expect(execute(['/bin/sh', '-c', 'sleep 30 & sleep 30'], facts(''), 50)).rejects.toThrow(
      'was ended',
    );
    await expect(execute(['/nonexistent'], facts(''))).rejects.toThrow('cannot be started');
  });
});
