/**
 * Answers mail servers that ask before they check a password. Whatever is wrong with the agent, a
 * login is served: it then is as safe as it was without anybody to ask.
 */
import type { Listening, ListenPlaces } from '../control/listen.js';
import type { RefusalReason } from '../control/policy-views.js';
import type { MetricsFormat } from '../metrics/format.js';
import { AgentLink } from './agent-link.js';
import { decide, type PolicyRules, type PolicyVerdict, REFUSAL_WORDS } from './decide.js';
import { Delays, patienceFor } from './delays.js';
import { PolicyMetrics } from './metrics.js';
import { type PolicyReport, readRequest, tellingOf } from './request.js';
import { servePolicy } from './server.js';

export interface PolicyOptions {
  readonly places: ListenPlaces;
  readonly key: string;
  readonly rules: PolicyRules;
  /** policy.sock of the agent. */
  readonly agentSocket: string;
}

/** weakforced's answer to `allow`: -1 refuses, 0 serves, n waits so many seconds. */
interface Allowance {
  readonly status: number;
  readonly msg: string;
}

export class PolicyService {
  readonly #options: PolicyOptions;
  readonly #metrics = new PolicyMetrics();
  readonly #link: AgentLink;
  readonly #delays = new Delays();
  #slowest = 0;
  #server: Listening | undefined;

  constructor(options: PolicyOptions) {
    this.#options = options;
    this.#link = new AgentLink(options.agentSocket, (reports) => this.#metrics.lost.inc(reports));
  }

  /** Listens. Throws `OperatorError` when it cannot. */
  static async start(options: PolicyOptions): Promise<PolicyService> {
    const service = new PolicyService(options);
    service.#server = await servePolicy({
      places: options.places,
      key: options.key,
      answer: (command, body) => service.answer(command, body),
      denied: (why) => service.#metrics.denied(why),
    });
    return service;
  }

  get addresses(): readonly string[] {
    return this.#server?.addresses ?? [];
  }

  get isAgentAnswering(): boolean {
    return this.#link.isAnswering;
  }

  /** The answer to a command of weakforced's; undefined for one that is none. */
  async answer(command: string, body: string): Promise<object | undefined> {
    if (command === 'ping') {
      const facts = await this.#link.facts({ address: '127.0.0.1' });
      return { status: 'ok', agent: facts !== undefined };
    }
    if (command === 'allow') return this.#allow(readRequest(body));
    if (command !== 'report') return undefined;
    const report = readRequest(body);
    this.#delays.over(report);
    const telling = tellingOf(report);
    if (telling !== undefined) {
      this.#metrics.reports.inc();
      this.#link.report(telling);
    }
    return { status: 'ok' };
  }

  async #allow(request: PolicyReport): Promise<Allowance> {
    const started = performance.now();
    const verdict = await this.#verdict(request);
    this.#metrics.decided(verdict);
    this.#slowest = Math.max(this.#slowest, performance.now() - started);
    if (verdict.action === 'serve') return { status: 0, msg: '' };
    if (verdict.action === 'delay')
      return { status: this.#delays.tell(request, verdict.seconds), msg: '' };
    this.#refuse(request, verdict.reason);
    return { status: -1, msg: `Banjour: ${REFUSAL_WORDS[verdict.reason]}` };
  }

  async #verdict(request: PolicyReport): Promise<PolicyVerdict> {
    if (request.address === undefined) return { action: 'serve' };
    const facts = await this.#link.facts(request);
    if (facts === undefined) {
      this.#metrics.unanswered.inc();
      return { action: 'serve' };
    }
    const { rules } = this.#options;
    return decide(facts, { ...rules, delay: patienceFor(request, facts.failures, rules.delay) });
  }

  #refuse(request: PolicyReport, refused: RefusalReason): void {
    const { address, user, protocol, session, pwhash } = request;
    if (address === undefined) return;
    this.#link.report({
      address,
      ...(user === undefined ? {} : { user }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(session === undefined ? {} : { session }),
      ...(pwhash === undefined ? {} : { pwhash }),
      refused,
    });
  }

  figures(format: MetricsFormat): Promise<string> {
    this.#metrics.slowest.set(this.#slowest / 1000);
    this.#slowest = 0;
    return this.#metrics.text(format);
  }

  /** Lets go of port, socket and agent. Never throws. */
  async stop(): Promise<void> {
    await this.#server?.close();
    await this.#link.close();
  }
}
