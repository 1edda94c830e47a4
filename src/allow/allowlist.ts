/**
 * Addresses that must never be banned, kept up to date. What the administrator wrote (addresses,
 * names, lists) and what the host itself shows (own addresses, gateways, resolvers, logged-in
 * administrators) become one immutable snapshot; a new one is made when something has changed,
 * never on the ban path.
 */

import { hostPrefix, parseAddress } from '../core/address.js';
import { inBackground } from '../core/background.js';
import type { Finding } from '../core/finding.js';
import { ALLOW_PREFIXES_MAX } from '../core/limits.js';
import type { JailName } from '../core/names.js';
import type { AllowSpec, AllowTerm } from '../core/specs.js';
import { escapeUntrusted } from '../core/text.js';
import { ALLOW_LOOK_MS, ALLOW_REFRESH_MS } from '../core/timeouts.js';
import { Names, type Resolve, systemResolve } from './dns.js';
import { adminHosts, defaultGateways, ownAddresses, resolvers } from './host.js';
import { Lists } from './lists.js';
import { AllowSnapshot, type Exemption, reasonOf } from './snapshot.js';

/** What the list asks of its surroundings; tests put others in their place. */
export interface AllowSources {
  readonly resolve: Resolve;
  readonly own: () => Exemption[];
  readonly gateways: () => Exemption[];
  readonly resolvers: () => Exemption[];
  readonly adminHosts: () => Promise<string[] | undefined>;
  readonly lookMs: number;
  readonly refreshMs: number;
}

const SYSTEM: AllowSources = {
  resolve: systemResolve,
  own: () => ownAddresses(),
  gateways: () => defaultGateways(),
  resolvers: () => resolvers(),
  adminHosts: () => adminHosts(),
  lookMs: ALLOW_LOOK_MS,
  refreshMs: ALLOW_REFRESH_MS,
};

/** Called with a new snapshot, when something that it is made of has changed. */
export type AllowListener = (snapshot: AllowSnapshot) => void;

export class Allowlist {
  readonly #sources: AllowSources;
  readonly #names: Names;
  readonly #lists = new Lists();
  readonly #listeners: AllowListener[] = [];
  #spec: AllowSpec;
  #snapshot: AllowSnapshot;
  /** What the snapshot was made of. */
  #made = '';
  #reloads = 0;
  /** Remote hosts of administrators; undefined when logind could not be asked. */
  #admins: readonly string[] | undefined = [];
  #dropped = 0;
  #timers: NodeJS.Timeout[] = [];
  #refreshing: Promise<void> | undefined;

  /** The first snapshot is there at once, without names and sessions: `refresh` brings those. */
  constructor(spec: AllowSpec, sources: Partial<AllowSources> = {}) {
    this.#sources = { ...SYSTEM, ...sources };
    this.#names = new Names(this.#sources.resolve);
    this.#spec = spec;
    this.#snapshot = new AllowSnapshot([]);
    this.look();
  }

  get snapshot(): AllowSnapshot {
    return this.#snapshot;
  }

  onChange(listener: AllowListener): void {
    this.#listeners.push(listener);
  }

