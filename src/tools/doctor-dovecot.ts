/**
 * What doctor asks Dovecot: whether its log tells a phone with an old password from guessing, and
 * whether a login would be answered, asked on the way that Dovecot goes.
 */
import { spawnSync } from 'node:child_process';
import { request } from 'node:http';
import { messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { DIGEST_CHARS_MIN } from '../core/limits.js';
import type { CompanionConfig } from '../setup/companion-config.js';
import { askDovecotPolicy, type DovecotPolicy, examinePolicy } from '../setup/dovecot-policy.js';
import { examplePath } from '../setup/paths.js';

const DROP_IN = examplePath('dovecot/99-banjour.conf');
const FIX = `cp ${DROP_IN} /etc/dovecot/conf.d/ && doveadm reload; the log then has a line for each failed login, with the user, the address and six of the 40 digits of the SHA-1 of the password that was tried, never the password (docs/detection.md)`;

/** What `doveconf` prints of both settings; undefined where no Dovecot says so. */
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

/** Dovecot's own time limit, as the example has it. */
const PROBE_MS = 500;
const ID = 'policy.probe';
const LOG = 'journalctl -u banjour-companion -n 20 says more';

/** Nothing where Dovecot is not there, or nobody asks and nobody answers. */
export async function checkPolicy(
  policy: CompanionConfig['policy'],
  program = 'doveconf',
): Promise<Finding[]> {
  const findings: Finding[] = examinePolicy(policy, program);
  const dovecot = policy.enabled ? askDovecotPolicy(program) : undefined;
  if (dovecot === undefined || (dovecot.get('server_url') ?? '') === '') return findings;
  return [...findings, await probe(dovecot)];
}

/** Asks about a login from this host, which is always served, with Dovecot's address and key. */
async function probe(dovecot: DovecotPolicy): Promise<Finding> {
  const url = dovecot.get('server_url') ?? '';
  const started = performance.now();
  try {
    const header = dovecot.get('server_api_header') ?? '';
    const { status, text } = await ask(url, header, 'allow');
    const took = Math.round(performance.now() - started);
    const answer = status === 200 ? (JSON.parse(text) as { status?: unknown }) : undefined;
    const ping = await ask(url, header, 'ping');
    if (answer?.status === 0 && ping.status === 200 && !ping.text.includes('"agent":true'))
      return {
        level: 'error',
        id: ID,
        message: 'Dovecot is answered, but the agent does not tell the companion: all are served',
        fix: 'systemctl restart banjour banjour-companion; ls -l /run/banjour/policy.sock must show the group banjour-companion',
      };
    if (answer?.status === 0)
      return { level: 'ok', id: ID, message: `Dovecot's question is answered within ${took} ms` };
    const what = status === 401 ? 'the key is another one' : `${status} ${text.slice(0, 200)}`;
    return { level: 'error', id: ID, message: `${url} does not answer Dovecot: ${what}`, fix: LOG };
  } catch (error) {
    const message = `${url} does not answer Dovecot: ${messageOf(error)}`;
    return { level: 'error', id: ID, message, fix: LOG };
  }
}

function ask(
  url: string,
  header: string,
  command: string,
): Promise<{ status: number; text: string }> {
  const [name = '', value = ''] = header.split(/:\s*(.*)/s);
  const body = JSON.stringify({ login: 'banjour-doctor', remote: '127.0.0.1', protocol: 'doctor' });
  const target = new URL(url);
  target.searchParams.set('command', command);
  return new Promise((resolve, reject) => {
    const call = request(
      target,
      {
        method: 'POST',
        signal: AbortSignal.timeout(PROBE_MS),
        headers: {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...(name === '' ? {} : { [name]: value }),
        },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, 4096);
        });
        response.once('error', reject);
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      },
    );
    call.once('error', reject);
    call.end(body);
  });
}
