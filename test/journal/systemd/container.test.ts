import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type ContainerHost, containerJournal } from '../../../src/journal/systemd/open.js';

const ID = 'abcdef0123456789abcdef0123456789';
let top: string;
let host: ContainerHost;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'banjour-container-'));
  host = {
    run: join(top, 'run'),
    machines: join(top, 'machines'),
    journals: join(top, 'journals'),
  };
  put('machines/mail/etc/machine-id', `${ID}\n`);
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

function put(path: string, text = ''): string {
  mkdirSync(dirname(join(top, path)), { recursive: true });
  writeFileSync(join(top, path), text);
  return dirname(join(top, path));
}

describe('the journal of a container', () => {
  test("is the one that its root holds, by the container's own machine id", () => {
    const own = put(`machines/mail/var/log/journal/${ID}/system.journal`);
    expect(containerJournal('mail', host)).toBe(own);
  });

  test('is the one that it shares with the host, when it does', () => {
    put(`machines/mail/var/log/journal/${ID}/system.journal`);
    const shared = put(`journals/${ID}/system.journal`);
    expect(containerJournal('mail', host)).toBe(shared);
  });

  test('is looked for in the root that a running machine has', () => {
    const own = put('elsewhere/var/log/journal/system.journal');
    put('run/mail', `NAME=mail\nROOT=${join(top, 'elsewhere')}\n`);
    expect(containerJournal('mail', host)).toBe(own);
  });

  test('is never what a link out of the container leads to', () => {
    put('host/system.journal');
    mkdirSync(join(top, 'machines/mail/var/log'), { recursive: true });
    symlinkSync(join(top, 'host'), join(top, 'machines/mail/var/log/journal'));
    expect(() => containerJournal('mail', host)).toThrow(/no journal/);
  });

  test('that is nowhere is an error with the places that were looked at', () => {
    expect(() => containerJournal('mail', host)).toThrow(
      expect.objectContaining({
        hint: expect.stringContaining(`${host.machines}/mail/var/log/journal`),
      }),
    );
  });
});
