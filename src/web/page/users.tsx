/** The view users: whose mailboxes are attacked, and whose password was found. */
import { useState } from 'preact/hooks';
import type { RefusalView } from '../../control/policy-views.js';
import { type AlarmView, alarmWords } from '../../core/figures.js';
import type { LocatedFigures } from '../api.js';
import { type Asked, useAsk } from './client.js';
import { asSentence, count } from './format.js';
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
} from './parts.js';
import { linkTo } from './session.js';

const RANGES = [
  ['24 hours', 24],
  ['7 days', 168],
  ['30 days', 720],
] as const;

/** The figures of a time up to now, and the control that chooses it. */
export function useFigures(): {
  asked: Asked<LocatedFigures>;
  hours: number;
  choose: (hours: number) => void;
} {
  const [hours, choose] = useState(168);
  // Whole hours, so that the question is the same for an hour.
  const since = new Date(Math.floor(Date.now() / 3_600_000 - hours) * 3_600_000).toISOString();
  return { asked: useAsk<LocatedFigures>('figures', { since }, 60_000), hours, choose };
}

interface RangeProps {
  readonly hours: number;
  readonly choose: (hours: number) => void;
}

export function Range({ hours, choose }: RangeProps) {
  return (
    <fieldset class="range">
      <legend class="unseen">Time</legend>
      {RANGES.map(([label, value]) => (
        <label key={value} class={value === hours ? 'chosen' : ''}>
          <input
            type="radio"
            name="range"
            class="unseen"
            checked={value === hours}
            onChange={() => choose(value)}
          />
          {label}
        </label>
      ))}
    </fieldset>
  );
}

/** The name of a user, with the way to all that is known of it. */
function UserLink({ user, chars }: { readonly user: string; readonly chars: number }) {
  return (
    <a href={linkTo('explain', { user })}>
      <Stranger text={user} chars={chars} />
    </a>
  );
}

/** Alarms: what happened to whom. */
export function AlarmList({ alarms }: { readonly alarms: readonly AlarmView[] }) {
  if (alarms.length === 0) return <p class="nothing">No alarm.</p>;
  return (
    <ul class="feed alarms">
      {alarms.map((alarm) => (
        <li key={`${alarm.time} ${alarm.kind} ${alarm.user}`}>
          <span>
            <Tag tone={alarm.kind === 'takeover' ? 'bad' : 'warn'}>
              {alarm.kind === 'takeover' ? 'takeover' : 'under attack'}
            </Tag>{' '}
            <strong>
              <UserLink user={alarm.user} chars={60} />
            </strong>
          </span>
          <span class="dim">
            {alarmWords(alarm)}, the last from <Target target={alarm.address} /> ·{' '}
            <Stranger text={alarm.jail} chars={30} />
          </span>
          <Time iso={alarm.time} as="ago" />
        </li>
      ))}
    </ul>
  );
}

const REFUSALS_SHOWN = 50;
const REFUSALS: readonly TableColumn<RefusalView>[] = [
  { title: 'Time', cell: ({ time }) => <Time iso={time} /> },
  {
    title: 'User',
    cell: ({ user }) => (user === undefined ? '-' : <UserLink user={user} chars={60} />),
  },
  { title: 'From', cell: ({ address }) => <Target target={address} /> },
  { title: 'Service', isMinor: true, cell: ({ protocol }) => <Stranger text={protocol ?? '-'} /> },
  { title: 'Reason', cell: ({ reason }) => <Tag tone="warn">{reason}</Tag> },
];

type UserFigures = LocatedFigures['users'][number];

function columnsOf(most: number): readonly TableColumn<UserFigures>[] {
  return [
    {
      title: 'User',
      cell: ({ user }) => <UserLink user={user} chars={80} />,
    },
    {
      title: 'Attempts',
      cell: ({ attempts }) => <Share value={attempts} most={most} text={count(attempts)} />,
    },
    { title: 'Addresses', isNumber: true, cell: ({ addresses }) => count(addresses) },
    { title: 'Bans', isNumber: true, cell: ({ bans }) => count(bans) },
  ];
}

export function UsersView(_: { readonly params: URLSearchParams }) {
  const { asked, hours, choose } = useFigures();
  const alarms = useAsk<AlarmView[]>('alarms', { limit: 20 }, 30_000);
  const refusals = useAsk<RefusalView[]>('refusals', {}, 30_000);
  return (
    <Answered asked={asked}>
      {({ totals, users, usersFrom, missing }) => (
        <div class="grid">
          <Figures>
            <Figure
              label="Takeovers"
              value={count(totals.alarms.takeover)}
              note="a password was probably found"
              tone={totals.alarms.takeover > 0 ? 'bad' : 'good'}
            />
            <Figure
              label="Under attack"
              value={count(totals.alarms['under-attack'])}
              note="many addresses, one name"
              tone={totals.alarms['under-attack'] > 0 ? 'warn' : 'good'}
            />
            <Figure label="Failed attempts" value={count(totals.attempts)} note="at all names" />
            <Figure label="Logins" value={count(totals.logins)} note="that worked" />
          </Figures>
          <Panel title="Alarms" class="wide">
            <Answered asked={alarms}>{(told) => <AlarmList alarms={told} />}</Answered>
          </Panel>
          <Panel
            title="Names that were tried most"
            class="wide"
            aside={<Range hours={hours} choose={choose} />}
          >
            {usersFrom === 'bans' ? (
              <p class="dim">Of the bans: the ledger keeps no attempts of this time.</p>
            ) : null}
            <Table
              caption="Names that were tried most"
              columns={columnsOf(Math.max(0, ...users.map(({ attempts }) => attempts)))}
              rows={users}
              nothing="No name was tried."
            />
            {missing.map((sentence) => (
              <p key={sentence} class="dim">
                <Stranger text={asSentence(sentence)} chars={300} />
              </p>
            ))}
          </Panel>
          <Panel title="Refused before the password was looked at" class="wide">
            <Answered asked={refusals}>
              {(told) => (
                <Table
                  caption="Refused logins"
                  columns={REFUSALS}
                  rows={told.slice(0, REFUSALS_SHOWN)}
                  nothing="None. It needs the policy part of the companion."
                />
              )}
            </Answered>
          </Panel>
        </div>
      )}
    </Answered>
  );
}
