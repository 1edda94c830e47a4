/**
 * Every value in force after an import against what a real fail2ban makes of the same files: 1.0.2
 * of Debian 12 and 1.1 of Debian 13, each with configurations as hosts have them.
 */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { isBanAction } from '../../../src/config/actions.js';
import { loadConfig } from '../../../src/config/load.js';
import { isNotification } from '../../../src/config/notify.js';
import type { Config, JailConfig } from '../../../src/config/types.js';
import { parseBoolean, parseDuration, parsePorts } from '../../../src/config/values.js';
import { formatPrefix, parsePrefix } from '../../../src/core/address.js';
import { importConfig } from '../../../src/tools/import/config.js';
import { changedSinceInstalled } from '../../../src/tools/import/host.js';
import { trixie } from '../../cli/real-fail2ban.js';
import { FAIL2BAN_VERSIONS, fail2banPackage } from '../../support/fail2ban.js';
import {
  copied,
  FAIL2BAN_CONFIGURATIONS,
  type Fail2banConfiguration,
} from '../../support/fail2ban-configurations.js';
import { type DumpedJail, dumpFail2ban } from '../../support/fail2ban-dump.js';
import { isRoot, needs } from '../../support/require.js';

const SHIPPED = join(process.cwd(), 'config');
const folder = mkdtempSync(join(tmpdir(), 'import-values-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/**
 * fail2ban's folder of a version with a configuration laid over it, and what dpkg knows of it, as
 * on a host.
 */
function lay(
  packaged: string,
  { name, files, edits = {} }: Fail2banConfiguration,
  version: string,
): string {
  const host = join(folder, `${version} ${name}`);
  const etc = join(host, 'etc/fail2ban');
  cpSync(join(packaged, 'etc/fail2ban'), etc, { recursive: true });
  const sums = readdirSync(etc, { recursive: true, encoding: 'utf8' })
    .filter((file) => statSync(join(etc, file)).isFile())
    .map(
      (file) =>
        ` /etc/fail2ban/${file} ${createHash('md5')
          .update(readFileSync(join(etc, file)))
          .digest('hex')}\n`,
    );
  mkdirSync(join(host, 'var/lib/dpkg'), { recursive: true });
  writeFileSync(
    join(host, 'var/lib/dpkg/status'),
    `Package: fail2ban\nConffiles:\n${sums.join('')}\n`,
  );
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(etc, file)), { recursive: true });
    writeFileSync(join(etc, file), text);
  };
  for (const [file, text] of Object.entries(files)) write(file, text);
  for (const [file, edit] of Object.entries(edits))
    write(file, edit(readFileSync(join(etc, file), 'utf8')));
  return etc;
}

function durationOf(text: string | undefined, fallback: number | null): number | null {
  const parsed =
    text === undefined || text === '' || text === 'None' ? undefined : parseDuration(text);
  return parsed !== undefined && 'value' in parsed ? parsed.value : fallback;
}

function portsOf(text: string): unknown {
  const parsed = parsePorts(text);
  return 'value' in parsed ? parsed.value : text;
}

/** What fail2ban does with the jail, in our words. */
function theirs(
  { settings, ignoreip, actions, logpaths, failregex }: DumpedJail,
  isOwn: boolean,
  isText: boolean,
) {
  const on = parseBoolean(settings.get('bantime.increment') ?? 'false');
  const bans = actions.filter(({ name }) => isBanAction(name));
  const reach = bans.map(({ name, parameters }) =>
    /allports|^ufw/.test(name) || parameters.get('type') === 'allports' || !parameters.has('port')
      ? 'all'
      : portsOf(parameters.get('port') ?? ''),
  );
  const bantime = durationOf(settings.get('bantime'), 600) as number;
  return {
    maxretry: Number(settings.get('maxretry')),
    findtime: durationOf(settings.get('findtime'), 600),
    bantime: bantime < 0 ? null : bantime,
    increment: 'value' in on && on.value,
    maxtime: 'value' in on && on.value ? durationOf(settings.get('bantime.maxtime'), null) : null,
    rndtime: 'value' in on && on.value ? durationOf(settings.get('bantime.rndtime'), 0) : 0,
    ports: reach.length === 1 ? reach[0] : reach,
    protocols: bans.map(({ parameters }) => parameters.get('protocol') ?? 'tcp'),
    verdict: bans.some(({ parameters }) => /^drop$/i.test(parameters.get('blocktype') ?? ''))
      ? 'drop'
      : 'reject',
    tells: actions
      .filter(({ name }) => isNotification(name))
      .map(({ parameters }) => parameters.get('dest')),
    ignoreip: [...new Set(ignoreip.map(normal))].sort(),
    logpaths: isText ? [...logpaths].sort() : [],
    failregex: isOwn ? failregex.map(tail) : [],
  };
}

