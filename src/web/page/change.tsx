/** Changes: what is asked of somebody before a ban is made or lifted, and what came of it. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { AgentView, ChangeAnswer } from '../../control/protocol.js';
import { inBackground } from '../../core/background.js';
import type { BanRequest, UnbanRequest } from '../api.js';
import { send, Unanswered, useAsk } from './client.js';
import { Problem, Stranger } from './parts.js';
import { useSession } from './reader.js';

interface DialogProps {
  readonly title: string;
  readonly action: string;
  readonly isReady: boolean;
  readonly onClose: () => void;
  readonly onDone: () => void;
  /** Resolves with what is to be told when nothing changed. */
  readonly act: (csrf: string) => Promise<ChangeAnswer>;
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
      const { changed, results } = await act(csrf);
      if (changed === 0) throw new Unanswered(results[0]?.message ?? 'Nothing changed.', 200);
      onDone();
      onClose();
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
      act={(csrf) => send<ChangeAnswer>('unban', csrf, request)}
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
  const status = useAsk<AgentView>('status');
  const jails = status.data?.jails.map(({ jail }) => jail) ?? [];
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
      act={(csrf) => send<ChangeAnswer>('ban', csrf, request)}
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
      <label>
        <span>Jail</span>
        <select value={jail} onChange={(event) => setChosen(event.currentTarget.value)}>
          {jails.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
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
