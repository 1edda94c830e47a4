/** The view now: is it reading, is somebody attacking, what is wrong. */
import { useCallback, useMemo, useRef } from 'preact/hooks';
import type { Chart } from '../../charts/charts.js';
import type { AgentView, JailView, SourceView } from '../../control/protocol.js';
import type { AlarmView } from '../../core/figures.js';
import { counted } from '../../core/text.js';
import { type BanItem, type BanPage, type JailSight, type LiveMinute, sightOf } from '../api.js';
import { useAsk } from './client.js';
import { coloursOf, type JailColours } from './colours.js';
import { count, lengthOf, minuteTime } from './format.js';
import { alarmsOf, useLive } from './live.js';
import {
  Answered,
  Figure,
  Figures,
  Panel,
  Stranger,
  Table,
  type TableColumn,
  Tag,
  Target,
  Time,
  type Tone,
  useClock,
} from './parts.js';
import { Picture } from './picture.js';
import { linkTo } from './session.js';
import { AlarmList } from './users.js';

const MINUTES = 60;
const ALARMS_SHOWN = 5;

type Which = 'attempts' | 'bans';

/** Attempts or bans of the hour up to a minute, by the minute, the busiest jails apart. */
function hourChart(
  minutes: readonly LiveMinute[],
  which: Which,
  { named, series }: JailColours,
  last: number,
  width: number,
): Chart {
  const byTime = new Map(minutes.map((one) => [Date.parse(one.time), one.jails]));
  const columns = Array.from({ length: MINUTES }, (_, i) => {
    const at = last - (MINUTES - 1 - i) * 60_000;
    const jails = byTime.get(at) ?? {};
    const values = named.map((jail) => jails[jail]?.[which] ?? 0);
    const rest = Object.entries(jails)
      .filter(([jail]) => !named.includes(jail))
      .reduce((sum, [, counts]) => sum + counts[which], 0);
    return {
      label: minuteTime(at),
      values: series.length > named.length ? [...values, rest] : values,
    };
  });
  const every = width < 480 ? 20 : 10;
  const ticks = columns.flatMap(({ label }, column) =>
    column % every === 0 ? [{ column, label }] : [],
  );
  const title = which === 'attempts' ? 'Failed attempts per minute' : 'Bans per minute';
  const height = which === 'attempts' ? 150 : 70;
  return { kind: 'stack', title, unit: which, series, columns, ticks, width, height };
}

function Hour({ minutes, now }: { readonly minutes: readonly LiveMinute[]; readonly now: number }) {
  const minute = Math.floor(now / 60_000) * 60_000;
  // Kept from one moment to the next: a jail does not change its colour while somebody looks.
  const before = useRef<readonly string[]>([]);
  const colours = useMemo(() => coloursOf(minutes, before.current), [minutes]);
  before.current = colours.named;
  const attempts = useCallback(
    (width: number) => hourChart(minutes, 'attempts', colours, minute, width),
    [minutes, colours, minute],
  );
  const bans = useCallback(
    (width: number) => hourChart(minutes, 'bans', colours, minute, width),
    [minutes, colours, minute],
  );
  const isQuiet = minutes.every(({ jails }) => Object.keys(jails).length === 0);
  return (
    <Panel title="The last hour" class="wide" aside={<Legend names={colours.series} />}>
      {isQuiet ? (
        <p class="nothing">No failed attempt and no ban.</p>
      ) : (
        <>
          <Picture chart={attempts} />
          <Picture chart={bans} />
        </>
      )}
    </Panel>
  );
}

function Legend({ names }: { readonly names: readonly string[] }) {
  return (
    <ul class="legend" aria-label="Colours of the jails">
      {names.map((name, i) => (
        <li key={name}>
          <span class={`dot f-c${i % 6}`} aria-hidden="true" />
          <Stranger text={name} chars={40} />
        </li>
      ))}
    </ul>
  );
}

const TONES = {
  reading: 'good',
  'nothing yet': 'plain',
  'what others find': 'good',
  'selects nothing': 'bad',
} as const satisfies Record<JailSight, string>;

const JAILS: readonly TableColumn<JailView>[] = [
  {
    title: 'Jail',
    cell: (jail) => (
      <a href={linkTo('bans', { jail: jail.jail })}>
        <Stranger text={jail.jail} chars={40} />
      </a>
    ),
  },
  {
    title: 'Sees',
    cell: (jail) => {
      const sight = sightOf(jail);
      return (
        <>
          <Tag tone={TONES[sight]}>{sight}</Tag>
          {jail.watched === undefined ? null : <Tag tone="plain">only watches</Tag>}
          {jail.demoted.length > 0 ? <Tag tone="warn">slow regex</Tag> : null}
        </>
      );
    },
  },
  { title: 'Failing now', isNumber: true, cell: (jail) => count(jail.currentlyFailed) },
  { title: 'Banned now', isNumber: true, cell: (jail) => count(jail.currentlyBanned) },
  { title: 'Failures', isNumber: true, isMinor: true, cell: (jail) => count(jail.totalFailed) },
  { title: 'Bans', isNumber: true, isMinor: true, cell: (jail) => count(jail.totalBanned) },
  {
    title: 'Last failure',
    isMinor: true,
    cell: ({ lastFailure }) =>
      lastFailure === undefined ? 'none' : <Time iso={lastFailure} as="ago" />,
  },
];

