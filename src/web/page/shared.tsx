/** The view shared: bans that other hosts told of, by host and origin. */
import type { ShareView } from '../../control/protocol.js';
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
  Time,
} from './parts.js';
import { linkTo } from './session.js';

type Told = ShareView['inForce'][number];

function columnsOf(most: number): readonly TableColumn<Told>[] {
  return [
    {
      title: 'Host',
      cell: ({ host }) => (
        <a href={linkTo('bans', { q: host, jail: 'shared' })}>
          <Stranger text={host} chars={80} />
        </a>
      ),
    },
    { title: 'Origin', cell: ({ origin }) => <Tag tone="plain">{origin}</Tag> },
    {
      title: 'Bans in force',
      cell: ({ bans }) => <Share value={bans} most={most} text={count(bans)} />,
    },
  ];
}

const REASONS: readonly TableColumn<readonly [string, number]>[] = [
  { title: 'Refused, because', cell: ([reason]) => <Stranger text={reason} chars={200} /> },
  { title: 'Decisions', isNumber: true, cell: ([, number]) => count(number) },
];

function NotSetUp() {
  return (
    <Panel title="Nothing is shared" class="wide">
      <p>
        This host neither tells others of its bans nor takes theirs. docs/share.md says how two
        hosts share bans.
      </p>
    </Panel>
  );
}

export function SharedView(_: { readonly params: URLSearchParams }) {
  const asked = useAsk<ShareView>('share', {}, 10_000);
  // A server or an agent that knows no sharing says so by not knowing the question.
  const status = asked.problem?.status;
  if (status === 404 || status === 400) return <NotSetUp />;
  return (
    <Answered asked={asked}>
      {(share) => {
        if (!share.enabled) return <NotSetUp />;
        const most = Math.max(0, ...share.inForce.map(({ bans }) => bans));
        const refused = Object.entries(share.refused);
        const total = share.inForce.reduce((sum, { bans }) => sum + bans, 0);
        return (
          <div class="grid">
            <Figures>
              <Figure label="Shared bans" value={count(total)} note="in force" />
              <Figure
                label="From lists"
                value={count(share.lists.inForce)}
                note={
                  share.lists.complete ? `of at most ${count(share.lists.max)}` : 'not whole yet'
                }
              />
              <Figure label="Taken" value={count(share.taken)} note="since the agent started" />
              <Figure
                label="Refused"
                value={count(refused.reduce((sum, [, number]) => sum + number, 0))}
                note="by this host’s own rules"
              />
            </Figures>
            <Panel
              title="By host and origin"
              class="wide"
              aside={share.last === undefined ? undefined : <Time iso={share.last} as="ago" />}
            >
              <Table
                caption="Shared bans by host and origin"
                columns={columnsOf(most)}
                rows={share.inForce}
                nothing="No shared ban is in force."
              />
            </Panel>
            <Panel title="What is taken and told">
              <p>
                Takes: {share.accept.join(', ') || 'nothing'}, for at most{' '}
                {lengthOf(share.bantimeMaxSeconds)}.
              </p>
              <p>
                Tells of: {share.publish.jails.join(', ') || 'no jail'}
                {share.publish.operator ? ', and what an operator bans' : ''}.
              </p>
            </Panel>
            <Panel title="What was refused">
              <Table
                caption="Refused decisions"
                columns={REASONS}
                rows={refused}
                nothing="Nothing."
              />
            </Panel>
          </div>
        );
      }}
    </Answered>
  );
}
