/**
 * What other hosts decided, and what of it this host takes: bans of the jail `shared`, in the
 * ledger as any other, and what lists brought (`share-lists.ts`). `share-judge.ts` says what is
 * taken. Nothing of it is ever told to others again: its origin says where it came from.
 */
import type { RequestFor } from '../control/endpoints.js';
import type { ShareAnswer, ShareView } from '../control/protocol.js';
import { formatPrefix, hostPrefix, type Prefix, parsePrefix } from '../core/address.js';
import { inBackground, inPieces } from '../core/background.js';
import type { BanDecision, BanRecord, FilterEvent, UnbanDecision } from '../core/decision.js';
import { messageOf, OperatorError } from '../core/errors.js';
import type { Element, FirewallBackend } from '../core/firewall.js';
import type { Log } from '../core/log.js';
import {
  SHARE_BANS_MAX,
  SHARE_BANS_PER_HOUR_MAX,
  SHARE_LISTS_MAX,
  SHARE_PIECE_BANS,
  SHARE_PIECE_CHANGES,
  SHARE_SEEN_MAX,
  SHARE_STATUS_ROWS_MAX,
} from '../core/service-limits.js';
import { SHARED_JAIL } from '../core/share.js';
import { type EpochMicros, isoTime, MICROS_PER_SECOND, wallClock } from '../core/time.js';
import { Cached } from './cached.js';
import type { Pipeline } from './pipeline.js';
import { type JudgeDeps, ShareJudge, type ShareRefusal, SLACK_SECONDS } from './share-judge.js';
import { type Listed, SharedLists } from './share-lists.js';
import { ShareTally, takenBy } from './share-status.js';

const HOUR_MICROS = 3_600 * MICROS_PER_SECOND;
/** Elements of lists that are looked at in one go. */
const LOOK = 500;

type Decision = RequestFor<'shareDecisions'>['decisions'][number];
interface ShareDeps extends JudgeDeps {
  readonly pipeline: Pick<Pipeline, 'decide'>;
  readonly firewall: Pick<FirewallBackend, 'apply' | 'followListed'>;
  readonly log: Log;
}

export class SharedDecisions {
  readonly #deps: ShareDeps;
  readonly #judge: ShareJudge;
  readonly #lists: SharedLists;
  readonly #status: Cached<ShareView>;
  /** What is under way, so that one request follows the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #snapshot:
    | { readonly word: string; readonly seen: Set<string>; readonly isLost?: boolean }
    | undefined;
  #newest: { readonly engine: string; readonly time: EpochMicros } | undefined;
  #hour = { since: 0, bans: 0 };
  #isComplete = false;
  /** True before the kernel was read: what it holds of lists is not known yet. */
  #isNew = true;
  #taken = 0;
  readonly #refusals = new Map<ShareRefusal, number>();

