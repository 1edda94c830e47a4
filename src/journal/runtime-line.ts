/**
 * A container's long line in several lines of its runtime, each with the runtime's own header: only
 * the first of them begins with the daemon's words. Whoever made the line long chose how the others
 * begin, so none of those may be judged as a line.
 *
 * - CRI's log format (Kubernetes' containerd and CRI-O, and podman's `k8s-file`): date, stream, and
 *   `P` where the line goes on, else `F`.
 * - Docker's `json-file`: an object for each part; the text of the last one ends in a newline.
 */
import { RUNTIME_PART_BYTES_MIN, RUNTIME_STREAMS_MAX } from '../core/limits.js';

/** What a runtime's line tells of the container's. */
export interface RuntimePart {
  /** Which output of the container it is of, as the runtime names it; empty: it may be any. */
  readonly stream: string;
  /** The container's line goes on in the next part of the same stream. */
  readonly goesOn: boolean;
}

/** So many characters of a line's beginning hold CRI's header, and of its end Docker's keys. */
export const RUNTIME_HEAD_CHARS = 192;
export const RUNTIME_TAIL_CHARS = 4_096;

/** The service's name, as `docker compose` prints it, may stand before the header of CRI. */
const CRI =
  /^((?:[\w.-]{1,64} {1,64}\|\s)?)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,24} (stdout|stderr) ([PF])(?::\S{0,64})?(?:\s|$)/;

const DOCKER = /^\s{0,8}\{"log":"/;
const STREAM_KEY = '","stream":"';
const DOCKER_END = /^(stdout|stderr)"(?:,"attrs":\{[^{}]*\})?,"time":"[^"]{1,64}"\}\s{0,8}$/;

/** Hardly any line has what a runtime's header has: a look at plain texts is cheaper. */
export function mayBeRuntimeLine(text: string): boolean {
  return text.includes(' std') || text.includes('{"log":"');
}

/**
 * What a line tells; undefined for one without a runtime's header. `head` is its beginning and
 * `tail` its end (they may overlap), `bytes` the length of all of it.
 */
export function runtimePart(head: string, tail: string, bytes: number): RuntimePart | undefined {
  const beginning = head.slice(0, RUNTIME_HEAD_CHARS);
  const [, service = '', stream, mark] = CRI.exec(beginning) ?? [];
  if (stream !== undefined) return { stream: service + stream, goesOn: mark === 'P' };
  if (!DOCKER.test(beginning)) return undefined;
  const end = tail.slice(-RUNTIME_TAIL_CHARS);
  const at = end.lastIndexOf(STREAM_KEY);
  const [, name] = DOCKER_END.exec(end.slice(at + STREAM_KEY.length)) ?? [];
  const isLong = bytes >= RUNTIME_PART_BYTES_MIN;
  // journald has broken the object itself: nobody sees how it ended.
  if (at < 0 || name === undefined) return isLong ? { stream: '', goesOn: true } : undefined;
  // Other writers of such objects leave the newline out of every one; those are whole lines.
  return { stream: name, goesOn: isLong && !endsLine(end.slice(0, at)) };
}

/** Whether `before` is of the stream that `part` is of, as far as is known. */
export function isOfStream(before: RuntimePart, part: RuntimePart): boolean {
  return before.stream === part.stream || before.stream === '';
}

/** Whether a text in JSON, without its quotes, ends in a newline. */
function endsLine(text: string): boolean {
  if (!text.endsWith('n')) return false;
  const backslashes = text.length - 1 - text.slice(0, -1).replace(/\\+$/, '').length;
  return backslashes % 2 === 1;
}

/** The streams of one file, or one output, of a runtime of which the last line goes on. */
export class RuntimeParts {
  readonly #going = new Set<string>();

  /**
   * Takes the lines in turn. True where the line is the rest of one that began in another; a line
   * without a runtime's header is none.
   */
  isRest(part: RuntimePart | undefined): boolean {
    if (part === undefined) return false;
    const { stream, goesOn } = part;
    const wasGoing = this.#going.delete(stream);
    const wasUnknown = this.#going.delete('');
    if (goesOn) this.#going.add(stream);
    // Services have names of their own, so there may be many streams.
    const [oldest] = this.#going;
    if (this.#going.size > RUNTIME_STREAMS_MAX && oldest !== undefined) this.#going.delete(oldest);
    return wasGoing || wasUnknown;
  }
}
