/** Runs the regexes of a filter over one text and keeps their matches off the cut of an over-long message. */
import type { Progress, RegexSlot } from './filter.js';
import { fillAlternates, type Groups, withoutIdentity } from './groups.js';
import type { SlotList } from './slots.js';

/** A match of one regex of a filter. */
export interface Hit {
  readonly slot: RegexSlot;
  readonly groups: Groups;
  readonly index: number;
  readonly end: number;
}

/** One text and the regexes that were tried on it. */
export class Search {
  cut = false;
  /** Characters of the whole text. */
  readonly length: number;
  #text: string;
  #cutAt: number | undefined;
  readonly #progress: Progress;
  readonly #linelimit: number | undefined;

  /** `linelimit`: bytes of the text, or of the content that a prefregex takes out, at which the daemon cuts it. */
  constructor(text: string, cutAt: number | undefined, progress: Progress, linelimit?: number) {
    this.length = text.length;
    this.#text = text;
    this.#cutAt = cutAt;
    this.#progress = progress;
    this.#linelimit = linelimit;
  }

  /** From now on only this text. */
  narrow(text: string, cutAt?: number): void {
    this.#text = text;
    this.#cutAt = cutAt;
  }

  /**
   * Searches the prefregex and narrows the text to its content; undefined when it does not hit. The content may hold
   * the cut, since it is judged again: while it is taken out, a character that no daemon writes stands for the cut,
   * because `.+` would stop at a newline.
   */
  prefix(slot: RegexSlot): Groups | undefined {
    const cutAt = this.#cutAt;
    if (cutAt === undefined) {
      const hit = this.one(slot);
      const groups = hit?.groups;
      if (groups?.['content']) this.narrow(groups['content']);
      return groups;
    }
    const whole = this.#text;
    this.narrow(`${whole.slice(0, cutAt)}${CUT_MARK}${whole.slice(cutAt + 1)}`, cutAt);
    const hit = this.one(slot);
    const parts = hit?.groups['content']?.split(CUT_MARK);
    if (parts?.length === 2 && parts[0] !== undefined) {
      this.narrow(parts.join('\n'), parts[0].length);
      return hit?.groups;
    }
    this.narrow(whole, cutAt);
    if (hit === undefined) return undefined;
    this.cut = this.#touches(hit);
    if (this.cut) return undefined;
    if (parts?.[0]) this.narrow(parts[0]);
    return hit.groups;
  }

  /**
   * The first regex that hits. A match that touches the cut may owe its end to it (an address of which digits are
   * missing, a `$` that is not the end) and does not count; an ignoreregex (`lenient`) may.
   */
  first(slots: SlotList, lenient = false): Hit | undefined {
    for (const slot of slots.for(this.#text)) {
      const hit = this.one(slot);
      if (hit === undefined) continue;
      if (this.#touches(hit)) {
        this.cut = true;
        if (!lenient) continue;
      }
      return this.#owesItsEndToTheDaemon(hit) ? { ...hit, groups: withoutIdentity(hit.groups) } : hit;
    }
    return undefined;
  }

  /** The match of one regex, whether it touches the cut or not. */
  one(slot: RegexSlot): Hit | undefined {
    this.#progress.running = slot;
    const match = slot.regex.exec(this.#text);
    if (match === null) return undefined;
    const groups = slot.alternates.length === 0 ? match.groups : fillAlternates(match.groups, slot.alternates);
    return { slot, groups, index: match.index, end: match.end };
  }

  #touches({ index, end }: Hit): boolean {
    return this.#cutAt !== undefined && index <= this.#cutAt + 1 && end >= this.#cutAt;
  }

  /**
   * Whether the line may have been cut, and the hit depends on its end: there, or where a lookahead did not find
   * something, a client chose what stands. Such a hit says no address.
   */
  #owesItsEndToTheDaemon({ slot, end }: Hit): boolean {
    const limit = this.#linelimit;
    // No character has more than three bytes for each of its units.
    if (limit === undefined || this.#text.length * 3 < limit || Buffer.byteLength(this.#text) < limit) return false;
    return end === this.#text.length || slot.regex.looksAhead;
  }
}

/** U+FFFF is not a character (Unicode 16, section 23.7). */
const CUT_MARK = '\uffff';
