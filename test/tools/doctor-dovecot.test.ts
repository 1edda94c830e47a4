import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { checkDovecot } from '../../src/tools/doctor-dovecot.js';

const scratch = mkdtempSync(join(tmpdir(), 'banjour-dovecot-'));
afterAll(() => rmSync(scratch, { recursive: true }));

/** A doveconf that says this of itself, and ends so. */
function doveconf(verbose: string, passwords: string, status = 0): string {
  const path = join(scratch, 'doveconf');
  writeFileSync(
    path,
    `#!/bin/sh\n[ "$1 $2" = 'auth_verbose auth_verbose_passwords' ] || exit 64\necho 'auth_verbose = ${verbose}'\necho 'auth_verbose_passwords = ${passwords}'\nexit ${status}\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

describe('Dovecot', () => {
  test.each([
    ['no', 'no', 'note', 'auth_verbose = no'],
    ['no', 'sha1:6', 'note', 'auth_verbose = no'],
    ['yes', 'no', 'note', 'auth_verbose_passwords = no'],
    ['yes', 'sha1:5', 'note', 'auth_verbose_passwords = sha1:5'],
    ['yes', 'plain', 'warning', 'auth_verbose_passwords = plain'],
    ['yes', 'plain:3', 'warning', 'auth_verbose_passwords = plain:3'],
  ])('with auth_verbose = %s, auth_verbose_passwords = %s: a %s', (one, other, level, told) => {
    const [finding] = checkDovecot(doveconf(one, other));
    expect(finding).toMatchObject({ level, id: 'dovecot.auth-verbose' });
    expect(finding?.message).toContain(told);
    expect(finding?.fix).toContain('examples/dovecot/99-banjour.conf');
    expect(finding?.fix).toContain('never the password');
  });

  test.each(['sha1', 'sha1:6', 'sha1:40'])('with %s nothing is left to do', (passwords) => {
    expect(checkDovecot(doveconf('yes', passwords)).map(({ level }) => level)).toEqual(['ok']);
  });

  test('that is not there, or does not answer, is no finding', () => {
    expect(checkDovecot(join(scratch, 'absent'))).toEqual([]);
    expect(checkDovecot(doveconf('no', 'no', 1))).toEqual([]);
  });
});
