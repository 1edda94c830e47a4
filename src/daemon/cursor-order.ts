/** Order of two positions in a source: what was read before the agent stopped, and what is new. */
import type { ReadPosition } from '../core/entry.js';
import { Places } from '../journal/places.js';

const known = new WeakMap<ReadPosition, Places>();

/** True when the entry of `position` is the one of `mark` or lies before it. */
export function isAtOrBefore(position: ReadPosition, mark: ReadPosition): boolean {
  return position.cursor === mark.cursor || placesOf(mark).cover(position);
}

/**
 * The position to store: of a source with several streams those that are still behind the mark keep the place that the
 * mark has, since what lies before it was judged already.
 */
export function notBehind(position: ReadPosition, mark: ReadPosition): ReadPosition {
  const places = new Places(position);
  return places.many ? (places.notBehind(placesOf(mark)) ?? position) : position;
}

function placesOf(mark: ReadPosition): Places {
  let places = known.get(mark);
  if (places === undefined) {
    places = new Places(mark);
    known.set(mark, places);
  }
  return places;
}
