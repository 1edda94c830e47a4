import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { completionFiles } from '../../src/cli/completion/scripts.js';
import {
  requireVisible,
  serviceFiles,
  takeOverFormer,
  unitFor,
} from '../../src/cli/service-files.js';
import { COMMANDS } from '../../src/cli/table.js';
import { isRoot, needs } from '../support/require.js';

const UNIT = readFileSync('systemd/banjour.service', 'utf8');

describe('banjour service install', () => {
  test('writes the shipped unit with the paths of this Node and this installation, and changes nothing else', () => {
    const unit = unitFor(UNIT, '/usr/local/bin/node', '/usr/local/lib/node_modules/banjour/', 257);
    const command = '/usr/local/bin/node /usr/local/lib/node_modules/banjour/dist/src/main.js';
    expect(unit).toContain(`\nExecStart=${command} run\n`);
    expect(unit).toContain(`\nExecReload=${command} reload\n`);
    expect(unit.replaceAll(command, '/usr/bin/banjour')).toBe(UNIT);
  });

  test('writes paths so that systemd reads them as they are', () => {
    const unit = unitFor(
      'ExecStart=/usr/bin/banjour run\n',
      '/opt/my node/50%/node',
      '/opt/$x',
      257,
    );
    expect(unit).toBe('ExecStart="/opt/my node/50%%/node" /opt/$$x/dist/src/main.js run\n');
  });

  test('gives a systemd that knows no growing pause between failed starts a longer one', () => {
    const unit = unitFor(UNIT, '/usr/bin/node', '/opt/banjour', 252);
    expect(unit).toContain('\nRestart=on-failure\nRestartSec=2s\n# No restart');
    expect(unit).not.toContain('RestartSteps');
  });

  test('its logs are rotated by the user who owns their folder', () => {
    const user = /^User=(.*)$/m.exec(UNIT)?.[1];
    const rotation = readFileSync('packaging/debian/etc/logrotate.d/banjour', 'utf8');
    expect(rotation).toMatch(new RegExp(`^\\tsu ${user} ${user}$`, 'm'));
  });

  test('places completion where bash, zsh and fish look for it', () => {
    const files = completionFiles(COMMANDS);
    expect(files.map(({ path }) => path)).toEqual([
      '/usr/local/share/bash-completion/completions/banjour',
      '/usr/local/share/zsh/site-functions/_banjour',
      '/usr/local/share/fish/vendor_completions.d/banjour.fish',
    ]);
    for (const { text, theirs } of files)
      expect([text.includes('import'), theirs]).toEqual([true, false]);
  });

  test('takes over what 0.1.0 left, once, and again where that was interrupted', () => {
    const root = mkdtempSync(join(tmpdir(), 'banjour-former-'));
    try {
      expect(takeOverFormer(() => 'said', root)).toBeUndefined();
      const unit = join(root, 'etc/systemd/system/banjour-notify.service');
      for (const path of [unit, join(root, 'etc/sysusers.d/banjour-notify.conf')]) {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, '');
      }
      const interrupted = () => {
        expect(existsSync(unit)).toBe(false);
        throw new Error('interrupted');
      };
      expect(() => takeOverFormer(interrupted, root)).toThrow('interrupted');
      expect(takeOverFormer(() => 'said', root)).toBe('said');
      expect(takeOverFormer(() => 'said', root)).toBeUndefined();
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  test('never overwrites what an administrator may have edited', () => {
    const theirs = serviceFiles(257, process.execPath, `${process.cwd()}/`).filter(
      (file) => file.theirs,
    );
    expect(theirs.map(({ path }) => path)).toEqual([
      '/etc/banjour/jail.d/host.conf',
      '/etc/banjour/banjour.d/host.conf',
      '/etc/logrotate.d/banjour',
    ]);
  });

  needs(isRoot && existsSync(userInfo().homedir), 'needs the home folder of root')(
    'refuses a Node in a home folder, which the sandbox of the unit hides',
    () => {
      const folder = mkdtempSync(join(userInfo().homedir, 'banjour-node-'));
      try {
        const node = join(folder, 'node');
        writeFileSync(node, '');
        expect(() => requireVisible(node, `${process.cwd()}/`)).toThrow(
          /its sandbox hides home and temporary folders/,
        );
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  needs(isRoot, 'needs root to make a folder outside home and temporary folders')(
    'refuses an installation that the user banjour could not read, and says what to change',
    () => {
      const folder = mkdtempSync('/opt/banjour-test-');
      try {
        mkdirSync(join(folder, 'dist/src'), { recursive: true });
        writeFileSync(join(folder, 'dist/src/main.js'), '');
        chmodSync(folder, 0o755);
        chmodSync(join(folder, 'dist'), 0o700);
        const check = () => requireVisible('/bin/sh', `${folder}/`);
        expect(check).toThrow(
          /the user banjour could not read .*main\.js: others have no access to .*\/dist/,
        );
        chmodSync(join(folder, 'dist'), 0o755);
        expect(check).not.toThrow();
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );
});
