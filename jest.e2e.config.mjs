/** The end-to-end suite: one file after the other, each with machines of its own. */
export default {
  rootDir: 'dist',
  testEnvironment: 'node',
  transform: {},
  testMatch: ['<rootDir>/test/e2e/**/*.test.js'],
  testTimeout: 600_000,
  maxWorkers: 1,
  verbose: true,
};
