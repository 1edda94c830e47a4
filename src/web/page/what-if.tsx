/** The view what-if: what other settings would have done to the entries that the journal has. */
import { useMemo, useState } from 'preact/hooks';
import { counted } from '../../core/text.js';
import type { WhatIfView as WhatIf, WhatIfSetting } from '../api.js';
import { useAsk } from './client.js';
import { count, lengthOf } from './format.js';
import {
  Answered,
  Figure,
  Figures,
  Panel,
  Share,
  Stranger,
  Table,
  type TableColumn,
  Tag,
  Target,
  Time,
  type Tone,
} from './parts.js';
import {
  choiceOf,
  nearestSetting,
  presentSetting,
  type SliderChoice,
  stepsOf,
  type TriedSettings,
} from './sliders.js';

type Hit = WhatIfSetting['hits'][number];

const HITS: readonly TableColumn<Hit>[] = [
  { title: 'Address', cell: ({ target }) => <Target target={target} /> },
  { title: 'Jail', cell: ({ jail }) => <Stranger text={jail} chars={40} /> },
  { title: 'Time', cell: ({ time }) => <Time iso={time} /> },
  { title: 'Logins shut out', isNumber: true, cell: ({ blocked }) => count(blocked) },
  {
    title: 'Users',
    cell: ({ users }) => users.map((user) => <Stranger key={user} text={user} chars={60} />),
  },
];

/** Why none of the settings is advised. */
const NO_ADVICE: Readonly<Record<string, string>> = {
  'no-failures': 'Nothing is advised: the journal has no failures.',
  'too-short': 'Nothing is advised: the journal holds less than a day.',
  'no-logins': 'Nothing is advised: no login tells who is a user.',
  good: 'Nothing is advised: no other setting is clearly better.',
};

interface SliderProps<T> {
  readonly label: string;
  readonly values: readonly T[];
  readonly value: T;
  readonly say: (value: T) => string;
  readonly onChange: (value: T) => void;
}

function Slider<T>({ label, values, value, say, onChange }: SliderProps<T>) {
  const index = Math.max(0, values.indexOf(value));
  return (
    <label class="slider">
      <span>
        {label} <strong>{say(value)}</strong>
      </span>
      <input
        type="range"
        min={0}
        max={values.length - 1}
        step={1}
        value={index}
        disabled={values.length < 2}
        aria-valuetext={say(value)}
        onInput={(event) => onChange(values[Number(event.currentTarget.value)] as T)}
      />
    </label>
  );
}

function Compared({
  label,
  now,
  then,
  note,
}: {
  label: string;
  now: number;
  then: number;
  note: string;
}) {
  const change = then - now;
  const tone: Tone = change < 0 ? 'good' : change > 0 ? 'bad' : 'plain';
  const words =
    change === 0 ? 'as now' : `${change > 0 ? '+' : '−'}${count(Math.abs(change))} to now`;
  return <Figure label={label} value={count(then)} note={`${words}; ${note}`} tone={tone} />;
}

/** All that was tried: what comes through, and who is shut out. */
function Tried({
  advice,
  chosen,
  choose,
}: {
  advice: TriedSettings;
  chosen: number;
  choose: (i: number) => void;
}) {
  const most = Math.max(1, ...advice.tried.map(({ passed }) => passed));
  const login = advice.tried[presentSetting(advice.tried)]?.login;
  const rows = advice.tried.map((setting, i) => ({ setting, i }));
  const columns: readonly TableColumn<(typeof rows)[number]>[] = [
    {
      title: 'Setting',
      cell: ({ setting, i }) => (
        <>
          <button type="button" class="link" aria-pressed={i === chosen} onClick={() => choose(i)}>
            {setting.maxretry} in {lengthOf(setting.findtime)}
            {Object.entries(setting.weighing).map(([key, value]) => `, ${key} ${value}`)}
            {setting.login === login ? '' : `, login ${setting.login}`}
          </button>
          {setting.lines === '' ? <Tag tone="plain">now</Tag> : null}
          {i === advice.best ? <Tag tone="good">advised</Tag> : null}
          {i === chosen ? <Tag tone="warn">chosen</Tag> : null}
        </>
      ),
    },
    {
      title: 'Guesses let through',
      cell: ({ setting }) => (
        <Share value={setting.passed} most={most} text={count(setting.passed)} />
      ),
    },
    { title: 'Bans', isNumber: true, cell: ({ setting }) => count(setting.bans) },
    { title: 'Users hit', isNumber: true, cell: ({ setting }) => count(setting.hits.length) },
    {
      title: 'Logins shut out',
      isNumber: true,
      cell: ({ setting }) => count(setting.blockedLogins),
    },
  ];
  return <Table caption="All settings that were tried" columns={columns} rows={rows} nothing="" />;
}