const SOURCES: readonly TableColumn<SourceView>[] = [
  { title: 'Source', cell: ({ source }) => <Stranger text={source} chars={60} /> },
  {
    title: 'State',
    cell: ({ phase, problem }) =>
      problem === undefined ? (
        <Tag tone={phase === 'live' ? 'good' : 'warn'}>{phase}</Tag>
      ) : (
        <>
          <Tag tone="bad">cannot be read</Tag> <Stranger text={problem} chars={300} />
        </>
      ),
  },
  {
    title: 'Behind',
    isNumber: true,
    cell: ({ lagSeconds }) => (lagSeconds === null ? '-' : lengthOf(lagSeconds)),
  },
  { title: 'Entries', isNumber: true, cell: ({ entriesRead }) => count(entriesRead) },
  { title: 'Gaps', isNumber: true, isMinor: true, cell: ({ gaps }) => count(gaps) },
  {
    title: 'Last entry',
    isMinor: true,
    cell: ({ lastEntry }) => (lastEntry === undefined ? 'none' : <Time iso={lastEntry} as="ago" />),
  },
];

/** The answer at a glance. */
function Verdict({ agent, isSilent }: { readonly agent: AgentView; readonly isSilent: boolean }) {
  const broken = agent.sources.filter(({ problem }) => problem !== undefined);
  const deaf = agent.jails.filter((jail) => sightOf(jail) === 'selects nothing');
  const behind = agent.sources.filter(({ phase }) => phase === 'warm-up' || phase === 'catch-up');
  const [tone, words]: [Tone, string] = isSilent
    ? ['bad', 'The agent does not answer: what is shown is old.']
    : broken.length > 0
      ? ['bad', `${counted(broken.length, 'source')} cannot be read.`]
      : behind.length > 0
        ? ['warn', 'It reads what was stored before it comes to what happens now.']
        : agent.warnings.length > 0 || deaf.length > 0
          ? ['warn', `It reads, with ${counted(agent.warnings.length + deaf.length, 'warning')}.`]
          : ['good', 'It reads, and every jail sees its log.'];
  return (
    <section class={`verdict ${tone}`} aria-label="Health">
      <p>
        <strong>{words}</strong> {counted(agent.sources.length, 'source')},{' '}
        {counted(agent.jails.length, 'jail')}, up since <Time iso={agent.since} />.
      </p>
      {agent.warnings.length + deaf.length === 0 ? null : (
        <ul>
          {deaf.map(({ jail }) => (
            <li key={jail}>
              <Stranger text={jail} chars={40} /> selects nothing that is in the journal: it cannot
              see its attackers.
            </li>
          ))}
          {agent.warnings.map((warning) => (
            <li key={warning}>
              <Stranger text={warning} chars={600} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Newest({ rows }: { readonly rows: readonly BanItem[] }) {
  if (rows.length === 0) return <p class="nothing">No address is banned.</p>;
  return (
    <ul class="feed">
      {rows.map((ban) => (
        <li key={`${ban.jail} ${ban.target}`}>
          <Target target={ban.target} />
          <span class="dim">
            <Stranger text={ban.jail} chars={30} />
            {ban.user === undefined ? null : (
              <>
                {' · '}
                <Stranger text={ban.user} chars={40} />
              </>
            )}
          </span>
          <Time iso={ban.time} as="ago" />
        </li>
      ))}
    </ul>
  );
}

export function NowView() {
  const live = useLive();
  const now = useClock();
  const status = useAsk<AgentView>('status', {}, 5_000);
  const newest = useAsk<BanPage>('bans', { limit: 8, order: 'newest' }, 15_000);
  const alarms = useAsk<AlarmView[]>('alarms', { limit: ALARMS_SHOWN }, 30_000);
  const total = (which: Which) =>
    live.minutes.reduce(
      (sum, { jails }) => sum + Object.values(jails).reduce((so, one) => so + one[which], 0),
      0,
    );
  return (
    <Answered asked={status}>
      {(agent) => {
        const lag = Math.max(0, ...agent.sources.map(({ lagSeconds }) => lagSeconds ?? 0));
        const { healed, refused, inForce } = agent.firewall;
        const fresh = [...live.bans, ...(newest.data?.rows ?? [])];
        const seen = new Map(fresh.map((ban) => [`${ban.jail} ${ban.target}`, ban]));
        const latest = [...seen.values()].sort((a, b) => b.time.localeCompare(a.time));
        return (
          <div class="grid">
            <Verdict agent={agent} isSilent={live.isConnected && !live.isAgentAnswering} />
            <Figures>
              <Figure label="Banned now" value={count(inForce)} note="in the kernel" />
              <Figure label="Attempts" value={count(total('attempts'))} note="in the last hour" />
              <Figure label="Bans" value={count(total('bans'))} note="in the last hour" />
              <Figure
                label="Behind"
                value={lengthOf(lag)}
                note="the newest log entry"
                tone={lag > 60 ? 'bad' : 'plain'}
              />
              <Figure
                label="Repairs"
                value={count(healed)}
                note={refused > 0 ? `${counted(refused, 'ban')} refused` : 'of the kernel’s table'}
                tone={refused > 0 ? 'bad' : 'plain'}
              />
            </Figures>
            <Hour minutes={live.minutes} now={now} />
            <Panel title="Newest bans" aside={<a href={linkTo('bans')}>All bans</a>}>
              <Newest rows={latest.slice(0, 8)} />
            </Panel>
            <Panel title="Alarms" aside={<a href={linkTo('users')}>Users</a>}>
              <Answered asked={alarms}>
                {(told) => <AlarmList alarms={alarmsOf(live.alarms, told, ALARMS_SHOWN)} />}
              </Answered>
            </Panel>
            <Panel title="Jails" class="wide">
              <Table caption="Jails" columns={JAILS} rows={agent.jails} nothing="No jail." />
            </Panel>
            <Panel title="Sources" class="wide">
              <Table caption="Sources" columns={SOURCES} rows={agent.sources} nothing="None." />
            </Panel>
          </div>
        );
      }}
    </Answered>
  );
}
