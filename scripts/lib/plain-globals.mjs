/**
 * Where a test file runs: jest's environment for Node, with a global object that is V8's own.
 *
 * Jest gives each test file a global object, so that files share none, and makes it a proxy: each
 * mention of a global such as `Math` asks the interceptors of `node:vm` and then the proxy, and V8
 * keeps no answer. A loop that calls `Math.max` takes twenty times as long as in the program (Node
 * 20). A context of `node:vm` without such an object keeps files apart as well, and looks globals
 * up as any program does.
 */
import vm from 'node:vm';
import { TestEnvironment } from 'jest-environment-node';

export default class PlainGlobals extends TestEnvironment {
  /** @param {ConstructorParameters<typeof TestEnvironment>} given what jest gives */
  constructor(...given) {
    // Jest's constructor makes the context and fills it, and asks nobody of which kind it shall be.
    const { createContext } = vm;
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY);
    try {
      super(...given);
    } finally {
      vm.createContext = createContext;
    }
  }
}