interface ControlsProps {
  readonly tried: readonly WhatIfSetting[];
  readonly chosen: WhatIfSetting;
  readonly choose: (index: number) => void;
}

/** The sliders, and what to write for what they say. */
function Controls({ tried, chosen, choose }: ControlsProps) {
  const steps = useMemo(() => stepsOf(tried), [tried]);
  const choice = choiceOf(chosen);
  const move = <K extends keyof SliderChoice>(key: K, value: SliderChoice[K]) =>
    choose(nearestSetting(tried, { ...choice, [key]: value }, key));
  return (
    <Panel
      title="Settings"
      class="wide"
      aside={<Tag tone="plain">{`${tried.length} were tried`}</Tag>}
    >
      <div class="sliders">
        <Slider
          label="maxretry"
          values={steps.maxretry}
          value={choice.maxretry}
          say={String}
          onChange={(value) => move('maxretry', value)}
        />
        <Slider
          label="findtime"
          values={steps.findtime}
          value={choice.findtime}
          say={lengthOf}
          onChange={(value) => move('findtime', value)}
        />
        <Slider
          label="slow score"
          values={steps.slow}
          value={choice.slow}
          say={(value) => value ?? 'as configured'}
          onChange={(value) => move('slow', value)}
        />
      </div>
      {chosen.lines === '' ? (
        <p class="dim">This is what is configured now.</p>
      ) : (
        <>
          <p class="dim">In jail.local:</p>
          <pre>{chosen.lines}</pre>
        </>
      )}
    </Panel>
  );
}

function Sliders({ advice }: { readonly advice: TriedSettings }) {
  const { tried } = advice;
  const present = presentSetting(tried);
  const [index, setIndex] = useState(present);
  const [now, chosen] = [tried[present], tried[index] ?? tried[present]];
  if (now === undefined || chosen === undefined)
    return <p class="nothing">No setting was tried: the journal has no failures.</p>;
  const share =
    chosen.guesses > 0
      ? `${Math.round((100 * chosen.passed) / chosen.guesses)} % of all guesses`
      : '';
  return (
    <div class="grid">
      <Controls tried={tried} chosen={chosen} choose={setIndex} />
      <Figures>
        <Compared label="Guesses let through" now={now.passed} then={chosen.passed} note={share} />
        <Compared
          label="Logins shut out"
          now={now.blockedLogins}
          then={chosen.blockedLogins}
          note="of users, by mistake"
        />
        <Figure label="Bans" value={count(chosen.bans)} note={`${count(now.bans)} now`} />
        <Figure
          label="Addresses"
          value={count(chosen.targets)}
          note={`${count(now.targets)} now`}
        />
      </Figures>
      <Panel title="Users who would have been hit" class="wide">
        <Table
          caption="Users who would have been hit"
          columns={HITS}
          rows={chosen.hits}
          nothing="Nobody who logs in would have been banned."
        />
      </Panel>
      <Panel title="All settings that were tried" class="wide">
        <Tried advice={advice} chosen={index} choose={setIndex} />
      </Panel>
    </div>
  );
}

export function WhatIfView(_: { readonly params: URLSearchParams }) {
  const asked = useAsk<WhatIf>('whatif', {}, 60_000);
  return (
    <Answered asked={asked}>
      {({ made, advice }) =>
        advice === null || made === null ? (
          <Panel title="Nothing was tried yet" class="wide">
            <p>
              On the host, this judges the journal of the last 30 days under some thirty settings:
            </p>
            <pre>banjour advise --for-web</pre>
          </Panel>
        ) : (
          <>
            <p class="lead">
              {counted(advice.entries, 'entry', 'entries')} judged
              {advice.from === null || advice.to === null ? null : (
                <>
                  , <Time iso={advice.from} /> to <Time iso={advice.to} />
                </>
              )}
              : {counted(advice.failures, 'failure')}, {counted(advice.logins, 'login')}. Made{' '}
              <Time iso={made} as="ago" />.
              {advice.reason === undefined ? null : (
                <>
                  {' '}
                  <Stranger text={NO_ADVICE[advice.reason] ?? advice.reason} chars={400} />
                </>
              )}
            </p>
            <Sliders advice={advice} />
          </>
        )
      }
    </Answered>
  );
}
