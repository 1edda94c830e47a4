/** Whether Dovecot logs what tells a phone with an old password from guessing. */
import { spawnSync } from 'node:child_process';
import type { Finding } from '../core/finding.js';
import { DIGEST_CHARS_MIN } from '../core/limits.js';
import { examplePath } from '../setup/paths.js';

const DROP_IN = examplePath('dovecot/99-banjour.conf');
const FIX = `cp ${DROP_IN} /etc/dovecot/conf.d/ && doveadm reload; the log then has a line for each failed login, with the user, the address and six of the 40 digits of the SHA-1 of the password that was tried, never the password (docs/detection.md)`;

/** What `doveconf` prints of both settings; undefined where there is no Dovecot, or it is mute. */
function askDoveconf(program: string): string | undefined {
  const settings = ['auth_verbose', 'auth_verbose_passwords'];
  const { status, stdout } = spawnSync(program, settings, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return status === 0 ? stdout : undefined;
}

/** Nothing where Dovecot is not there or cannot be asked. Versions 2.3 and 2.4. */
export function checkDovecot(program = 'doveconf'): Finding[] {
  const said = askDoveconf(program);
  const settingOf = (key: string) =>
    new RegExp(`^${key} = (.*)$`, 'm').exec(said ?? '')?.[1]?.trim();
  const [verbose, passwords] = [settingOf('auth_verbose'), settingOf('auth_verbose_passwords')];
  if (verbose === undefined || passwords === undefined) return [];
  const id = 'dovecot.auth-verbose';
  if (verbose !== 'yes')
    return [
      {
        level: 'note',
        id,
        message:
          'Dovecot has auth_verbose = no: many a failed login is known only when its connection ends, and a phone that repeats an old password looks like guessing',
        fix: FIX,
      },
    ];
  if (/^(?:plain|yes)\b/.test(passwords))
    return [
      {
        level: 'warning',
        id,
        message: `Dovecot has auth_verbose_passwords = ${passwords}: the log has the passwords that people mistype`,
        fix: FIX,
      },
    ];
  if (!isDigest(passwords))
    return [
      {
        level: 'note',
        id,
        message: `Dovecot has auth_verbose_passwords = ${passwords}: a phone that repeats an old password looks like guessing`,
        fix: FIX,
      },
    ];
  return [{ level: 'ok', id, message: 'Dovecot says of each failed login which password it was' }];
}

function isDigest(value: string): boolean {
  const digits = /^sha1(?::(\d+))?$/.exec(value);
  return digits !== null && Number(digits[1] ?? DIGEST_CHARS_MIN) >= DIGEST_CHARS_MIN;
}
