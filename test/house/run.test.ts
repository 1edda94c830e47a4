/** How the scripts run programs beside one another: whose line it is, and what came of each. */
import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';

/** What a script says that runs these side by side, without the order in which they came. */
function saidSideBySide(commands: Readonly<Record<string, readonly string[]>>): string[] {
  const script = `import { sideBySide } from './scripts/lib/run.mjs';
console.log(JSON.stringify(await sideBySide(${JSON.stringify(commands)})));`;
  const words = ['--input-type=module', '-e', script];
  const { stdout } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  return stdout.trim().split('\n').sort();
}

test('each line stands behind the name of its command, and each exit status is told', () => {
  const said = saidSideBySide({
    one: ['sh', '-c', 'echo a; echo b >&2; exit 3'],
    longer: ['sh', '-c', 'printf "no end of line"'],
    killed: ['sh', '-c', 'kill -9 $$'],
  });
  expect(said).toEqual(['[3,0,1]', 'longer | no end of line', 'one    | a', 'one    | b']);
});
