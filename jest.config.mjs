/** Tests run on built JavaScript: worker entry files and native add-ons do not exist under on-the-fly transforms. */
export default {
  rootDir: 'dist',
  testEnvironment: 'node',
  transform: {},
  setupFiles: ['<rootDir>/test/setup.js'],
  testMatch: ['<rootDir>/test/**/*.test.js'],
  testPathIgnorePatterns: ['<rootDir>/test/e2e/'],
  testTimeout: 60_000,
  // `npm test -- --coverage`: a report, no gate. What runs in processes of its own is not seen.
  coverageProvider: 'v8',
  collectCoverageFrom: ['<rootDir>/src/**/*.js', '<rootDir>/native/**/*.js'],
  coverageDirectory: '../coverage',
  coverageReporters: ['text', 'html'],
};
