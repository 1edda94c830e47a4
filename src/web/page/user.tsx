/** Those who attack together, and the story of a user: within the view explain. */
import type { OffenderView, UserNetworkView, UserView } from '../../control/offender-views.js';
import type { RefusalView } from '../../control/policy-views.js';
import type { Explanation } from '../../control/protocol.js';
import { counted } from '../../core/text.js';
import { useAsk } from './client.js';
import { count, lengthOf } from './format.js';
import { Answered, Panel, Stranger, Table, type TableColumn, Tag, Target, Time } from './parts.js';
import { AlarmList } from './users.js';

type Together = Explanation['offenders'][number];

const OFFENDERS: readonly TableColumn<OffenderView & { readonly line?: string }>[] = [
  { title: 'Last failure', cell: ({ last }) => <Time iso={last} /> },
  { title: 'Address', cell: ({ target }) => <Target target={target} /> },
  { title: 'Failures', isNumber: true, cell: ({ attempts }) => count(attempts) },
  {
    title: 'As',
    cell: ({ users, names }) => (
      <>
        <Stranger text={users.length === 0 ? '-' : users.join(', ')} chars={120} />
        {names > users.length ? <span class="dim"> and {names - users.length} more</span> : null}
      </>
    ),
  },
  {
    title: 'Banned in',
    cell: ({ banned }) => (banned === undefined ? '-' : <Stranger text={banned} chars={40} />),
  },
  {
    title: 'Entry of the journal',
    isMinor: true,
    cell: ({ line }) =>
      line === undefined ? (
        '-'
      ) : (
        <code>
          <Stranger text={line} chars={600} />
        </code>
      ),
  },
];

/** How many there are, and how many it takes. */
function leadOf({ rule, needed, found, spanSeconds, decided, offenders }: Together): string {
  const of = needed === undefined ? '' : ` of the ${needed} that it takes`;
  const left = found - offenders.length;
  const more = left > 0 ? ` ${counted(left, 'address', 'addresses')} more are not shown.` : '';
  const what = rule === 'subnet' ? 'failed in the network' : 'failed for the name';
  const when = decided === undefined ? 'now' : 'when the ban was decided';
  return `${counted(found, 'address', 'addresses')}${of} ${what} within ${lengthOf(spanSeconds)}, ${when}.${more}`;
}

/** The addresses that failed in one network, or for one user. */
export function Offenders({ together }: { readonly together: Together }) {
  const { network, user = '', decided, offenders } = together;
  return (
    <Panel
      title={decided === undefined ? 'Who fails together now' : 'Why: who failed together'}
      class="wide"
      aside={<Tag tone="plain">rule: {together.rule}</Tag>}
    >
      <p class="lead">
        <strong>
          <Stranger text={network ?? user} chars={80} />
        </strong>
        : {leadOf(together)} {decided === undefined ? null : <Time iso={decided} />}
      </p>
      <Table
        caption="Addresses that failed together"
        columns={OFFENDERS}
        rows={offenders}
        nothing="None."
      />
    </Panel>
  );
}

const CREDIT: readonly TableColumn<UserNetworkView>[] = [
  { title: 'Last login', cell: ({ last }) => <Time iso={last} /> },
  { title: 'Network', cell: ({ network }) => <Target target={network} /> },
  { title: 'Address', cell: ({ address }) => <Target target={address} /> },
  { title: 'Service', cell: ({ service }) => <Stranger text={service} chars={40} /> },
];

const REFUSALS: readonly TableColumn<RefusalView>[] = [
  { title: 'Time', cell: ({ time }) => <Time iso={time} /> },
  { title: 'From', cell: ({ address }) => <Target target={address} /> },
  { title: 'Reason', cell: ({ reason }) => <Tag tone="warn">{reason}</Tag> },
];

/** How the jails that weigh see the user, in a sentence. */
function sentenceOf({ jails, alarms }: UserView): { tone: 'bad' | 'good'; words: string } {
  if (jails.some(({ isUnderAttack }) => isUnderAttack))
    return {
      tone: 'bad',
      words: 'is under attack: each further address that fails for the name is banned at once',
    };
  if (jails.some(({ isHoneypot }) => isHoneypot))
    return { tone: 'bad', words: 'is a honeypot: whoever tries the name is banned' };
  if (jails.some(({ isDeadName }) => isDeadName))
    return { tone: 'bad', words: 'is a name that nobody logs in with and that many try' };
  if (alarms.some(({ kind }) => kind === 'takeover'))
    return { tone: 'bad', words: 'is not under attack, but a password was probably found' };
  return { tone: 'good', words: 'is not under attack' };
}

function Told({ told }: { readonly told: UserView }) {
  const { tone, words } = sentenceOf(told);
  const since = told.jails.find(({ attackedSince }) => attackedSince !== undefined)?.attackedSince;
  return (
    <div class="grid">
      <section class={`verdict ${tone}`} aria-label="Answer">
        <p role="status">
          <strong>
            <Stranger text={told.user} chars={80} /> {words}.
          </strong>
          {since === undefined ? null : (
            <>
              {' '}
              Since <Time iso={since} />.
            </>
          )}
        </p>
      </section>
      <Panel title="Its alarms" class="wide">
        <AlarmList alarms={told.alarms} />
      </Panel>
      {told.jails
        .filter(({ offenders }) => offenders.found > 0)
        .map(({ jail, offenders }) => (
          <Offenders key={jail} together={offenders} />
        ))}
      {told.jails.map(({ jail, credit, networks }) => (
        <Panel key={jail} title="Where it logs in from" class="wide">
          <p class="lead">
            {counted(networks, 'network')} in which its failures are excused, by {jail}.
          </p>
          <Table
            caption="Networks with its logins"
            columns={CREDIT}
            rows={credit}
            nothing="No login is remembered."
          />
        </Panel>
      ))}
      <Panel title="Refused before the password was looked at" class="wide">
        <Table
          caption="Refused logins"
          columns={REFUSALS}
          rows={told.refusals}
          nothing="None that is remembered."
        />
      </Panel>
    </div>
  );
}

/** All that is known of a user. */
export function UserStory({ user }: { readonly user: string }) {
  const asked = useAsk<UserView>('user', { user }, 15_000);
  return <Answered asked={asked}>{(told) => <Told told={told} />}</Answered>;
}
