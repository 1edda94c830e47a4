import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { parseCommandLine } from '../../src/cli/command-line.js';
import { quickChoice } from '../../src/cli/quick.js';
import { COMMANDS } from '../../src/cli/table.js';

const NAMES = ['status', 'stats', 'banned', 'ban', 'unban', 'attempt', 'ping'];
const WORDS = [
  '192.0.2.1',
  '2001:db8::1',
  'sshd',
  '10',
  '--json',
  '--jail',
  '--all',
  '--force',
  '--bantime',
  '-1',
  '1d',
];
const MORE = [
  '--run-dir',
  '/run/x',
  '-l',
  '--long',
  '-',
  '--',
  '--run-dir=/run/y',
  '--nonsense',
  '--help',
  '',
];

describe('the quick reading of command lines', () => {
  test('agrees with yargs wherever it dares', async () => {
    let taken = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...NAMES),
        fc.array(fc.constantFrom(...WORDS, ...MORE), { maxLength: 5 }),
        async (name, words) => {
          const quick = await quickChoice([name, ...words]);
          if (quick === undefined) return;
          taken++;
          const full = await parseCommandLine([name, ...words], COMMANDS, '0', 100);
          expect(full.command?.name).toBe(quick.command.name);
          const { positionals = [], options = {} } = quick.command;
          for (const { name: key, many } of positionals)
            expect([key, many ? quick.args.list(key) : quick.args.text(key)]).toEqual([
              key,
              many ? full.args.list(key) : full.args.text(key),
            ]);
          for (const [key, { type }] of Object.entries({
            ...options,
            json: { type: 'boolean' },
            'run-dir': { type: 'string' },
          }))
            expect([key, type === 'boolean' ? quick.args.flag(key) : quick.args.text(key)]).toEqual(
              [key, type === 'boolean' ? full.args.flag(key) : full.args.text(key)],
            );
        },
      ),
      { numRuns: 250 },
    );
    expect(taken).toBeGreaterThan(20);
  });

  test('takes what scripts run all day', async () => {
    for (const line of [
      'status',
      'status sshd',
      'status --json',
      'stats',
      'ping',
      'banned 192.0.2.1',
      'ban sshd 192.0.2.1 --bantime 1h',
      'unban --all',
    ])
      expect([line, (await quickChoice(line.split(' ')))?.command.name]).toEqual([
        line,
        line.split(' ')[0],
      ]);
  });

  test('leaves to yargs what it does not know', async () => {
    for (const line of [
      '',
      'stauts',
      'status --help',
      'status a b',
      'status --nonsense',
      'ban sshd',
      'ban sshd 192.0.2.1 --bantime -1',
      'history',
    ])
      expect([line, await quickChoice(line.split(' '))]).toEqual([line, undefined]);
  });
});
