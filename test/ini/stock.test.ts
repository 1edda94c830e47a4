import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { loadFilter } from '../../src/ini/definition.js';
import { literal } from '../../src/ini/value.js';
import { FAIL2BAN_VERSIONS, fail2banPackage } from '../support/fail2ban.js';
import { hasCommand, needs } from '../support/require.js';

interface Variant {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
  readonly logtype: string;
  readonly result: Readonly<Record<string, string>>;
}

/** What fail2ban's own reader makes of every filter of its package, in every mode. */
function expandWithFail2ban(root: string): { basedir: string; variants: Variant[] } {
  const script = join(process.cwd(), 'test/ini/fail2ban_expand.py');
  const run = spawnSync('python3', [script, root], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

function nonEmptyLines(text: string | undefined): string[] {
  return (text ?? '').split('\n').filter((line) => line !== '');
}

describe.each(FAIL2BAN_VERSIONS)("the filters of Debian's fail2ban %s", (version) => {
  const unpacked = fail2banPackage(version);
  const reason = 'reason' in unpacked ? unpacked.reason : 'python3 is not installed';
  const run = needs('root' in unpacked && hasCommand('python3'), reason);

  run('are expanded to the same regexes as by fail2ban itself, in every mode', () => {
    if (!('root' in unpacked)) return;
    const { basedir, variants } = expandWithFail2ban(unpacked.root);
    expect(variants.length).toBeGreaterThan(200);
    const different: unknown[] = [];
    for (const { name, options, logtype, result } of variants) {
      const place = { file: 'test', line: 1 };
      const given = new Map(
        Object.entries(options).map(([key, text]) => [key, literal(text, place)]),
      );
      const { definition, diagnostics } = loadFilter({
        name,
        options: given,
        logtype,
        dirs: [basedir],
      });
      const ours = {
        failregex: definition?.failregex.map((line) => line.text),
        ignoreregex: definition?.ignoreregex.map((line) => line.text),
        prefregex: definition?.prefregex?.text ?? '',
        datepattern: definition?.datepattern?.text ?? '',
        maxlines: definition?.maxlines,
        diagnostics,
      };
      const theirs = {
        failregex: nonEmptyLines(result['failregex']),
        ignoreregex: nonEmptyLines(result['ignoreregex']),
        prefregex: result['prefregex'] ?? '',
        datepattern: result['datepattern'] ?? '',
        maxlines: Number(result['maxlines'] ?? 1),
        diagnostics: [],
      };
      if (result['error'] !== undefined || JSON.stringify(ours) !== JSON.stringify(theirs))
        different.push({ name, options, logtype, ours, theirs, error: result['error'] });
    }
    expect(different).toEqual([]);
  });

  run('know for every regex the line it was written in', () => {
    if (!('root' in unpacked)) return;
    const dirs = [join(unpacked.root, 'etc/fail2ban')];
    const options = new Map([['mode', literal('aggressive', { file: 'test', line: 1 })]]);
    const { definition } = loadFilter({ name: 'sshd', options, dirs });
    const failregex = definition?.failregex ?? [];
    expect(failregex.length).toBeGreaterThan(30);
    const places = failregex.map(({ place }) => `${place.file}:${place.line}`);
    expect(places.every((place) => place.includes('/filter.d/sshd.conf:'))).toBe(true);
    // Three regexes share one line there, and two another.
    expect(new Set(places).size).toBeGreaterThan(failregex.length - 5);
  });
});
