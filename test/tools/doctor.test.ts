import { expect, test } from '@jest/globals';
import { onePerRemedy } from '../../src/tools/doctor.js';

test('what the same command mends is one finding', () => {
  const start = 'systemctl start banjour';
  expect(
    onePerRemedy([
      { level: 'error', id: 'agent', message: 'no agent is running', fix: start },
      { level: 'ok', id: 'a', message: 'fine' },
      { level: 'error', id: 'firewall', message: 'there is no table', fix: start },
      { level: 'warning', id: 'ledger', message: 'there is no ledger', fix: start },
      { level: 'ok', id: 'a', message: 'fine' },
      { level: 'error', id: 'agent', message: 'no agent is running', fix: start },
    ]),
  ).toEqual([
    { level: 'error', id: 'agent', message: 'no agent is running; there is no table', fix: start },
    { level: 'ok', id: 'a', message: 'fine' },
    { level: 'warning', id: 'ledger', message: 'there is no ledger', fix: start },
    { level: 'ok', id: 'a', message: 'fine' },
  ]);
});