  constructor(deps: ShareDeps) {
    this.#deps = deps;
    this.#judge = new ShareJudge(deps);
    this.#lists = new SharedLists(deps.firewall, this.#judge.opened(wallClock.now()));
    this.#status = new Cached(() => this.#view());
    deps.firewall.followListed?.((standing) => this.#follow(standing));
  }

  /** What is taken and published, and what came. */
  status(): ShareView {
    return this.#status.get();
  }

  /** Takes decisions of others, in small pieces. */
  decisions(request: RequestFor<'shareDecisions'>): Promise<ShareAnswer> {
    if (this.#judge.policy === undefined)
      throw new OperatorError('nothing of other hosts is taken: there is no jail `shared`', {
        hint: 'write enabled = true into [shared] of /etc/banjour/jail.local, then: banjour reload',
      });
    return this.#inTurn(() => this.#take(request));
  }

  /** Lifts all that came from others. `by`: who wants it. */
  flush({ by }: RequestFor<'flushShared'>): Promise<{ lifted: number; listed: number }> {
    return this.#inTurn(async () => {
      this.#snapshot = undefined;
      this.#isComplete = false;
      const lifted = await this.#lift([...this.#bans()], by);
      const listed = [...this.#lists.all()].map(({ target }) => target);
      this.#lists.clear();
      await this.#send(listed);
      return { lifted, listed: listed.length };
    });
  }

  /** Elements of lists that hold the target, for `explain`. */
  listed(target: Prefix): Listed[] {
    return this.#lists.covering(target, wallClock.now());
  }

  /** Somebody logged in: what was taken against the address ends. */
  loggedIn({ address }: FilterEvent): void {
    if (this.#judge.policy === undefined) return;
    const target = hostPrefix(address);
    if (this.#against(target, wallClock.now()).length === 0) return;
    inBackground(this.#inTurn(() => this.#spare(target)));
  }

  /** Looks at all that was taken once more: exemptions, logins or the configuration changed. */
  review(): Promise<void> {
    return this.#inTurn(() => this.#review());
  }

  /**
   * Takes an operator's address out of the lists, and what of them holds it; whatever holds it
   * stays out until the end of what went. Returns how many went.
   */
  unlist(target: Prefix): Promise<number> {
    return this.#inTurn(async () => {
      const listed = this.#lists.covering(target, wallClock.now());
      for (const one of listed) this.#lists.pardon(one, target);
      await this.#send(listed.map((one) => one.target));
      return listed.length;
    });
  }

  /** Forgets what is over. */
  tidy(): void {
    this.#lists.tidy(wallClock.now());
  }

  async #take(request: RequestFor<'shareDecisions'>): Promise<ShareAnswer> {
    const { decisions, lifted, engine, snapshot, begins = false, ends = false } = request;
    const tally = new ShareTally();
    if (begins && snapshot !== undefined) {
      this.#snapshot = { word: snapshot, seen: new Set() };
      this.#lists.begin();
    }
    tally.lifted += await this.#liftTold(lifted);
    const isListed = decisions.every(({ origin }) => origin === 'lists');
    const size = isListed ? SHARE_PIECE_CHANGES : SHARE_PIECE_BANS;
    await inPieces(decisions, size, (piece) => this.#takePiece(piece, tally));
    // Of a list whose beginning another agent had, nobody knows here what is not in it.
    if (ends && snapshot !== undefined && snapshot === this.#snapshot?.word)
      tally.lifted += await this.#endSnapshot();
    this.#newest = { engine, time: wallClock.now() };
    this.#taken += tally.taken;
    tally.say(engine, this.#deps.log);
    this.#status.drop();
    return {
      taken: tally.taken,
      lifted: tally.lifted,
      refused: tally.refused,
      refusedCount: tally.refusedCount,
    };
  }

  async #takePiece(piece: readonly Decision[], tally: ShareTally): Promise<void> {
    const now = wallClock.now();
    const bans = new Map<string, BanDecision>();
    const listed: Prefix[] = [];
    for (const told of piece) {
      const verdict = this.#judge.judge(told, now);
      if ('why' in verdict) this.#refuse(tally, told.target, verdict.reason, verdict.why);
      else if (verdict.origin === 'lists') {
        const isNew = this.#lists.put(verdict.target, verdict.until, told, SLACK_SECONDS);
        if (isNew === undefined)
          this.#refuse(tally, told.target, 'full', `${SHARE_LISTS_MAX} are listed already`);
        else tally.taken++;
        if (isNew === true) listed.push(verdict.target);
      } else {
        const ban = this.#judge.decisionOf(told, verdict, now);
        const text = formatPrefix(verdict.target);
        if (ban === undefined) tally.taken++;
        else if (this.#roomIn(tally) <= 0)
          this.#refuse(tally, told.target, 'full', `${SHARE_BANS_MAX} are in force already`);
        else if (!this.#isInMeasure(now))
          this.#refuse(tally, told.target, 'rate', `${SHARE_BANS_PER_HOUR_MAX} came in an hour`);
        else {
          if ((bans.get(text)?.until ?? 0) < verdict.until) bans.set(text, ban);
          tally.take(ban.host);
        }
        this.#see(text);
      }
    }
    if (bans.size > 0) await this.#ban([...bans.values()], tally);
    await this.#send(listed, tally);
  }

  /** For new bans. Counted once for a request, and only where there is a new one. */
  #roomIn(tally: ShareTally): number {
    tally.room ??= SHARE_BANS_MAX - this.#deps.ledger.history.openBansOf(SHARED_JAIL);
    return tally.room;
  }

  /** A list that never ends would be remembered without end: its end takes nothing away then. */
  #see(text: string): void {
    this.#snapshot?.seen.add(text);
    if (this.#snapshot !== undefined && this.#snapshot.seen.size > SHARE_SEEN_MAX)
      this.#snapshot = { word: this.#snapshot.word, seen: new Set(), isLost: true };
  }

  async #ban(bans: readonly BanDecision[], tally: ShareTally): Promise<void> {
    for (const { record, refusal } of (await this.#deps.pipeline.decide(bans)).bans)
      if (refusal !== undefined) {
        tally.taken--;
        this.#refuse(tally, formatPrefix(record.target), 'kernel', refusal);
      }
  }

  /** Counts a new ban; false when the hour has had its measure. */
  #isInMeasure(now: EpochMicros): boolean {
    if (now < this.#hour.since || now >= this.#hour.since + HOUR_MICROS)
      this.#hour = { since: now, bans: 0 };
    return ++this.#hour.bans <= SHARE_BANS_PER_HOUR_MAX;
  }

  /** Lifts what others lifted; of one host, when they name it. */
  async #liftTold(lifted: RequestFor<'shareDecisions'>['lifted']): Promise<number> {
    const gone: BanRecord[] = [];
    const unlisted: Prefix[] = [];
    for (const { target: text, origin, host } of lifted) {
      const target = parsePrefix(text);
      if (target === undefined) continue;
      // What a list says no more, a host may still say.
      if (origin === 'lists') {
        if (this.#lists.take(target)) unlisted.push(target);
        continue;
      }
      const ban = this.#deps.ledger.openBan(SHARED_JAIL, target);
      if (ban === undefined || !isShared(ban)) continue;
      if (host === undefined || ban.host === host) gone.push(ban);
    }
    await this.#send(unlisted);
    return unlisted.length + (await this.#lift(gone));
  }

  /** A complete list is complete: what it did not have is not decided any more. */
  async #endSnapshot(): Promise<number> {
    const { seen, isLost = false } = this.#snapshot ?? { seen: new Set() };
    this.#snapshot = undefined;
    if (isLost) return 0;
    this.#isComplete = true;
    const gone = [...this.#bans()].filter(({ target }) => !seen.has(formatPrefix(target)));
    const unlisted = this.#lists.unlisted();
    for (const target of unlisted) this.#lists.take(target);
    await this.#send(unlisted);
    return unlisted.length + (await this.#lift(gone));
  }

  /** Lifts bans in pieces; `by`: who does, when it is not who decided. */
  async #lift(bans: readonly BanRecord[], by?: string): Promise<number> {
    const time = wallClock.now();
    await inPieces(bans, SHARE_PIECE_BANS, async (piece) => {
      const unbans = piece.map((ban): UnbanDecision => {
        const who = by ?? ban.host;
        const { jail, target } = ban;
        return {
          kind: 'unban',
          jail,
          target,
          time,
          reason: 'reload',
          ...(who === undefined ? {} : { by: who }),
        };
      });
      await this.#deps.pipeline.decide(unbans);
    });
    this.#status.drop();
    return bans.length;
  }

  /** Tells the kernel of elements of lists as they are now. */
  async #send(targets: Iterable<Prefix>, tally?: ShareTally): Promise<void> {
    try {
      for (const { change, reason } of await this.#lists.send(targets))
        this.#refuse(tally, formatPrefix(change.target), 'kernel', reason);
    } catch (error) {
      this.#deps.log('error', `lists of other hosts: ${messageOf(error)}; they follow later`);
    }
  }

  /** Ends what was taken against the address of somebody who is now known here. */
  async #spare(target: Prefix): Promise<void> {
    const now = wallClock.now();
    const vouched = this.#against(target, now).filter((one) =>
      this.#deps.jails.vouches(one.target, now),
    );
    const listed = vouched.flatMap((one) => ('jail' in one ? [] : [one.target]));
    for (const one of listed) this.#lists.take(one);
    await this.#lift(vouched.flatMap((one) => ('jail' in one ? [one] : [])));
    await this.#send(listed);
  }

  /** What was taken and holds the target. */
  #against(target: Prefix, now: EpochMicros): (BanRecord | Listed)[] {
    const bans = this.#deps.ledger.covering(target, now).filter(isShared);
    return [...bans, ...this.#lists.covering(target, now)];
  }

  async #review(): Promise<void> {
    if (this.#judge.policy === undefined) {
      // The jail is gone, and with it its bans and its sets.
      this.#lists.clear();
      this.#isComplete = false;
      this.#snapshot = undefined;
      return;
    }
    const now = wallClock.now();
    const gone = [...this.#bans()].filter(
      ({ target, source }) =>
        source !== undefined && this.#judge.refuse(target, source, now) !== undefined,
    );
    await this.#lift(gone);
    await this.#send(await this.#unwelcome(now));
  }

  /** Takes out the elements of lists that may not be there any more. */
  async #unwelcome(now: EpochMicros): Promise<Prefix[]> {
    const gone: Prefix[] = [];
    let looked = 0;
    for (const { target } of this.#lists.all()) {
      if (this.#judge.refuse(target, 'lists', now) !== undefined) gone.push(target);
      if (++looked % LOOK === 0) await pause();
    }
    for (const target of gone) this.#lists.take(target);
    return gone;
  }

  /** The kernel was read, and holds these elements of lists. */
  #follow(standing: readonly Element[]): void {
    const isNew = this.#isNew;
    this.#isNew = false;
    if (standing.length === 0 && this.#lists.size === 0) return;
    inBackground(
      this.#inTurn(async () => {
        const now = wallClock.now();
        if (isNew && this.#judge.policy !== undefined)
          for (const [index, { target, until }] of standing.entries()) {
            if (until !== null && this.#judge.refuse(target, 'lists', now) === undefined)
              this.#lists.put(target, until, undefined);
            if (index % LOOK === 0) await pause();
          }
        if (this.#judge.policy !== undefined)
          await this.#send(this.#lists.difference(standing, wallClock.now()));
      }),
    );
  }

  /** Shared bans in force, those among them that were taken over from the kernel. */
  *#bans(): Generator<BanRecord> {
    for (const ban of this.#deps.ledger.inForce(wallClock.now(), SHARED_JAIL))
      if (isShared(ban)) yield ban;
  }

  #refuse(tally: ShareTally | undefined, target: string, reason: ShareRefusal, why: string): void {
    this.#refusals.set(reason, (this.#refusals.get(reason) ?? 0) + 1);
    tally?.refuse(target, why);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #view(): ShareView {
    const { setup, ledger } = this.#deps;
    return {
      ...takenBy(setup().jails),
      ...(this.#newest === undefined
        ? {}
        : { engine: this.#newest.engine, last: isoTime(this.#newest.time) }),
      inForce: ledger.history.sharedBans(SHARED_JAIL, SHARE_STATUS_ROWS_MAX),
      lists: {
        inForce: this.#lists.tidy(wallClock.now()),
        max: SHARE_LISTS_MAX,
        complete: this.#isComplete,
      },
      taken: this.#taken,
      refused: Object.fromEntries(this.#refusals),
    };
  }
}

/** True for a ban of another host, not for one that an operator made in the jail. */
function isShared({ jail, origin }: BanRecord): boolean {
  return jail === SHARED_JAIL && (origin === 'shared' || origin === 'import');
}

/** Lets everything else go first. */
function pause(): Promise<void> {
  return new Promise(setImmediate);
}
