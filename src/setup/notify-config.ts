/**
 * `notify.conf`: how the companion sends; whom it tells stands in the jails (`action = ...`). Made
 * into its plain data.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { Section } from '../config/section.js';
import type { Config, NotifySpec } from '../config/types.js';
import { type Parsed, parseDuration } from '../config/values.js';
import { messageOf } from '../core/errors.js';
import type { Diagnostic } from '../core/finding.js';
import { NOTIFY_TEMPLATE_BYTES_MAX } from '../core/service-limits.js';
import { Report } from '../ini/report.js';
import type { MailerSpec } from '../notify/mailer.js';
import { type NotifyRoute, routesOf, type Subscription, type Target } from '../notify/targets.js';
import type { WhoisOptions } from '../notify/whois.js';
import { loadConfFiles } from './conf-files.js';
import type { AccessTrouble, FileAccess } from './file-access.js';
import { configError } from './load.js';
import type { Paths } from './paths.js';

export interface NotifyConfig {
  readonly mailer: MailerSpec;
  /** null: off. */
  readonly whois: WhoisOptions | null;
  readonly digestMs: number;
  readonly host: string;
  readonly templates: { readonly webhook?: string; readonly slack?: string };
}

const DEFAULTS = `[Definition]
mailer = smtp://127.0.0.1:25
smtp-user =
smtp-password-file =
digest = 60
whois = tcp
host =
webhook-template =
slack-template =
`;
/**
 * Reads `notify.conf`, `notify.d/*.conf`, `notify.local` and so on. Throws `OperatorError` with
 * every problem.
 */
export function loadNotifyConfig(paths: Paths): NotifyConfig {
  const report = new Report();
  const { config } = readNotifyConfig(paths, report);
  if (report.failed) throw configError(report.diagnostics);
  return config;
}

/**
 * What is wrong with it, and whether the companion can use the files and programs that it names.
 * Never throws.
 */
export function examineNotifyConfig(paths: Paths, access: FileAccess): readonly Diagnostic[] {
  const report = new Report();
  const { config, reader } = readNotifyConfig(paths, report);
  const { mailer, whois } = config;
  const look = (key: string, path: string | undefined, trouble: AccessTrouble | undefined) => {
    if (path !== undefined && trouble !== undefined && trouble.kind !== 'unknown')
      reader.warn(
        'notify.file',
        key,
        `banjour-companion cannot use it: ${trouble.why}`,
        'correct its name or its mode',
        path,
      );
  };
  if (mailer.kind === 'sendmail') look('mailer', mailer.path, access.executable(mailer.path));
  else if (mailer.passwordFile?.includes('/'))
    look('smtp-password-file', mailer.passwordFile, access.readable(mailer.passwordFile));
  if (whois !== null && 'program' in whois && whois.program !== undefined)
    look('whois', whois.program, access.executable(whois.program));
  return report.diagnostics;
}

function readNotifyConfig(
  paths: Paths,
  report: Report,
): { readonly config: NotifyConfig; readonly reader: Section } {
  const document = loadConfFiles(paths, 'notify', DEFAULTS, report);
  const reader = new Section(document, 'Definition', report);
  const templates = {
    webhook: templateOf(reader, 'webhook-template'),
    slack: templateOf(reader, 'slack-template'),
  };
  const config: NotifyConfig = {
    mailer: withAccount(reader.parse('mailer', parseMailer, FALLBACK), reader),
    whois: reader.parse<WhoisOptions | null>('whois', parseWhois, null),
    digestMs: reader.parse('digest', parseDuration, 60) * 1000,
    host: reader.text('host') || hostname() || 'localhost',
    templates: {
      ...(templates.webhook === undefined ? {} : { webhook: templates.webhook }),
      ...(templates.slack === undefined ? {} : { slack: templates.slack }),
    },
  };
  return { config, reader };
}

const FALLBACK: MailerSpec = { kind: 'smtp', host: '127.0.0.1', port: 25, secure: false };

/**
 * A path, or `smtp://host:port` (STARTTLS when offered), `smtps://host:port` (TLS from the first
 * byte).
 */
function parseMailer(text: string): Parsed<MailerSpec> {
  if (text.startsWith('/') && !/\s/.test(text)) return { value: { kind: 'sendmail', path: text } };
  const parts = /^(smtps?):\/\/(\[[\da-f:.]+\]|[\w.-]+)(?::(\d{1,5}))?\/?$/i.exec(text);
  if (parts === null || Number(parts[3] ?? 25) > 65_535)
    return {
      problem: 'is no mailer',
      fix: 'write /usr/sbin/sendmail, smtp://mail.example.org:587 or smtps://...',
    };
  const secure = parts[1]?.toLowerCase() === 'smtps';
  const host = (parts[2] ?? '').replace(/^\[|\]$/g, '');
  return { value: { kind: 'smtp', host, port: Number(parts[3] ?? (secure ? 465 : 25)), secure } };
}

function withAccount(mailer: MailerSpec, reader: Section): MailerSpec {
  const user = reader.text('smtp-user');
  const passwordFile = reader.text('smtp-password-file');
  if ((user === '') !== (passwordFile === ''))
    reader.error(
      'notify.account',
      user === '' ? 'smtp-user' : 'smtp-password-file',
      'smtp-user and smtp-password-file go together',
      'write both or none',
    );
  return mailer.kind === 'sendmail' || user === '' ? mailer : { ...mailer, user, passwordFile };
}

/** `tcp`, `tcp:server[:port]`, `no`, or the path of a program. */
function parseWhois(text: string): Parsed<WhoisOptions | null> {
  if (text === 'no' || text === 'off') return { value: null };
  if (text.startsWith('/') && !/\s/.test(text)) return { value: { program: text } };
  const parts = /^tcp(?::([\w.-]+)(?::(\d{1,5}))?)?$/.exec(text);
  if (parts === null)
    return {
      problem: 'is no way to ask',
      fix: 'write tcp, tcp:whois.ripe.net, /usr/bin/whois or no',
    };
  return {
    value:
      parts[1] === undefined ? {} : { server: { host: parts[1], port: Number(parts[2] ?? 43) } },
  };
}

function templateOf(reader: Section, key: string): string | undefined {
  const path = reader.text(key);
  if (path === '') return undefined;
  const complain = (message: string, fix: string) => {
    reader.error('notify.template', key, message, fix, path);
    return undefined;
  };
  if (!existsSync(path)) return complain('there is no such file', 'correct its name');
  try {
    if (statSync(path).size > NOTIFY_TEMPLATE_BYTES_MAX)
      return complain(
        `is larger than ${NOTIFY_TEMPLATE_BYTES_MAX} bytes`,
        'a message is smaller than that',
      );
    const text = readFileSync(path, 'utf8');
    JSON.parse(text.replace(/\{\{\w+\}\}/g, 'x'));
    return text;
  } catch (error) {
    return complain(
      `is not JSON with {{ip}} and kin between quotes: ${messageOf(error)}`,
      'docs/notify.md has one',
    );
  }
}

/** Whom the jails want told; empty when it is nobody. */
export function routesFrom(config: Config): NotifyRoute[] {
  return routesOf(
    config.jails.flatMap(({ name, notify }) =>
      notify.map((spec): Subscription => {
        const target = targetOf(spec);
        return { jail: name, name: spec.kind === 'mail' ? spec.name : name, target };
      }),
    ),
  );
}

function targetOf(spec: NotifySpec): Target {
  if (spec.kind !== 'mail') return spec;
  const { style, dest, sender, sendername } = spec;
  return { kind: 'mail', style, to: dest.split(',').map((one) => one.trim()), sender, sendername };
}
