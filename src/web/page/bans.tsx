/** The view bans: everybody who is kept out, searched by the server. */
import { useEffect, useState } from 'preact/hooks';
import type { AgentView } from '../../control/protocol.js';
import { counted } from '../../core/text.js';
import { BAN_ORDERS, type BanItem, type BanOrder, type BanPage } from '../api.js';
import { BanDialog, UnbanDialog } from './change.js';
import { ask, useAsk } from './client.js';
import { useLive } from './live.js';
import { PAGE_ROWS } from './pages.js';
import { Answered, Country, Panel, Stranger, Tag, Target, Time, Until, useClock } from './parts.js';
import { usePages, VirtualRows } from './rows.js';
import { replaceRoute, useSession } from './session.js';

const ORDERS: Readonly<Record<BanOrder, string>> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  ending: 'Ending soonest',
  failures: 'Most failures',
};
const COLUMNS = [
  { title: 'Address', class: 'c-target' },
  { title: 'Jail', class: 'c-jail' },
  { title: 'User', class: 'c-user' },
  { title: 'Failures', class: 'c-count' },
  { title: 'Since', class: 'c-since' },
  { title: 'Ends', class: 'c-ends' },
  { title: 'Why', class: 'c-why' },
];
const ROW_PX = 44;
/** Where the page is narrow a row has two lines. */
const NARROW_ROW_PX = 68;
const NARROW = '(max-width: 720px)';
/** After the last letter typed, before the server is asked. */
const PAUSE_MS = 200;

function useNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(matchMedia(NARROW).matches);
  useEffect(() => {
    const list = matchMedia(NARROW);
    const follow = () => setNarrow(list.matches);
    list.addEventListener('change', follow);
    return () => list.removeEventListener('change', follow);
  }, []);
  return isNarrow;
}

function Why({ ban }: { readonly ban: BanItem }) {
  if (ban.by !== undefined)
    return (
      <>
        by <Stranger text={ban.by} chars={40} />
      </>
    );
  return (
    <>
      {ban.rule === undefined ? null : <Tag tone="plain">{ban.rule}</Tag>}
      {ban.host === undefined ? null : (
        <>
          told by <Stranger text={ban.host} chars={40} />
        </>
      )}
      {ban.rule === undefined && ban.host === undefined ? (
        <span class="dim">its failures</span>
      ) : null}
    </>
  );
}

/** The address, behind its country where that is known. */
function Placed({ ban: { target, country } }: { readonly ban: BanItem }) {
  if (!useSession().countries) return <Target target={target} />;
  return (
    <>
      {country === undefined ? <span class="country" /> : <Country code={country} />}
      <Target target={target} />
    </>
  );
}

interface ListProps {
  readonly query: { readonly q: string; readonly jail: string; readonly order: BanOrder };
  readonly found: number;
  readonly turn: number;
  readonly onUnban: (ban: BanItem) => void;
}

function BanList({ query, found, turn, onUnban }: ListProps) {
  const { changes } = useSession();
  const isNarrow = useNarrow();
  useClock(5_000);
  const key = JSON.stringify([query, turn]);
  const pages = usePages<BanItem>(
    key,
    async (offset, signal) =>
      (await ask<BanPage>('bans', { ...query, offset, limit: PAGE_ROWS }, signal)).rows,
  );
  const columns = changes ? [...COLUMNS, { title: 'Change', class: 'c-change' }] : COLUMNS;
  const cells = (ban: BanItem) => [
    <Placed key="t" ban={ban} />,
    <Stranger key="j" text={ban.jail} chars={40} />,
    ban.user === undefined ? <span class="dim">-</span> : <Stranger text={ban.user} chars={60} />,
    ban.failures,
    <Time key="s" iso={ban.time} />,
    <Until key="u" until={ban.until} />,
    <Why key="w" ban={ban} />,
    ...(changes
      ? [
          <button key="c" type="button" class="quiet" onClick={() => onUnban(ban)}>
            Unban<span class="unseen"> {ban.target}</span>
          </button>,
        ]
      : []),
  ];
  return (
    <VirtualRows
      label="Bans in force"
      columns={columns}
      total={found}
      rowHeight={isNarrow ? NARROW_ROW_PX : ROW_PX}
      pages={pages}
      cells={cells}
    />
  );
}

