/** Test files have globals of their own, which are as fast as a program's. */
import { resolve } from 'node:path';
import vm from 'node:vm';
import { expect, jest, test } from '@jest/globals';

interface Environment {
  readonly global: Readonly<Record<string, unknown>>;
  getVmContext(): unknown;
  teardown(): Promise<void>;
}
const { default: PlainGlobals } = (await import(resolve('scripts/lib/plain-globals.mjs'))) as {
  readonly default: new (config: object, context: object) => Environment;
};
const make = () =>
  new PlainGlobals({ projectConfig: { globals: {}, testEnvironmentOptions: {} } }, {});

test('nothing stands between a test file and its globals', async () => {
  const { createContext } = vm;
  const environment = make();
  expect(environment.getVmContext()).toBe(environment.global);
  expect(vm.createContext).toBe(createContext);
  await environment.teardown();
});

test("what one file does to its globals is none of another's business", async () => {
  const [one, other] = [make(), make()];
  (one.global as Record<string, unknown>)['parseInt'] = 'another';
  expect(other.global['parseInt']).not.toBe('another');
  expect(one.global['Math']).not.toBe(other.global['Math']);
  await one.teardown();
  await other.teardown();
});

test('the tests run in such a place', async () => {
  const { default: config } = (await import(resolve('jest.config.mjs'))) as {
    readonly default: { readonly testEnvironment: string };
  };
  expect(config.testEnvironment).toBe('<rootDir>/../scripts/lib/plain-globals.mjs');
  expect(Math).not.toBe(vm.runInThisContext('Math'));
});

test('a clock that a test replaces is the one that modules see', () => {
  jest.useFakeTimers({ now: 5 });
  const now = Date.now();
  jest.useRealTimers();
  expect(now).toBe(5);
});
