import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Host } from '../control/host.js';
import { canWrite } from '../support/journal-files.js';
import { isRoot, needs } from '../support/require.js';
import {
  type Answer,
  COMMAND_LINES,
  formatAnswers,
  GOLDEN,
  golden,
  WITHOUT_SERVER,
} from './golden.js';
import { askReal, trixie } from './real-fail2ban.js';

const root = trixie();

describe('fail2ban-client', () => {
  needs(
    isRoot && root !== undefined,
    "needs root and the end-to-end suite's Debian 13 root file system",
  )(
    'of Debian 13 answers as the golden file says',
    () => {
      const answers = formatAnswers(askReal(root as string, COMMAND_LINES, WITHOUT_SERVER));
      if (process.env['BANJOUR_WRITE_GOLDEN'] === '1') writeFileSync(GOLDEN, answers);
      expect(answers).toBe(golden());
    },
    240_000,
  );

  describe('that is Banjour', () => {
    let host: Host;
    beforeAll(async () => {
      if (canWrite[0]) host = await new Host().start();
    });
    afterAll(() => host?.end());

    needs(...canWrite)(
      'answers to the byte as the real one does, with the same exit codes',
      async () => {
        await host.until(
          'the agent runs',
          async () => (await host.client().status()).state === 'running',
        );
        const answers: Answer[] = [];
        for (const line of COMMAND_LINES) {
          const { code, out } = await host.fail2ban(...line.split(' '));
          answers.push({ line, code, out });
        }
        await host.stop();
        for (const line of WITHOUT_SERVER) {
          const { code, out } = await host.fail2ban(...line.split(' '));
          answers.push({ line, code, out });
        }
        expect(formatAnswers(answers)).toBe(golden());
      },
    );
  });
});

test('the golden file has every command line once, in order', () => {
  const lines = [...golden().matchAll(/^\$ (.*)$/gm)].map(([, line]) => line);
  expect(lines).toEqual([...COMMAND_LINES, ...WITHOUT_SERVER]);
});
