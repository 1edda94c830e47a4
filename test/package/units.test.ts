/** What the packages hold, checked without building them. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { hasCommand, needs } from '../support/require.js';

const read = (path: string) => readFileSync(path, 'utf8');
const DEBIAN = 'packaging/debian';

describe('banjour.service', () => {
  needs(hasCommand('systemd-analyze'), 'systemd-analyze is not installed')(
    'is rated 1.3 or better by systemd-analyze security',
    () => {
      const command = ['security', '--offline=true', '--no-pager', 'systemd/banjour.service'];
      const { stdout } = spawnSync('systemd-analyze', command, { encoding: 'utf8' });
      const rating = Number(
        /Overall exposure level for banjour\.service: ([\d.]+)/.exec(stdout)?.[1],
      );
      expect(rating).toBeGreaterThan(0);
      expect(rating).toBeLessThanOrEqual(1.3);
    },
  );

  test('reads every Exec line from /usr/bin/banjour, which packages replace by where they put it', () => {
    for (const name of readdirSync('systemd').filter((file) => file.endsWith('.service')))
      for (const [line] of read(`systemd/${name}`).matchAll(/^Exec.*$/gm))
        expect([name, line]).toEqual([
          name,
          expect.stringMatching(/^Exec\w+=-?\/(?:usr\/bin\/banjour|bin\/kill) /),
        ]);
  });
});

describe('the Debian package', () => {
  test('has the version of the project', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read(`${DEBIAN}/changelog`)).toMatch(
      new RegExp(`^banjour \\(${version.replace('-', '~')}\\) `),
    );
  });

  test('is named by the example of an Ansible role as its build names it', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    const { packaged } = JSON.parse(read('packaging/node.json')) as { packaged: string };
    const [named] = /banjour_\S+\.deb/.exec(read('examples/ansible/README.md')) ?? [];
    expect(named).toBe(`banjour_${version.replace('-', '~')}+node${packaged}_amd64.deb`);
  });

  test.each(['postinst', 'prerm', 'postrm'])(
    'has a %s that is a correct shell script',
    (script) => {
      const text = `set -e\n${read(`${DEBIAN}/common.sh`)}\n${read(`${DEBIAN}/${script}`)}`;
      expect(spawnSync('sh', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({
        status: 0,
        stderr: '',
      });
    },
  );

  test('switches jails off for absent services after those files switch them on, and before the administrator', () => {
    const path = /^SERVICES=(.*)$/m.exec(read(`${DEBIAN}/common.sh`))?.[1] ?? '';
    const [folder, name] = [
      path.slice(0, path.lastIndexOf('/')),
      path.slice(path.lastIndexOf('/') + 1),
    ];
    expect(folder).toBe('/usr/lib/banjour/config/jail.d');
    const shipped = readdirSync('config/jail.d');
    expect([...shipped, name].sort().at(-1)).toBe(name);
    const enabled = shipped.flatMap((file) =>
      [...read(`config/jail.d/${file}`).matchAll(/^\[([\w-]+)\]\nenabled = true$/gm)].map(
        (match) => match[1],
      ),
    );
    // The jail that weighs watches no service.
    for (const jail of enabled.filter((name) => name !== 'login'))
      expect(read(`${DEBIAN}/common.sh`)).toContain(`[${jail}]\\nenabled = false`);
  });

  test('gives a reason for each exception from what lintian demands', () => {
    for (const name of ['lintian-overrides', 'lintian-overrides.self-contained']) {
      const lines = read(`${DEBIAN}/${name}`).split('\n').filter(Boolean);
      lines.forEach((line, index) => {
        if (!line.startsWith('#'))
          expect([line, lines[index - 1]]).toEqual([line, expect.stringMatching(/^# .{20}/)]);
      });
    }
  });

  test('pins a digest of each Node for each architecture, and packs one of them', () => {
    const { packaged, versions } = JSON.parse(read('packaging/node.json')) as {
      packaged: string;
      versions: Record<string, Record<string, string>>;
    };
    expect(Object.keys(versions)).toContain(packaged);
    for (const [version, digests] of Object.entries(versions)) {
      expect([version, Object.keys(digests).sort()]).toEqual([version, ['arm64', 'x64']]);
      for (const digest of Object.values(digests))
        expect(Buffer.from(digest.replace(/^sha512-/, ''), 'base64')).toHaveLength(64);
    }
  });

  test('leaves every line of its configuration files to the administrator', () => {
    const files = (folder: string): string[] =>
      readdirSync(folder).flatMap((name) =>
        statSync(join(folder, name)).isDirectory()
          ? files(join(folder, name))
          : [join(folder, name)],
      );
    for (const path of files(`${DEBIAN}/etc/banjour`))
      for (const line of read(path).split('\n'))
        expect([path, line]).toEqual([path, expect.stringMatching(/^(?:#.*)?$/)]);
  });
});
