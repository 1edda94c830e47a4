import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test as plain } from '@jest/globals';
import { FileAccess, parseSandbox, type Sandbox } from '../../src/setup/file-access.js';
import { needs } from '../support/require.js';

const asRoot = needs(process.getuid?.() === 0, 'only root can look with the eyes of others');

const SHOWN = `LoadState=loaded
User=banjour
SupplementaryGroups=systemd-journal
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths=-/srv/logs /srv/more
StateDirectory=banjour
LogsDirectory=banjour
RuntimeDirectory=banjour
InaccessiblePaths=-/dev/shm -/dev/mqueue
`;

plain('the sandbox is what systemctl show says of the unit', () => {
  expect(parseSandbox(SHOWN)).toEqual({
    user: 'banjour',
    groups: ['systemd-journal'],
    writable: ['/var/lib/banjour', '/var/log/banjour', '/run/banjour', '/srv/logs', '/srv/more'],
    hidden: ['/home', '/root', '/run/user', '/tmp', '/var/tmp', '/dev/shm', '/dev/mqueue'],
    made: ['/var/lib/banjour', '/var/log/banjour', '/run/banjour'],
  });
  expect(parseSandbox('LoadState=not-found\n')).toBeUndefined();
  expect(parseSandbox('LoadState=loaded\nProtectSystem=full\n')).toMatchObject({
    user: 'root',
    writable: undefined,
  });
});

describe('whoever looks', () => {
  let folder: string;
  const at = (name: string) => join(folder, name);
  /** A service that runs as `nobody`, whose sandbox is the test's folder. */
  const sandbox = (more: Partial<Sandbox> = {}): Sandbox => ({
    user: 'nobody',
    groups: [],
    writable: undefined,
    hidden: [],
    made: [],
    ...more,
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'banjour-access-'));
    chmodSync(folder, 0o755);
    mkdirSync(at('closed'), { mode: 0o700 });
    mkdirSync(at('open'));
    chmodSync(at('open'), 0o777);
    writeFileSync(at('secret'), 'x', { mode: 0o600 });
    writeFileSync(at('script'), '#!/bin/sh\n');
    chmodSync(at('script'), 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  plain('for itself: what can be written, read and run', () => {
    const self = FileAccess.self();
    expect([
      self.writable(at('open/log')),
      self.readable(at('secret')),
      self.executable(at('script')),
    ]).toEqual([undefined, undefined, undefined]);
    expect(self.writable(at('none/log'))?.kind).toBe('absent');
    expect(self.readable(at('none'))?.kind).toBe('absent');
    expect(self.writable(at('open'))?.why).toBe('it is not a file');
    expect(self.executable(at('open'))?.why).toBe('it is not a program');
  });

  asRoot('root for the service: with the rights of its user', () => {
    const service = FileAccess.of(sandbox(), 0);
    expect([service.writable(at('open/log')), service.executable(at('script'))]).toEqual([
      undefined,
      undefined,
    ]);
    expect(service.writable(at('closed/log'))).toEqual({ kind: 'denied', why: 'no permission' });
    expect(service.readable(at('secret'))).toEqual({ kind: 'denied', why: 'no permission' });
    expect(service.executable(at('secret'))?.kind).toBe('denied');
  });

  asRoot('root for the service: within its sandbox', () => {
    const service = FileAccess.of(
      sandbox({ writable: [at('open')], hidden: [at('closed')], made: ['/var/log/none-such'] }),
      0,
    );
    expect(service.writable(at('open/log'))).toBeUndefined();
    expect(service.writable(at('opened'))?.why).toContain('ProtectSystem=strict');
    expect(service.readable(at('closed/x'))?.why).toContain('hides');
    const made = FileAccess.of(sandbox({ made: ['/var/log/none-such'] }), 0);
    expect(made.writable('/var/log/none-such/log')).toBeUndefined();
    // Another user's, which systemd hands over at a start.
    expect(
      FileAccess.of(sandbox({ made: [at('closed')] }), 0).writable(at('closed/log')),
    ).toBeUndefined();
  });

  plain(
    'an ordinary user: no permission says nothing of the service, and what is not there is not there',
    () => {
      const stranger = FileAccess.of(sandbox({ writable: [at('open')] }), 12_345);
      expect(stranger.isStranger).toBe(true);
      expect(stranger.readable(at('none'))?.kind).toBe('absent');
      expect(stranger.writable(at('elsewhere'))?.why).toContain('ProtectSystem=strict');
    },
  );
});
