/** One delivery: finds out what the message holds, writes it, hands it over. */
import type { BanView } from '../control/protocol.js';
import { baseAddress, parsePrefix } from '../core/address.js';
import { NOTIFY_DIGEST_FULL_MAX } from '../core/service-limits.js';
import { addressOf, letterOf, mimeOf } from './mail.js';
import { deliver, domainFor, type MailerSpec } from './mailer.js';
import type { BanNews } from './news.js';
import { factsOf } from './news.js';
import { execute } from './program.js';
import { keyOf, type MailTarget, type NotifyRoute } from './targets.js';
import { post } from './web.js';
import type { Whois } from './whois.js';

export interface SenderOptions {
  readonly mailer: MailerSpec;
  /** Absent: whois is not asked. */
  readonly whois?: Whois;
  /** Reads the entries that were counted, as lines. */
  readonly lines: (ban: BanView) => Promise<readonly string[]>;
  readonly templates: { readonly webhook?: string; readonly slack?: string };
  /** This host's name. */
  readonly host: string;
  readonly version: string;
  readonly env: NodeJS.ProcessEnv;
  readonly deadlineMs?: number;
}

export class Sender {
  readonly #options: SenderOptions;

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  /**
   * Tells the route's target of the bans; only a mail takes several. Rejects with `DeliveryError`.
   */
  async send(route: NotifyRoute, bans: readonly BanView[]): Promise<void> {
    const { target } = route;
    if (target.kind === 'mail') return this.#mail(route, target, bans);
    const { host, env, version, templates, deadlineMs } = this.#options;
    for (const ban of bans) {
      const news = await this.#news(ban, { lines: target.kind === 'webhook', whois: false });
      const facts = factsOf(news, host, route.jails.get(ban.jail) ?? ban.jail);
      if (target.kind === 'exec') await execute(target.argv, facts, deadlineMs);
      else {
        const template = templates[target.kind];
        await post(target, news, facts, {
          env,
          version,
          ...(template === undefined ? {} : { template }),
          ...(deadlineMs === undefined ? {} : { deadlineMs }),
        });
      }
    }
  }

  async #mail(route: NotifyRoute, target: MailTarget, bans: readonly BanView[]): Promise<void> {
    const { host, env, mailer, deadlineMs } = this.#options;
    const wants = { lines: target.style === 'whois-lines', whois: target.style !== 'plain' };
    const news = await Promise.all(
      bans.map((ban, index) =>
        index < NOTIFY_DIGEST_FULL_MAX ? this.#news(ban, wants) : { ban, lines: [] },
      ),
    );
    const { subject, body } = letterOf(news, { host, names: route.jails });
    const ids = bans.map(({ id }) => id);
    const domain = domainFor(mailer, host);
    const full = (address: string) =>
      addressOf(domain === undefined || address.includes('@') ? address : `${address}@${domain}`);
    const envelope = { from: full(target.sender), to: target.to.map(full) };
    const message = mimeOf({
      from: { name: target.sendername, address: envelope.from },
      to: envelope.to,
      subject,
      body,
      // The same bans to the same receivers: a mail that is sent twice can be told as such.
      messageId: `ban-${ids[0]}-${ids.at(-1)}-${keyOf(target).slice(0, 8)}@${host.replace(/[^\w.-]/g, '') || 'localhost'}`,
      date: new Date(),
      headers: { 'X-Banjour-Bans': String(ids.length) },
    });
    await deliver(mailer, envelope, message, {
      host,
      env,
      ...(deadlineMs === undefined ? {} : { deadlineMs }),
    });
  }

  async #news(
    ban: BanView,
    wants: { readonly lines: boolean; readonly whois: boolean },
  ): Promise<BanNews> {
    const { whois, lines } = this.#options;
    const target = parsePrefix(ban.target);
    const [said, entries] = await Promise.all([
      wants.whois && target !== undefined ? whois?.ask(baseAddress(target)) : undefined,
      // Log lines are a help; a journal that cannot be read must not hold the news back.
      wants.lines ? lines(ban).catch(() => []) : [],
    ]);
    return { ban, lines: entries, ...(said === undefined ? {} : { whois: said }) };
  }
}