/** The same of a jail here. */
function ours(
  config: Config,
  { policy, rule, allow, notify, source, intake }: JailConfig,
  isOwn: boolean,
) {
  const { increment } = policy;
  return {
    maxretry: policy.maxretry,
    findtime: policy.findtime,
    bantime: policy.bantime,
    increment: increment !== undefined,
    maxtime: increment?.maxtime ?? null,
    rndtime: increment?.rndtime ?? 0,
    ports: rule.ports,
    protocols: rule.protocols,
    verdict: rule.verdict,
    tells: notify.map((one) => (one.kind === 'mail' ? one.dest : one.kind)),
    ignoreip: [...config.allow.terms, ...allow]
      .map((term) => (term.kind === 'prefix' ? formatPrefix(term.prefix) : term.kind))
      .sort(),
    logpaths:
      source.kind === 'text'
        ? source.paths.map(({ path }) => path.replaceAll('*', 'x')).sort()
        : [],
    failregex: isOwn ? intake.filter.failregex.map(({ text }) => tail(text)) : [],
  };
}

/**
 * What a regex ends with: the beginning may be the prefix of common.conf, which is Banjour's own.
 */
function tail(regex: string): string {
  return regex.slice(-50);
}

/** True when the filter is not one of Banjour's. */
function hasOwnFilter({ intake }: JailConfig): boolean {
  return (
    !existsSync(join(SHIPPED, `filter.d/${intake.filter.name}.conf`)) &&
    intake.filter.failregex.length > 0
  );
}

function normal(word: string): string {
  const prefix = parsePrefix(word);
  return prefix === undefined ? word : formatPrefix(prefix);
}

/** Where the same is said in other words. */
function adjusted(name: string, values: ReturnType<typeof theirs>): ReturnType<typeof theirs> {
  // Banjour spares the loopback unless told otherwise.
  const ignoreip = values.ignoreip.length === 0 ? ['127.0.0.0/8', '::1'] : values.ignoreip;
  const tells = values.tells.map((one) => (one === 'root@localhost' ? 'root' : one));
  // ufw has neither parameter, so the real one does not pass them on; they stand in [DEFAULT].
  const ofUfw = name === 'web' ? { protocols: ['tcp'], verdict: 'drop' as const } : {};
  return { ...values, ignoreip, tells, ...ofUfw };
}

describe.each(FAIL2BAN_VERSIONS)("an import of Debian's fail2ban %s", (version) => {
  const packaged = fail2banPackage(version);
  const root = isRoot ? trixie() : undefined;
  const reason =
    'reason' in packaged
      ? packaged.reason
      : "needs root and the end-to-end suite's Debian 13 root file system";
  needs('root' in packaged && root !== undefined, reason)(
    'runs the same jails with the same values',
    () => {
      if (root === undefined || !('root' in packaged)) throw new Error('bug');
      const jailConf = readFileSync(join(packaged.root, 'etc/fail2ban/jail.conf'), 'utf8');
      const found: Record<string, unknown> = {};
      const expected: Record<string, unknown> = {};
      for (const configuration of [...FAIL2BAN_CONFIGURATIONS, copied(jailConf)]) {
        const { name } = configuration;
        const etc = lay(packaged.root, configuration, version);
        const imported = importConfig({
          from: etc,
          shippedRoot: SHIPPED,
          changed: changedSinceInstalled(etc),
          target: join(folder, 'nowhere'),
        });
        expect(imported.diagnostics.filter(({ level }) => level === 'error')).toEqual([]);
        const target = join(folder, `${version} ${name} result`);
        for (const [file, { text }] of imported.files) {
          mkdirSync(dirname(join(target, file)), { recursive: true });
          writeFileSync(join(target, file), text);
        }
        const { config } = loadConfig({ shippedRoot: SHIPPED, adminRoot: target });
        if (config === undefined) throw new Error(`${name}: the result does not load`);
        const logs = config.jails.flatMap(({ source }) =>
          source.kind === 'text' ? source.paths : [],
        );
        const real = dumpFail2ban(root, packaged.root, etc, [
          ...[
            '/var/log/auth.log',
            '/var/log/mail.log',
            '/var/log/mail.warn',
            '/var/log/fail2ban.log',
            '/var/log/syslog',
          ],
          ...logs.map(({ path }) => path.replaceAll('*', 'x')),
        ]);
        expect([...real.keys()].sort()).toEqual(config.jails.map((jail) => jail.name).sort());
        for (const jail of config.jails) {
          const key = `${name}: ${jail.name}`;
          const isOwn = hasOwnFilter(jail);
          found[key] = ours(config, jail, isOwn);
          const dumped = real.get(jail.name);
          if (dumped !== undefined)
            expected[key] = adjusted(name, theirs(dumped, isOwn, jail.source.kind === 'text'));
        }
      }
      expect(Object.keys(found).length).toBeGreaterThan(30);
      expect(found).toEqual(expected);
    },
    120_000,
  );
});

test('there are at least five configurations', () => {
  expect(FAIL2BAN_CONFIGURATIONS.length).toBeGreaterThanOrEqual(5);
});