  /** Begins to look regularly; the timers keep no process alive. */
  start(): void {
    this.stop();
    this.#timers = [
      setInterval(() => this.look(), this.#sources.lookMs).unref(),
      setInterval(() => inBackground(this.refresh()), this.#sources.refreshMs).unref(),
    ];
    inBackground(this.refresh());
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#timers = [];
  }

  /** Takes a new specification (reload). What names resolved to before stays known. */
  setSpec(spec: AllowSpec): void {
    this.#spec = spec;
    this.#reloads++;
    this.look();
    if (this.#timers.length > 0) inBackground(this.refresh());
  }

  /** Looks at what costs next to nothing: lists, own addresses, routes, resolvers. */
  look(): void {
    this.#lists.refresh(this.#files());
    const host = this.#host();
    const made = JSON.stringify([
      this.#reloads,
      this.#lists.version,
      this.#names.version,
      host.map(({ reason }) => reason.text),
    ]);
    if (made === this.#made) return;
    this.#made = made;
    this.#snapshot = this.#build(host);
    for (const listener of this.#listeners) listener(this.#snapshot);
  }

  /**
   * Asks for names and sessions, then looks. One at a time: a second call waits for the first.
   * Never throws.
   */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#ask().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  /** Findings for `doctor`. */
  check(): Finding[] {
    const findings: Finding[] = [];
    for (const name of this.#namesWanted()) {
      const problem = this.#names.problem(name);
      if (problem === undefined) continue;
      const known = this.#names.addresses(name).length;
      findings.push({
        level: 'warning',
        id: 'allow.name',
        message: `ignoreip ${escapeUntrusted(name)} does not resolve (${problem}); ${known === 0 ? 'nobody is exempted by it' : `its ${known} last known addresses stay exempted`}`,
        fix: 'write the address itself, or mend the name',
      });
    }
    for (const path of this.#files()) {
      const problem = this.#lists.problem(path);
      if (problem !== undefined)
        findings.push({
          level: 'warning',
          id: 'allow.file',
          message: `ignoreip file:${path} cannot be read: ${problem}`,
          fix: `make it readable for the agent: ls -l ${path}`,
        });
      const [first] = this.#lists.list(path).wrong;
      if (first !== undefined)
        findings.push({
          level: 'warning',
          id: 'allow.file-line',
          message: `${path}:${first.line}: ${JSON.stringify(escapeUntrusted(first.text))} is not an address (${this.#lists.list(path).wrong.length} such lines)`,
          fix: 'write one address or prefix per line',
        });
    }
    if (this.#spec.lockoutGuard && this.#admins === undefined)
      findings.push({
        level: 'note',
        id: 'allow.logind',
        message:
          'logind does not answer: administrators who are logged in are not protected from being banned',
        fix: 'name their addresses in ignoreip',
      });
    if (this.#dropped > 0)
      findings.push({
        level: 'error',
        id: 'allow.bound',
        message: `${this.#dropped} addresses beyond the first ${ALLOW_PREFIXES_MAX} are not exempted`,
        fix: 'shorten the lists, or write prefixes instead of single addresses',
      });
    const wide = this.#snapshot
      .prefixes()
      .filter(({ family, length }) => length < (family === 4 ? 8 : 16));
    for (const prefix of wide)
      findings.push({
        level: 'warning',
        id: 'allow.wide',
        message: `${prefix.base}/${prefix.length} is exempted: nobody there is ever banned`,
        fix: 'write a longer prefix in ignoreip',
      });
    if (findings.length === 0)
      findings.push({
        level: 'ok',
        id: 'allow',
        message: `${this.#snapshot.prefixes().length} prefixes are exempted`,
      });
    return findings;
  }

  async #ask(): Promise<void> {
    if (this.#spec.lockoutGuard)
      this.#admins = await this.#sources.adminHosts().catch(() => undefined);
    await this.#names.refresh(this.#namesWanted());
    this.look();
  }

  /** What the host itself shows. */
  #host(): Exemption[] {
    const found = this.#spec.self ? this.#sources.own() : [];
    if (!this.#spec.lockoutGuard) return found;
    const sessions = (this.#admins ?? []).flatMap((host) =>
      this.#hosts(host).map((prefix) => ({ prefix, reason: reasonOf('session', prefix, host) })),
    );
    return [...found, ...this.#sources.gateways(), ...this.#sources.resolvers(), ...sessions];
  }

  /** The host's own come first: if there are too many, theirs are not the ones to go. */
  #build(host: readonly Exemption[]): AllowSnapshot {
    const terms = this.#spec.terms.flatMap((term) => this.#exemptions(term));
    const own = [...this.#spec.perJail].flatMap(([jail, list]) =>
      list.flatMap((term) => this.#exemptions(term, jail)),
    );
    const exemptions = [...host, ...terms, ...own];
    this.#dropped = Math.max(0, exemptions.length - ALLOW_PREFIXES_MAX);
    return new AllowSnapshot(exemptions.slice(0, ALLOW_PREFIXES_MAX), this.#spec.nat64);
  }

  #exemptions(term: AllowTerm, jail?: JailName): Exemption[] {
    const of = jail === undefined ? {} : { jail };
    switch (term.kind) {
      case 'prefix':
        return [{ prefix: term.prefix, reason: reasonOf('ignoreip', term.prefix), ...of }];
      case 'name':
        return this.#hosts(term.name).map((prefix) => ({
          prefix,
          reason: reasonOf('name', prefix, term.name),
          ...of,
        }));
      case 'file':
        return this.#lists.list(term.path).prefixes.map((prefix) => ({
          prefix,
          reason: reasonOf('file', prefix, `file:${term.path}`),
          ...of,
        }));
    }
  }

  /** The addresses of what is an address or a name. */
  #hosts(host: string) {
    const address = parseAddress(host);
    return (address === undefined ? this.#names.addresses(host) : [address]).map(hostPrefix);
  }

  #namesWanted(): Set<string> {
    const names = this.#terms().flatMap((term) => (term.kind === 'name' ? [term.name] : []));
    const hosts = (this.#admins ?? []).filter((host) => parseAddress(host) === undefined);
    return new Set([...names, ...(this.#spec.lockoutGuard ? hosts : [])]);
  }

  #files(): Set<string> {
    return new Set(this.#terms().flatMap((term) => (term.kind === 'file' ? [term.path] : [])));
  }

  #terms(): AllowTerm[] {
    return [...this.#spec.terms, ...[...this.#spec.perJail.values()].flat()];
  }
}
