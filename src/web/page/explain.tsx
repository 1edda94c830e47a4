/** The view explain: all that is known of an address, and the picture of why it is banned. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { RefusalView } from '../../control/policy-views.js';
import {
  addsPoints,
  type BanView,
  type CountersView,
  type EvidenceView,
  type Explanation,
  RULE_REASONS,
} from '../../control/protocol.js';
import { counted, escapeUntrusted, isUserName } from '../../core/text.js';
import { countryName, type LocatedExplanation } from '../api.js';
import { AttemptDialog } from './change.js';
import { useAsk } from './client.js';
import { banOf, sentenceOf, storyOf } from './evidence.js';
import { count, lengthOf, points, size } from './format.js';
import {
  Answered,
  Panel,
  Share,
  Stranger,
  Table,
  type TableColumn,
  Tag,
  Time,
  Until,
} from './parts.js';
import { Picture } from './picture.js';
import { replaceRoute, useSession } from './session.js';
import { Offenders, UserStory } from './user.js';

type Evidence = Explanation['evidence'][number];

const ENTRIES: readonly TableColumn<EvidenceView>[] = [
  { title: 'Time', cell: ({ time }) => (time === undefined ? 'gone' : <Time iso={time} />) },
  { title: 'Attempts', isNumber: true, cell: ({ count: attempts = 1 }) => count(attempts) },
  {
    title: 'Entry of the journal',
    cell: ({ line, cursor }) =>
      line === undefined ? (
        <span class="dim">
          The journal has it no more: <Stranger text={cursor} chars={40} />
        </span>
      ) : (
        <code>
          <Stranger text={line} chars={600} />
        </code>
      ),
  },
  {
    title: 'Found by',
    isMinor: true,
    // The cell has the file's name; its whole path shows where a pointer rests on it.
    cell: ({ regex }) =>
      regex === undefined ? (
        '-'
      ) : (
        <span class="whole" title={escapeUntrusted(regex)}>
          <Stranger text={/[^/\s]+:\d+/.exec(regex)?.[0] ?? regex} chars={60} />
        </span>
      ),
  },
];

/** Of a jail that weighs. */
const POINTS: TableColumn<EvidenceView> = {
  title: 'Points',
  isNumber: true,
  cell: ({ points: weight }) => (weight === undefined ? '-' : points(weight)),
};

const BANS: readonly TableColumn<BanView>[] = [
  { title: 'Jail', cell: ({ jail }) => <Stranger text={jail} chars={40} /> },
  {
    title: 'State',
    cell: ({ state, refusal }) => (
      <>
        <Tag tone={state === 'in-force' ? 'bad' : state === 'refused' ? 'warn' : 'plain'}>
          {state}
        </Tag>
        {refusal === undefined ? null : <Stranger text={refusal} />}
      </>
    ),
  },
  { title: 'Failures', isNumber: true, isMinor: true, cell: ({ failures }) => count(failures) },
  { title: 'Since', cell: ({ time }) => <Time iso={time} /> },
  {
    title: 'Ends',
    cell: ({ until, ended }) =>
      ended === undefined ? <Until until={until} /> : <Time iso={ended.time} />,
  },
  {
    title: 'Told by',
    isMinor: true,
    cell: ({ host, scenario }) =>
      host === undefined ? (
        '-'
      ) : (
        <>
          <Stranger text={host} chars={60} />
          {scenario === undefined ? null : (
            <span>
              {' for '}
              <Stranger text={scenario} chars={100} />
            </span>
          )}
        </>
      ),
  },
  {
    title: 'Ended by',
    isMinor: true,
    cell: ({ ended }) =>
      ended === undefined ? '-' : <Stranger text={ended.by ?? ended.reason} chars={60} />,
  },
  {
    title: 'User',
    isMinor: true,
    cell: ({ user }) => (user === undefined ? '-' : <Stranger text={user} chars={60} />),
  },
];

const REFUSALS: readonly TableColumn<RefusalView>[] = [
  { title: 'Time', cell: ({ time }) => <Time iso={time} /> },
  { title: 'User', cell: ({ user }) => <Stranger text={user ?? ''} chars={60} /> },
  { title: 'Reason', cell: ({ reason }) => <Tag tone="warn">{reason}</Tag> },
];

