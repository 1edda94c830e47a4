/**
 * Webhooks: one POST per ban. With a key, `X-Banjour-Signature: sha256=HEX` is the HMAC-SHA256 (RFC
 * 2104) of the timestamp header, a dot, and the body: the receiver knows who sent it, that nothing
 * was changed, and when.
 */
import { createHmac } from 'node:crypto';
import { NOTIFY_ANSWER_BYTES_MAX } from '../core/service-limits.js';
import { escapeUntrusted } from '../core/text.js';
import { NOTIFY_DEADLINE_MS, NOTIFY_RETRY_AFTER_SECONDS_MAX } from '../core/timeouts.js';
import type { BanNews } from './news.js';
import { type BanFacts, DeliveryError, FACT_NAMES } from './news.js';
import { readSecret, type Secret } from './secret.js';
import type { WebTarget } from './targets.js';

export interface WebOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Body with `{{ip}}` and kin; the built-in one when absent. */
  readonly template?: string;
  readonly version: string;
  readonly deadlineMs?: number;
  readonly now?: () => number;
}

/**
 * Resolves when the receiver has taken it (2xx); rejects with `DeliveryError`. Redirects are not
 * followed.
 */
export async function post(
  target: WebTarget,
  news: BanNews,
  facts: BanFacts,
  options: WebOptions,
): Promise<void> {
  const url = readSecret(target.url, options.env);
  if (!/^https?:\/\//.test(url.reveal()))
    throw new DeliveryError(
      'ERR_NOTIFY_WEB',
      `the address of the ${target.kind} does not begin with http:// or https://`,
    );
  const secret =
    target.secretFile === null ? undefined : readSecret({ file: target.secretFile }, options.env);
  const body = bodyOf(target.kind, news, facts, options.template);
  const timestamp = String(Math.floor((options.now ?? Date.now)() / 1000));
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': `banjour/${options.version}`,
    'x-banjour-event': 'ban',
    'x-banjour-delivery': `${facts.host}-${facts.id}`.replace(/[^\w.-]/g, ''),
    'x-banjour-timestamp': timestamp,
    ...(secret === undefined
      ? {}
      : { 'x-banjour-signature': signatureOf(secret, timestamp, body) }),
  };
  let response: Response;
  try {
    response = await fetch(url.reveal(), {
      method: 'POST',
      headers,
      body,
      redirect: 'manual',
      signal: AbortSignal.timeout(options.deadlineMs ?? NOTIFY_DEADLINE_MS),
    });
    await drain(response);
  } catch (error) {
    // Never the error itself: it names the address, which may be the secret.
    throw new DeliveryError(
      'ERR_NOTIFY_WEB',
      `the ${target.kind} is not reached: ${reasonOf(error)}`,
    );
  }
  if (response.ok) return;
  const { status } = response;
  const wait = Number(response.headers.get('retry-after'));
  const words = escapeUntrusted(url.redact(response.statusText), 100);
  throw new DeliveryError(
    'ERR_NOTIFY_WEB',
    `the ${target.kind} answers ${status} ${words}`.trim(),
    {
      permanent: status < 500 && ![408, 425, 429].includes(status),
      ...(wait > 0 ? { retryAfterMs: Math.min(wait, NOTIFY_RETRY_AFTER_SECONDS_MAX) * 1000 } : {}),
    },
  );
}

/** The value of `X-Banjour-Signature`. */
function signatureOf(secret: Secret, timestamp: string, body: string): string {
  return `sha256=${createHmac('sha256', secret.reveal()).update(`${timestamp}.${body}`).digest('hex')}`;
}

/** The JSON that is sent. */
export function bodyOf(
  kind: WebTarget['kind'],
  news: BanNews,
  facts: BanFacts,
  template?: string,
): string {
  if (template !== undefined) return filled(template, facts);
  if (kind === 'slack') return JSON.stringify({ text: slackText(news, facts) });
  const { ban, lines, whois } = news;
  return JSON.stringify({
    version: 1,
    event: 'ban',
    id: ban.id,
    host: facts.host,
    jail: ban.jail,
    name: facts.name,
    address: ban.target,
    time: ban.time,
    until: ban.until,
    failures: ban.failures,
    user: ban.user === undefined ? null : facts.user,
    origin: ban.origin,
    lines: lines.map((line) => escapeUntrusted(line)),
    ...(whois === undefined ? {} : { whois }),
  });
}

/**
 * Slack's three characters (docs "Formatting text"), and none that would begin markup of its own.
 */
function slackText({ ban }: BanNews, { host, name, user, until, failures }: BanFacts): string {
  const by = ban.user === undefined ? '' : `, last user \`${slackSafe(user)}\``;
  const end = ban.until === null ? 'for good' : `until ${until}`;
  return `*${slackSafe(name)}* on ${slackSafe(host)}: banned \`${ban.target}\` after ${failures} failed attempts${by}, ${end}`;
}

function slackSafe(text: string): string {
  return text.replace(/[&<>`*_~]/g, (char) => {
    if (char === '&') return '&amp;';
    if (char === '<') return '&lt;';
    return char === '>' ? '&gt;' : `\u2009${char === '`' ? "'" : char}`;
  });
}

/**
 * `{{user}}` and kin, each as it stands between the quotes of a JSON text; others stay as they are.
 */
function filled(template: string, facts: BanFacts): string {
  return template.replace(/\{\{(\w+)\}\}/g, (whole, name: string) =>
    (FACT_NAMES as readonly string[]).includes(name)
      ? JSON.stringify(facts[name as keyof BanFacts]).slice(1, -1)
      : whole,
  );
}

async function drain(response: Response): Promise<void> {
  let bytes = 0;
  if (response.body === null) return;
  for await (const chunk of response.body) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > NOTIFY_ANSWER_BYTES_MAX) break;
  }
}

function reasonOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  if (name === 'TimeoutError' || name === 'AbortError') return 'no answer in time';
  return typeof cause?.code === 'string' ? cause.code : 'the connection failed';
}
