import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { loadConfig } from '../../src/config/load.js';
import type { FileTree } from '../../src/ini/tree.js';
import { diskTree } from '../../src/ini/tree.js';
import { FAIL2BAN_VERSIONS, fail2banPackage } from '../support/fail2ban.js';
import { hasCommand, needs } from '../support/require.js';

/** The disk, and one more file in a folder that does not exist. */
function withFile(path: string, text: string): FileTree {
  return {
    read: (one) => (one === path ? { text } : diskTree.read(one)),
    list: (folder) => diskTree.list(folder),
  };
}

/**
 * What fail2ban's own reader makes of every jail: [name, maxretry, findtime, bantime] in its units.
 */
function readWithFail2ban(root: string): [string, number, number, number][] {
  const script = `
import sys, json, logging
sys.path.insert(0, sys.argv[1] + '/usr/lib/python3/dist-packages')
logging.disable(logging.CRITICAL)
from fail2ban.client.configreader import ConfigReader
from fail2ban.server.mytime import MyTime
reader = ConfigReader(basedir=sys.argv[1] + '/etc/fail2ban')
reader.read('jail')
seconds = MyTime.str2seconds
print(json.dumps([[n, int(reader.get(n, 'maxretry')), seconds(reader.get(n, 'findtime')), seconds(reader.get(n, 'bantime'))]
                  for n in reader.sections() if n != 'INCLUDES']))`;
  const run = spawnSync('python3', ['-c', script, root], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return JSON.parse(run.stdout);
}

describe.each(FAIL2BAN_VERSIONS)("the whole configuration of Debian's fail2ban %s", (version) => {
  const unpacked = fail2banPackage(version);
  const run = needs(
    'root' in unpacked && hasCommand('python3'),
    'reason' in unpacked ? unpacked.reason : 'no python3',
  );

  run('loads with every jail enabled, with the same maxretry, findtime and bantime', () => {
    if (!('root' in unpacked)) return;
    // A jail that lets addresses in instead of shutting them out: the one that is refused, see
    // below.
    const theirs = readWithFail2ban(unpacked.root).filter(([name]) => name !== 'pass2allow-ftp');
    // Of the jails without a match of their own, the filters' authors expect files; a match keeps
    // this test to jails.
    const all = theirs
      .map(([name]) => `[${name}]\nenabled = true\nmatch = -u any\nignorecommand =\n`)
      .join('');
    const request = { shippedRoot: join(unpacked.root, 'etc/fail2ban'), adminRoot: '/nonexistent' };
    const { config, diagnostics } = loadConfig({
      ...request,
      tree: withFile('/nonexistent/jail.local', all),
    });
    const errors = diagnostics.filter((one) => one.level === 'error');
    expect(errors).toEqual([]);
    const ours = config?.jails.map(({ policy }) => [
      policy.jail,
      policy.maxretry,
      policy.findtime,
      policy.bantime,
    ]);
    expect(ours).toEqual(theirs);
    expect(theirs.length).toBeGreaterThan(80);
  });

  run('has one jail that cannot be: it would let addresses in', () => {
    if (!('root' in unpacked)) return;
    const request = { shippedRoot: join(unpacked.root, 'etc/fail2ban'), adminRoot: '/nonexistent' };
    const text = '[pass2allow-ftp]\nenabled = true\nmatch = -u any\n';
    const { diagnostics } = loadConfig({
      ...request,
      tree: withFile('/nonexistent/jail.local', text),
    });
    const errors = diagnostics.filter((one) => one.level === 'error');
    expect(errors).toMatchObject([
      { id: 'jail.action', section: 'pass2allow-ftp', value: 'RETURN' },
    ]);
  });
});