/** What was counted, and what it takes to be banned. */
function leadOf({ entries, earlier, rule }: Evidence, ban: BanView | undefined): string {
  if (rule === undefined) return 'The jail is no more; what it counted is below.';
  const { needed, maxretry } = rule;
  const length = lengthOf(rule.findtimeSeconds);
  const more = needed > maxretry ? ` there, and not at ${maxretry}: others log in from it` : '';
  if (rule.isWeighing) {
    const why = ban?.rule === undefined ? '' : `; the ban: ${RULE_REASONS[ban.rule]}`;
    const joint = addsPoints(ban)
      ? ` Such a ban adds ${counted(maxretry, 'point')}: the next failure is enough.`
      : '';
    return `${counted(entries.length, 'entry', 'entries')} weighed${why}. The jail bans at ${counted(needed, 'point')}${more}; half of each weight is gone after ${length}.${joint}`;
  }
  const failures = entries.reduce((sum, { count: own = 1 }) => sum + own, earlier);
  const kept = earlier > 0 ? ` (the entries of ${count(earlier)} were not kept)` : '';
  return `${counted(failures, 'failure')} counted${kept}; the jail bans at ${needed} within ${length}${more}.`;
}

interface StoryProps {
  readonly explanation: Explanation;
  readonly evidence: Evidence;
  readonly counters: CountersView | undefined;
}

function Story({ explanation, evidence, counters }: StoryProps) {
  const { jail, entries, rule } = evidence;
  const ban = banOf(explanation, jail);
  const stopped = counters?.jails[jail]?.packets;
  const story = useMemo(
    () => storyOf(explanation, evidence, stopped),
    [explanation, evidence, stopped],
  );
  const columns = rule?.isWeighing
    ? [...ENTRIES.slice(0, 2), POINTS, ...ENTRIES.slice(2)]
    : ENTRIES;
  return (
    <Panel
      title={ban === undefined ? `Counted so far: ${jail}` : `Why: ${jail}`}
      class="wide"
      aside={ban?.rule === undefined ? undefined : <Tag tone="plain">rule: {ban.rule}</Tag>}
    >
      <p class="lead">{leadOf(evidence, ban)}</p>
      {story === undefined ? null : <Picture chart={story} />}
      <Table
        caption={`Entries that ${jail} counted`}
        columns={columns}
        rows={entries}
        nothing="No entry was counted: the ban was not made by the journal."
      />
    </Panel>
  );
}

/** What the kernel holds and has stopped: the proof that a ban is one. */
function Kernel({ explanation, counters }: Omit<StoryProps, 'evidence'>) {
  const { kernel } = explanation;
  return (
    <Panel title="In the kernel">
      {kernel.length === 0 ? (
        <p class="nothing">No element of the kernel’s sets holds it: its packets come through.</p>
      ) : (
        <ul class="feed">
          {kernel.map(({ jail, target, until }) => {
            const counter = counters?.jails[jail];
            return (
              <li key={`${jail} ${target}`}>
                <span>
                  <Stranger text={target} /> <span class="dim">in {jail}</span>
                </span>
                <span class="dim">
                  {counter === undefined
                    ? ''
                    : `${counted(counter.packets, 'packet')} stopped by the jail, ${size(counter.bytes)}`}
                </span>
                <Until until={until} />
              </li>
            );
          })}
        </ul>
      )}
    </Panel>
  );
}

/** Lists of other hosts that hold it, which are bans of no jail. */
function Lists({ listed }: Required<Pick<Explanation, 'listed'>>) {
  if (listed.length === 0) return null;
  return (
    <ul class="plain-list">
      {listed.map(({ target, until, host, scenario }) => (
        <li key={`${target} ${host}`}>
          On a list as <Stranger text={target} chars={60} />, by{' '}
          <Stranger text={host ?? 'another host'} chars={60} />
          {scenario === undefined ? null : (
            <>
              {' '}
              for <Stranger text={scenario} chars={100} />
            </>
          )}
          , ends <Until until={until} />.
        </li>
      ))}
    </ul>
  );
}

