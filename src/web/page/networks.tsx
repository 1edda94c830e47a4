/** The view networks: where attacks come from, and when. */
import { useCallback } from 'preact/hooks';
import type { Chart } from '../../charts/charts.js';
import type { LocatedFigures } from '../api.js';
import { count } from './format.js';
import {
  Answered,
  Country,
  Figure,
  Figures,
  Panel,
  Share,
  Stranger,
  Table,
  type TableColumn,
} from './parts.js';
import { Picture } from './picture.js';
import { linkTo } from './session.js';
import { Range, useFigures } from './users.js';

type Network = LocatedFigures['networks'][number];

/** Columns of a chart over time. */
const STEPS = 84;
const NETWORKS_SHOWN = 20;

function columnsOf(networks: readonly Network[]): readonly TableColumn<Network>[] {
  const bans = Math.max(0, ...networks.map((network) => network.bans));
  return [
    {
      title: 'Network',
      cell: ({ network, country }) => (
        <>
          {country === undefined ? null : <Country code={country} />}
          <a class="target" href={linkTo('bans', { q: network })}>
            <Stranger text={network} chars={60} />
          </a>
        </>
      ),
    },
    { title: 'Bans', cell: (one) => <Share value={one.bans} most={bans} text={count(one.bans)} /> },
    { title: 'Addresses', isNumber: true, cell: ({ addresses }) => count(addresses) },
    { title: 'Attempts', isNumber: true, cell: ({ attempts }) => count(attempts) },
  ];
}

/** Attempts and bans in as many steps as one can tell apart. */
function overTime(
  hours: LocatedFigures['hours'],
  which: 'attempts' | 'bans',
  width: number,
): Chart {
  const each = Math.max(1, Math.ceil(hours.length / STEPS));
  const columns = Array.from({ length: Math.ceil(hours.length / each) }, (_, i) => {
    const own = hours.slice(i * each, (i + 1) * each);
    const at = new Date(own[0]?.time ?? 0);
    const day = at.toLocaleDateString('en-GB', {
      weekday: 'short',
      day: 'numeric',
      month: 'short',
    });
    const hour = at.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
    const value = own.reduce((sum, one) => sum + one[which], 0);
    return { label: hours.length > 48 ? day : hour, whole: `${day} ${hour}`, values: [value] };
  });
  const every = Math.ceil(columns.length / (width < 480 ? 3 : 7));
  return {
    kind: 'stack',
    title: which === 'attempts' ? 'Failed attempts' : 'Bans',
    unit: which,
    series: [which === 'attempts' ? 'failed attempts' : 'bans'],
    columns: columns.map(({ whole, values }) => ({ label: whole, values })),
    ticks: columns.flatMap(({ label }, column) =>
      column % every === 0 ? [{ column, label }] : [],
    ),
    width,
    height: which === 'attempts' ? 140 : 80,
  };
}

function OverTime({ hours }: { readonly hours: LocatedFigures['hours'] }) {
  const attempts = useCallback((width: number) => overTime(hours, 'attempts', width), [hours]);
  const bans = useCallback((width: number) => overTime(hours, 'bans', width), [hours]);
  if (hours.every((one) => one.attempts + one.bans === 0))
    return <p class="nothing">No failed attempt and no ban in this time.</p>;
  return (
    <>
      <Picture chart={attempts} />
      <Picture chart={bans} />
    </>
  );
}

export function NetworksView(_: { readonly params: URLSearchParams }) {
  const { asked, hours, choose } = useFigures();
  return (
    <Answered asked={asked}>
      {(figures) => {
        const { totals, networks } = figures;
        const top = networks.slice(0, 5).reduce((sum, { bans }) => sum + bans, 0);
        const share = totals.bans > 0 ? Math.round((100 * top) / totals.bans) : 0;
        return (
          <div class="grid">
            <Figures>
              <Figure
                label="Bans"
                value={count(totals.bans)}
                note={`of ${count(totals.targets)} targets`}
              />
              <Figure
                label="Five networks"
                value={`${Math.min(100, share)} %`}
                note="of all bans come from them"
              />
              <Figure label="Packets" value={count(totals.packets)} note="stopped by the kernel" />
              <Figure
                label="Likely mistakes"
                value={count(Object.values(totals.mistakes).reduce((sum, n) => sum + n, 0))}
                note="bans to look at again"
              />
            </Figures>
            <Panel title="Over time" class="wide" aside={<Range hours={hours} choose={choose} />}>
              <OverTime hours={figures.hours} />
            </Panel>
            <Panel title="Networks, by /24 and /48" class="wide">
              <Table
                caption="Networks"
                columns={columnsOf(networks)}
                rows={networks.slice(0, NETWORKS_SHOWN)}
                nothing="No ban in this time."
              />
            </Panel>
          </div>
        );
      }}
    </Answered>
  );
}
