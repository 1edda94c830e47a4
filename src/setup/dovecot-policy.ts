/**
 * Whether Dovecot and `[policy]` of companion.conf are of one mind: where it asks, with which key,
 * how long it waits (`doveconf -n`, versions 2.3 and 2.4).
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Diagnostic } from '../core/finding.js';
import { type CompanionConfig, describePort } from './companion-config.js';
import { examplePath } from './paths.js';

/** Settings of Dovecot's policy client by their names after `auth_policy_`. */
export type DovecotPolicy = ReadonlyMap<string, string>;

const EXAMPLE = `${examplePath('dovecot-policy/README.md')} says how`;
const ASK_MS = 5_000;
/** A login may wait so long for a companion that hangs, ms; a longer wait is reported. */
const WAIT_MS = 1_000;

/** Undefined where there is no Dovecot, or it cannot be asked. */
export function askDovecotPolicy(program = 'doveconf'): DovecotPolicy | undefined {
  const { status, stdout } = spawnSync(program, ['-n', '-P'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: ASK_MS,
  });
  return status === 0 ? readDovecotPolicy(stdout) : undefined;
}

/** What `doveconf -n` prints: 2.3 with whole names, 2.4 in a block `auth_policy {`. */
export function readDovecotPolicy(text: string): DovecotPolicy {
  const block = /^auth_policy \{\n([\s\S]*?)^\}/m.exec(text)?.[1] ?? '';
  const lines = [
    ...text.matchAll(/^auth_policy_(\w+) = (.*)$/gm),
    ...block.matchAll(/^ {2}(\w+) = (.*)$/gm),
  ];
  return new Map(lines.map(([, name = '', value = '']) => [name, value.trim()]));
}

/**
 * Where the two disagree. `key`: what api-key-file holds; undefined when that is not known. Nothing
 * where neither asks nor answers.
 */
export function comparePolicy(
  policy: CompanionConfig['policy'],
  dovecot: DovecotPolicy,
  key: string | undefined,
): Diagnostic[] {
  const url = dovecot.get('server_url') ?? '';
  if (!policy.enabled)
    return isOurs(url, policy)
      ? [
          told(
            'warning',
            `Dovecot asks ${url}, where nobody answers: [policy] is off`,
            'write enabled = true below [policy] into /etc/banjour/companion.local',
          ),
        ]
      : [];
  if (url === '')
    return [
      told('warning', '[policy] is on, and Dovecot asks nobody (auth_policy_server_url)', EXAMPLE),
    ];
  const found: Diagnostic[] = [];
  const say = (level: Diagnostic['level'], message: string, fix: string) =>
    found.push(told(level, message, fix));
  if (!isOurs(url, policy))
    say(
      'error',
      `Dovecot asks ${url}, and [policy] listens on ${policy.listen === null ? policy.socket : describePort(policy.listen)}`,
      `write auth_policy_server_url = http://${policy.listen === null ? '127.0.0.1:9813' : describePort(policy.listen)}/ into Dovecot's settings`,
    );
  if (key !== undefined && !hasKey(dovecot.get('server_api_header') ?? '', key))
    say(
      'error',
      `the key in ${policy.apiKeyFile} is not the one that Dovecot sends (auth_policy_server_api_header)`,
      `write auth_policy_server_api_header = Authorization: Basic and the output of: printf 'dovecot:%s' "$(cat ${policy.apiKeyFile})" | base64 -w0`,
    );
  if (dovecot.get('reject_on_fail') === 'yes')
    say(
      'warning',
      'Dovecot refuses every login while the companion does not answer (auth_policy_reject_on_fail = yes)',
      'write auth_policy_reject_on_fail = no',
    );
  if (dovecot.get('check_before_auth') === 'no')
    say(
      'warning',
      'Dovecot does not ask before it checks a password (auth_policy_check_before_auth = no)',
      'write auth_policy_check_before_auth = yes',
    );
  if (dovecot.get('log_only') === 'yes')
    say(
      'warning',
      'Dovecot only logs what it is told (auth_policy_log_only = yes)',
      'write auth_policy_log_only = no',
    );
  const wait = waitOf(dovecot);
  if (wait > WAIT_MS)
    say(
      'warning',
      `a login waits ${wait / 1000} s for a companion that hangs`,
      'write auth_policy_server_timeout_msecs = 500 (Dovecot 2.3), or http_client_request_absolute_timeout = 500 msecs into auth_policy { } (2.4)',
    );
  const attributes = dovecot.get('request_attributes');
  if (attributes !== undefined && !attributes.includes('session'))
    say(
      'warning',
      'what Dovecot reports names no session (auth_policy_request_attributes): it does not count',
      'take auth_policy_request_attributes out of the settings: the default is right',
    );
  return found;
}

function told(level: Diagnostic['level'], message: string, fix: string): Diagnostic {
  return { level, id: 'policy.dovecot', message, fix };
}

/** True when the address is where `[policy]` listens. */
function isOurs(url: string, { listen }: CompanionConfig['policy']): boolean {
  if (listen === null || !URL.canParse(url)) return false;
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '').replace('localhost', '127.0.0.1');
  return protocol === 'http:' && host === listen.host && Number(port || '80') === listen.port;
}

/** True when the header carries the key, as a password or alone. */
function hasKey(header: string, key: string): boolean {
  const basic = /^Authorization: Basic (\S+)$/i.exec(header)?.[1];
  if (basic === undefined) return header.toLowerCase() === `x-api-key: ${key}`.toLowerCase();
  const pair = Buffer.from(basic, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1) === key;
}

/** How long Dovecot waits for an answer, ms; 2 s unless it is told otherwise. */
function waitOf(dovecot: DovecotPolicy): number {
  const old = dovecot.get('server_timeout_msecs');
  if (old !== undefined) return Number(old);
  const parts = /^(\d+)\s*(m(?:illi)?se?c?s?|s\w*)?$/.exec(
    dovecot.get('http_client_request_absolute_timeout') ?? '2 secs',
  );
  if (parts === null) return 0;
  return Number(parts[1]) * (parts[2]?.startsWith('m') === true ? 1 : 1000);
}

/** What there is to say on this host; nothing where Dovecot is not there. */
export function examinePolicy(policy: CompanionConfig['policy'], program?: string): Diagnostic[] {
  const dovecot = askDovecotPolicy(program);
  if (dovecot === undefined) return [];
  return comparePolicy(policy, dovecot, keyIn(policy.apiKeyFile));
}

/** The key, where this process may read it and it is a file. */
function keyIn(file: string): string | undefined {
  if (!file.includes('/')) return undefined;
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/)[0]?.trim();
  } catch {
    return undefined;
  }
}
