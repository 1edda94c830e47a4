/** Runs jest on the built tests and reads its counts. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fail, openly, ROOT } from './run.mjs';

/**
 * Runs jest with its usual output. Returns whether it succeeded, its counts, and the reasons for
 * skipping: from the titles of skipped tests, which end in ` [skipped: reason]`.
 */
export function jest(config, args) {
  const results = 'dist/test-results.json';
  rmSync(join(ROOT, results), { force: true });
  const flags = [
    '--experimental-vm-modules',
    '--no-warnings',
    'node_modules/jest/bin/jest.js',
    '--config',
    config,
  ];
  // Tests that want another language say so; programs complain of a locale that is not installed.
  process.env.LC_ALL = 'C.UTF-8';
  delete process.env.LANGUAGE;
  const status = openly(process.execPath, [...flags, '--json', `--outputFile=${results}`, ...args]);
  let report;
  try {
    report = JSON.parse(readFileSync(join(ROOT, results), 'utf8'));
  } catch {
    fail(`jest ended with status ${status} and without results`);
  }
  const skipped = new Map();
  for (const file of report.testResults)
    for (const test of file.assertionResults) {
      if (test.status !== 'pending' && test.status !== 'todo') continue;
      const reason = / \[skipped: (.+)\]$/s.exec(test.title)?.[1] ?? 'no reason given';
      skipped.set(reason, [
        ...(skipped.get(reason) ?? []),
        test.fullName.replace(/ \[skipped: .+\]$/s, ''),
      ]);
    }
  // A test file that does not even load has no test to count.
  const failed = report.numFailedTests + report.numRuntimeErrorTestSuites;
  return {
    ok: status === 0,
    passed: report.numPassedTests,
    failed,
    pending: report.numPendingTests + report.numTodoTests,
    skipped,
  };
}

/** Tells what was skipped and why, then the closing line. */
export function conclude({ passed, failed, pending, skipped }) {
  for (const [reason, titles] of skipped) {
    process.stdout.write(`\nskipped, ${reason}:\n`);
    for (const title of titles) process.stdout.write(`  - ${title}\n`);
  }
  process.stdout.write(`\n${passed} passed, ${failed} failed, ${pending} skipped\n`);
}
