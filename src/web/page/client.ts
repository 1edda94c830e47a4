/** The server, as the views ask it: one question, its answer or what went wrong. */
import { useEffect, useState } from 'preact/hooks';
import type { ApiProblem } from '../../control/protocol.js';
import { inBackground } from '../../core/background.js';
import { CSRF_HEADER } from '../api.js';

/** Told to the window when the server knows no session of this browser any more. */
export const SIGNED_OUT = 'banjour-signed-out';

/** An answer that was none. */
export class Unanswered extends Error {
  constructor(
    message: string,
    /** HTTP's number; 0 where nobody answered. */
    readonly status: number,
    readonly hint?: string,
  ) {
    super(message);
  }
}

type Params = Readonly<Record<string, string | number | undefined>>;

function addressOf(call: string, params: Params): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    if (value !== undefined && value !== '') words.set(name, String(value));
  const query = words.toString();
  return `/api/${call}${query === '' ? '' : `?${query}`}`;
}

async function answerOf<T>(address: string, init: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address, { ...init, credentials: 'same-origin' });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Unanswered(
      'The page does not reach its server.',
      0,
      'systemctl status banjour-companion',
    );
  }
  if (response.ok) return (await response.json()) as T;
  if (response.status === 401) window.dispatchEvent(new Event(SIGNED_OUT));
  const problem = (await response.json().catch(() => ({}))) as Partial<ApiProblem>;
  throw new Unanswered(problem.error ?? `HTTP ${response.status}`, response.status, problem.hint);
}

/** Asks. @throws Unanswered */
export function ask<T>(call: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  return answerOf<T>(addressOf(call, params), signal === undefined ? {} : { signal });
}

/** Changes something. @throws Unanswered */
export function send<T>(call: string, csrf: string, body: object): Promise<T> {
  return answerOf<T>(`/api/${call}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', [CSRF_HEADER]: csrf },
    body: JSON.stringify(body),
  });
}

export interface Asked<T> {
  /** The newest answer, kept while the next is under way and where that one failed. */
  readonly data: T | undefined;
  readonly problem: Unanswered | undefined;
  readonly isAsking: boolean;
  /** Asks once more. */
  readonly again: () => void;
}

/**
 * Asks when a view appears, when what it asks changes, and every `everyMs` while somebody looks. A
 * call of null asks nothing.
 */
export function useAsk<T>(call: string | null, params: Params = {}, everyMs = 0): Asked<T> {
  const [state, setState] = useState<Pick<Asked<T>, 'data' | 'problem'> & { address?: string }>({
    data: undefined,
    problem: undefined,
  });
  const [isAsking, setAsking] = useState(call !== null);
  const [turn, setTurn] = useState(0);
  const address = call === null ? null : addressOf(call, params);
  useEffect(() => {
    if (address === null) return;
    const controller = new AbortController();
    const look = async () => {
      setAsking(true);
      try {
        const data = await answerOf<T>(address, { signal: controller.signal });
        setState({ data, problem: undefined, address });
      } catch (error) {
        if (controller.signal.aborted) return;
        const problem = error instanceof Unanswered ? error : new Unanswered(String(error), 0);
        // What another question was answered is no answer to this one.
        setState((old) => ({
          data: old.address === address ? old.data : undefined,
          problem,
          address,
        }));
      }
      setAsking(false);
    };
    inBackground(look());
    const timer =
      everyMs > 0 ? setInterval(() => document.hidden || inBackground(look()), everyMs) : undefined;
    return () => {
      controller.abort();
      clearInterval(timer);
    };
  }, [address, everyMs, turn]);
  return { ...state, isAsking, again: () => setTurn((before) => before + 1) };
}