function Windows({ explanation }: { readonly explanation: Explanation }) {
  const { windows, allowed, listed } = explanation;
  const reasons = Object.entries(allowed);
  return (
    <Panel title="What counts now">
      <Lists listed={listed ?? []} />
      {reasons.length === 0 ? null : (
        <ul class="plain-list">
          {reasons.map(([jail, reason]) => (
            <li key={jail}>
              Never banned in <Stranger text={jail} chars={40} />:{' '}
              <Stranger text={reason} chars={200} />
            </li>
          ))}
        </ul>
      )}
      {windows.length === 0 ? (
        <p class="nothing">No failure of it is in a window.</p>
      ) : (
        <ul class="feed">
          {windows.map(({ jail, target, failures, points: weight, needed, last }) => (
            <li key={`${jail} ${target}`}>
              <span>
                <Stranger text={jail} chars={40} /> <span class="dim">{target}</span>
              </span>
              <Share
                value={weight ?? failures}
                most={needed}
                text={
                  weight === undefined
                    ? `${count(failures)} of ${needed}`
                    : `${points(weight)} of ${needed} points`
                }
              />
              {last === undefined ? <span /> : <Time iso={last} as="ago" />}
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

interface ExplainedProps {
  readonly explanation: LocatedExplanation;
  /** Asks anew, since something was changed. */
  readonly onChange: () => void;
}

function Explained({ explanation, onChange }: ExplainedProps) {
  const { changes } = useSession();
  const [isCounting, setCounting] = useState(false);
  const counters = useAsk<CountersView>('counters', {}, 10_000).data;
  const { banned, words } = sentenceOf(explanation);
  const { country } = explanation;
  return (
    <div class="grid">
      <section class={`verdict ${banned ? 'bad' : 'good'}`} aria-label="Answer">
        <p role="status">
          <strong>
            <Stranger text={words} chars={400} />
          </strong>
        </p>
        {country === undefined ? null : <p class="dim">It is in {countryName(country)}.</p>}
        {changes ? (
          <div class="buttons">
            <button type="button" onClick={() => setCounting(true)}>
              Count a failed attempt
            </button>
          </div>
        ) : null}
        {isCounting ? (
          <AttemptDialog
            target={explanation.address}
            onClose={() => setCounting(false)}
            onDone={onChange}
          />
        ) : null}
      </section>
      {explanation.evidence
        .filter(({ entries }) => entries.length > 0)
        .map((evidence) => (
          <Story
            key={evidence.jail}
            explanation={explanation}
            evidence={evidence}
            counters={counters}
          />
        ))}
      {explanation.offenders.map((together, i) => (
        <Offenders key={i} together={together} />
      ))}
      <Kernel explanation={explanation} counters={counters} />
      <Windows explanation={explanation} />
      <Panel title="Its bans" class="wide">
        <Table caption="Its bans" columns={BANS} rows={explanation.bans} nothing="Never banned." />
      </Panel>
      {explanation.refusals.length === 0 ? null : (
        <Panel title="Logins refused before the password was looked at" class="wide">
          <Table
            caption="Refused logins"
            columns={REFUSALS}
            rows={explanation.refusals}
            nothing=""
          />
        </Panel>
      )}
    </div>
  );
}

export function ExplainView({ params }: { readonly params: URLSearchParams }) {
  const [address, user] = [params.get('address') ?? '', params.get('user') ?? ''];
  const asksFor = user === '' ? address : user;
  const [text, setText] = useState(asksFor);
  useEffect(() => setText(asksFor), [asksFor]);
  const asked = useAsk<LocatedExplanation>(address === '' ? null : 'explain', { address }, 15_000);
  const submit = (event: Event) => {
    event.preventDefault();
    const who = text.trim();
    replaceRoute('explain', isUserName(who) ? { user: who } : { address: who });
  };
  return (
    <>
      <form class="tools" onSubmit={submit}>
        <label class="grow">
          <span>Address, prefix or user</span>
          <input
            type="search"
            value={text}
            placeholder="192.0.2.1, 2001:db8::1 or a name"
            autocomplete="off"
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="strong">
          Explain
        </button>
      </form>
      {user !== '' ? (
        <UserStory user={user} />
      ) : address === '' ? (
        <p class="nothing">
          Type an address or the name of a user, or follow one from any other view: each is a link
          to its story.
        </p>
      ) : (
        <Answered asked={asked}>
          {(explanation) => <Explained explanation={explanation} onChange={asked.again} />}
        </Answered>
      )}
    </>
  );
}
