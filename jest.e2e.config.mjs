/** The end-to-end suite: each file has machines of its own, so files run beside one another. */
export default {
  rootDir: 'dist',
  testEnvironment: 'node',
  transform: {},
  testSequencer: '<rootDir>/../scripts/lib/slowest-first.mjs',
  testMatch: ['<rootDir>/test/e2e/**/*.test.js'],
  testTimeout: 600_000,
  // They mostly wait for the delays of real servers.
  maxWorkers: 3,
  verbose: true,
};