interface SearchProps {
  readonly query: ListProps['query'];
  readonly onQuery: (query: ListProps['query']) => void;
}

function Search({ query, onQuery }: SearchProps) {
  const { countries } = useSession();
  const status = useAsk<AgentView>('status', {}, 60_000);
  const [text, setText] = useState(query.q);
  useEffect(() => setText(query.q), [query.q]);
  useEffect(() => {
    if (text === query.q) return;
    const timer = setTimeout(() => onQuery({ ...query, q: text }), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text]);
  const jails = status.data?.jails.map(({ jail }) => jail) ?? [];
  const known = query.jail === '' || jails.includes(query.jail) ? jails : [query.jail, ...jails];
  return (
    <search class="tools">
      <label class="grow">
        <span>Search</span>
        <input
          type="search"
          value={text}
          placeholder={`Address, prefix, user, jail, ${countries ? 'country, ' : ''}host…`}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label>
        <span>Jail</span>
        <select
          value={query.jail}
          onChange={(event) => onQuery({ ...query, jail: event.currentTarget.value })}
        >
          <option value="">All jails</option>
          {known.map((jail) => (
            <option key={jail} value={jail}>
              {jail}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Order</span>
        <select
          value={query.order}
          onChange={(event) => onQuery({ ...query, order: event.currentTarget.value as BanOrder })}
        >
          {BAN_ORDERS.map((order) => (
            <option key={order} value={order}>
              {ORDERS[order]}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}

/** What companion.conf wants of the page and the page cannot do. */
function Lacks() {
  const { lack, countriesLack } = useSession();
  return (
    <>
      {lack === undefined ? null : (
        <p class="nothing">
          Nothing can be changed here: <Stranger text={lack} chars={200} />. docs/web.md says how an
          administrator opens it.
        </p>
      )}
      {countriesLack === undefined ? null : (
        <p class="nothing">
          No country is known: <Stranger text={countriesLack} chars={200} />. The log of
          banjour-companion says what to do.
        </p>
      )}
    </>
  );
}

export function BansView({ params }: { readonly params: URLSearchParams }) {
  const { changes: mayChange } = useSession();
  const live = useLive();
  const [turn, setTurn] = useState(0);
  const [seen, setSeen] = useState(live.changes);
  const [isBanning, setBanning] = useState(false);
  const [unbanning, setUnbanning] = useState<BanItem>();
  const order = BAN_ORDERS.find((one) => one === params.get('order')) ?? 'newest';
  const query = { q: params.get('q') ?? '', jail: params.get('jail') ?? '', order };
  const first = useAsk<BanPage>('bans', { ...query, limit: 1 }, 10_000);
  const refresh = () => {
    setSeen(live.changes);
    setTurn(turn + 1);
    first.again();
  };
  const isOld = live.changes !== seen;
  const onQuery = (next: typeof query) => replaceRoute('bans', next);
  return (
    <Panel
      title="In force"
      class="wide tall"
      aside={
        <>
          {isOld ? (
            <button type="button" class="quiet" onClick={refresh}>
              {counted(live.changes - seen, 'change')} since: show
            </button>
          ) : null}
          {mayChange ? (
            <button type="button" onClick={() => setBanning(true)}>
              Ban an address
            </button>
          ) : null}
        </>
      }
    >
      <Search query={query} onQuery={onQuery} />
      <Lacks />
      <Answered asked={first}>
        {({ found, total, isCurrent }) => (
          <>
            <p class="found" role="status">
              {found === total
                ? counted(total, 'ban')
                : `${counted(found, 'ban')} of ${counted(total, 'ban')}`}
              {isCurrent ? '' : ' (the list is still being read)'}
            </p>
            {found === 0 ? (
              <p class="nothing">{total === 0 ? 'Nobody is banned.' : 'No ban has these words.'}</p>
            ) : (
              <BanList query={query} found={found} turn={turn} onUnban={setUnbanning} />
            )}
          </>
        )}
      </Answered>
      {isBanning ? <BanDialog onClose={() => setBanning(false)} onDone={refresh} /> : null}
      {unbanning === undefined ? null : (
        <UnbanDialog ban={unbanning} onClose={() => setUnbanning(undefined)} onDone={refresh} />
      )}
    </Panel>
  );
}
