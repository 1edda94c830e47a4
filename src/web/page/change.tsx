/** Changes: what is asked of somebody before a ban is made or lifted, and what came of it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { AgentView, AttemptAnswer, ChangeAnswer } from '../../control/protocol.js';
import { inBackground } from '../../core/background.js';
import { EVENT_COUNT_MAX } from '../../core/limits.js';
import type { BanRequest, UnbanRequest } from '../api.js';
import { send, Unanswered, useAsk } from './client.js';
import { Problem, Stranger } from './parts.js';
import { useSession } from './session.js';

interface DialogProps {
  readonly title: string;
  readonly action: string;
  readonly isReady: boolean;
  readonly onClose: () => void;
  readonly onDone: () => void;
  /** Resolves with what is to be told where nothing changed; undefined: it did. */
  readonly act: (csrf: string) => Promise<string | undefined>;
  readonly children: ComponentChildren;
}

function Dialog({ title, action, isReady, onClose, onDone, act, children }: DialogProps) {
  const { csrf } = useSession();
  const box = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState<Unanswered>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => box.current?.showModal(), []);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setProblem(undefined);
    try {
      const refusal = await act(csrf);
      if (refusal !== undefined) throw new Unanswered(refusal, 200);
      onDone();
      // Closed and not only taken away: the focus goes back to where it was.
      box.current?.close();
    } catch (error) {
      setProblem(error instanceof Unanswered ? error : new Unanswered(String(error), 0));
    }
    setBusy(false);
  };
  return (
    <dialog ref={box} onClose={onClose} aria-labelledby="dialog-title">
      <form onSubmit={(event) => inBackground(submit(event))}>
        <h2 id="dialog-title">{title}</h2>
        {children}
        {problem === undefined ? null : <Problem problem={problem} />}
        <div class="buttons">
          <button type="button" class="quiet" onClick={() => box.current?.close()}>
            Cancel
          </button>
          <button type="submit" class="strong" disabled={isBusy || !isReady}>
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** Asks for a change of bans; resolves with why nothing changed, if nothing did. */
async function change(
  call: 'ban' | 'unban',
  csrf: string,
  request: BanRequest | UnbanRequest,
): Promise<string | undefined> {
  const { changed, results } = await send<ChangeAnswer>(call, csrf, request);
  return changed === 0 ? (results[0]?.message ?? 'Nothing changed.') : undefined;
}

/** The jails of the agent, by name; none while they are asked for. */
function useJails(): readonly string[] {
  return useAsk<AgentView>('status').data?.jails.map(({ jail }) => jail) ?? [];
}

interface JailChoiceProps {
  readonly jails: readonly string[];
  readonly jail: string;
  readonly onChoose: (jail: string) => void;
}

function JailChoice({ jails, jail, onChoose }: JailChoiceProps) {
  return (
    <label>
      <span>Jail</span>
      <select value={jail} onChange={(event) => onChoose(event.currentTarget.value)}>
        {jails.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

interface ChangeProps {
  readonly onClose: () => void;
  readonly onDone: () => void;
}

/** Asks whether a ban is to be lifted. */
export function UnbanDialog({
  ban: { target, jail },
  ...rest
}: ChangeProps & { readonly ban: { readonly target: string; readonly jail: string } }) {
  const request: UnbanRequest = { target, jail };
  return (
    <Dialog
      {...rest}
      title="Lift this ban?"
      action="Unban"
      isReady
      act={(csrf) => change('unban', csrf, request)}
    >
      <p>
        <Stranger text={target} /> is let in again in <Stranger text={jail} />, and its failures up
        to now are forgotten.
      </p>
    </Dialog>
  );
}

const LENGTHS: readonly (readonly [label: string, seconds: number | null | undefined])[] = [
  ['as long as the jail says', undefined],
  ['1 hour', 3_600],
  ['1 day', 86_400],
  ['1 week', 604_800],
  ['for good', null],
];

/** Asks whom to ban, where and for how long. */
export function BanDialog(props: ChangeProps) {
  const jails = useJails();
  const [chosen, setChosen] = useState('');
  const [target, setTarget] = useState('');
  const [length, setLength] = useState(0);
  const jail = chosen === '' ? (jails[0] ?? '') : chosen;
  const bantimeSeconds = LENGTHS[length]?.[1];
  const request: BanRequest = {
    jail,
    target: target.trim(),
    ...(bantimeSeconds === undefined ? {} : { bantimeSeconds }),
  };
  return (
    <Dialog
      {...props}
      title="Ban an address"
      action="Ban"
      isReady={target.trim() !== '' && jail !== ''}
      act={(csrf) => change('ban', csrf, request)}
    >
      <label>
        <span>Address or prefix</span>
        <input
          value={target}
          required
          autocomplete="off"
          onInput={(event) => setTarget(event.currentTarget.value)}
        />
      </label>
      <JailChoice jails={jails} jail={jail} onChoose={setChosen} />
      <label>
        <span>How long</span>
        <select value={length} onChange={(event) => setLength(Number(event.currentTarget.value))}>
          {LENGTHS.map(([label], i) => (
            <option key={label} value={i}>
              {label}
            </option>
          ))}
        </select>
      </label>
    </Dialog>
  );
}

/** Asks in which jail a failed attempt is to be counted, as if a log had told of it. */
export function AttemptDialog({ target, ...rest }: ChangeProps & { readonly target: string }) {
  const jails = useJails();
  const [chosen, setChosen] = useState('');
  const [attempts, setAttempts] = useState('1');
  const jail = chosen === '' ? (jails[0] ?? '') : chosen;
  const act = async (csrf: string) => {
    const request = { jail, target, count: Number(attempts) };
    const { outcome, message } = await send<AttemptAnswer>('attempt', csrf, request);
    return outcome === 'ignored' ? message : undefined;
  };
  return (
    <Dialog {...rest} title="Count a failed attempt" action="Count" isReady={jail !== ''} act={act}>
      <p>
        <Stranger text={target} /> is treated as if it had just failed; the jail bans it when that
        makes too many.
      </p>
      <JailChoice jails={jails} jail={jail} onChoose={setChosen} />
      <label>
        <span>How often</span>
        <input
          type="number"
          min="1"
          max={EVENT_COUNT_MAX}
          required
          value={attempts}
          onInput={(event) => setAttempts(event.currentTarget.value)}
        />
      </label>
    </Dialog>
  );
}
