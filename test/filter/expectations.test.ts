import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { fail2banPackage } from '../support/fail2ban.js';
import type { DateDifference } from '../support/fail2ban-dates.js';
import { needs } from '../support/require.js';
import { hasPython } from './regex/python.js';

const found = fail2banPackage('1.1.0-8');
const reason = 'reason' in found ? found.reason : 'python3 is not installed';

needs('root' in found && hasPython(), reason)(
  "fail2ban's own tests of dates expect what is found here, but for what docs/conformance.md explains",
  () => {
    const child = join(import.meta.dirname, 'expectations.child.js');
    const args = [child, 'root' in found ? found.root : ''];
    const run = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
    expect([run.status, run.stderr]).toEqual([0, '']);
    const { asked, differences } = JSON.parse(run.stdout) as {
      readonly asked: number;
      readonly differences: readonly DateDifference[];
    };
    expect(asked).toBeGreaterThan(400);
    expect(differences.filter((one) => one.reason === undefined)).toEqual([]);
    expect(differences.length).toBeLessThan(40);
  },
  120_000,
);
