/**
 * What Valkey's answers hold: lists, texts, entries of a stream and their ids. Of what is none of
 * them nothing is left, and it is no error: everybody who has the password writes there.
 */

/** An answer, as the library reads RESP 2. */
export type Reply = string | number | null | Error | readonly Reply[];

/** One entry of a stream. */
export interface StreamEntry {
  readonly id: string;
  readonly fields: ReadonlyMap<string, string>;
}

/** The values of an array; none when it is no array. */
export function listOf(reply: Reply | undefined): readonly Reply[] {
  return Array.isArray(reply) ? (reply as readonly Reply[]) : [];
}

/** The text; an empty one when it is none. */
export function textOf(reply: Reply | undefined): string {
  return typeof reply === 'string' ? reply : '';
}

/** The entries of an answer to XRANGE, or of one stream of XREAD. */
export function entriesOf(reply: Reply | undefined): StreamEntry[] {
  return listOf(reply).flatMap((entry): StreamEntry[] => {
    const [id, words] = listOf(entry);
    if (!isPosition(textOf(id))) return [];
    const texts = listOf(words).map(textOf);
    const fields = new Map<string, string>();
    for (let at = 0; at + 1 < texts.length; at += 2)
      fields.set(texts[at] ?? '', texts[at + 1] ?? '');
    return [{ id: textOf(id), fields }];
  });
}

/** True for the id of an entry. */
export function isPosition(text: string): boolean {
  return /^\d{1,20}-\d{1,20}$/.test(text);
}

/** True when the first id comes after the second one. */
export function isAfter(first: string, second: string): boolean {
  const [time = 0n, count = 0n] = first.split('-').map(BigInt);
  const [otherTime = 0n, otherCount = 0n] = second.split('-').map(BigInt);
  return time === otherTime ? count > otherCount : time > otherTime;
}
