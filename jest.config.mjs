import { availableParallelism } from 'node:os';

/** Tests run on built JavaScript: worker entry files and native add-ons do not exist under on-the-fly transforms. */
export default {
  rootDir: 'dist',
  testEnvironment: '<rootDir>/../scripts/lib/plain-globals.mjs',
  // Nothing is compiled here.
  transform: {},
  testSequencer: '<rootDir>/../scripts/lib/slowest-first.mjs',
  setupFiles: ['<rootDir>/test/setup.js'],
  testMatch: ['<rootDir>/test/**/*.test.js'],
  testPathIgnorePatterns: ['<rootDir>/test/e2e/'],
  // A loaded machine is slow; what hangs is ended by shorter bounds of the tests' own.
  testTimeout: 120_000,
  // Suites share nothing: each has ports, folders, names and network namespaces of its own. Many
  // wait for other programs, or for a bound to pass: where there are two processors a third suite
  // uses what two leave.
  maxWorkers: Math.max(3, availableParallelism() - 1),
  // `npm test -- --coverage`: a report, no gate. What runs in processes of its own is not seen.
  coverageProvider: 'v8',
  collectCoverageFrom: ['<rootDir>/src/**/*.js', '<rootDir>/native/**/*.js'],
  coverageDirectory: '../coverage',
  coverageReporters: ['text', 'html'],
};
