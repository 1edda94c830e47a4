/** What every view is made of: strangers' text, times, panels, figures, tables, what went wrong. */
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { escapeUntrusted } from '../../core/text.js';
import { countryName } from '../api.js';
import type { Asked, Unanswered } from './client.js';
import { ago, endsIn, shortTime, wholeTime } from './format.js';
import { linkTo } from './session.js';

/** Text that a stranger may have written: what is invisible or turns lines is spelled out. */
export function Stranger({
  text,
  chars = 160,
}: {
  readonly text: string;
  readonly chars?: number;
}) {
  const shown = escapeUntrusted(text, chars);
  const title = text.length > chars ? { title: escapeUntrusted(text, 2000) } : {};
  return (
    <bdi class="stranger" {...title}>
      {shown === '' ? '(empty)' : shown}
    </bdi>
  );
}

/** An address or prefix, with the way to all that is known of it. */
export function Target({ target }: { readonly target: string }) {
  return (
    <a class="target" href={linkTo('explain', { address: target })}>
      <Stranger text={target} chars={60} />
    </a>
  );
}

/** A country by its two letters, with the way to the bans in it. */
export function Country({ code }: { readonly code: string }) {
  const name = countryName(code);
  return (
    <a class="country" href={linkTo('bans', { q: `country:${code}` })} title={name}>
      <span aria-hidden="true">{code}</span>
      <span class="unseen">Bans in {name}</span>
    </a>
  );
}

/** A time, with all of it where a pointer rests. */
export function Time({ iso, as = 'time' }: { readonly iso: string; readonly as?: 'time' | 'ago' }) {
  return (
    <time dateTime={iso} title={wholeTime(iso)}>
      {as === 'ago' ? ago(iso) : shortTime(iso)}
    </time>
  );
}

export function Until({ until }: { readonly until: string | null }) {
  if (until === null) return <span class="tag strong">for good</span>;
  return (
    <time dateTime={until} title={wholeTime(until)}>
      {endsIn(until)}
    </time>
  );
}

/** Draws anew every so often, so that lengths of time stay true. */
export function useClock(everyMs = 1000): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}

interface PanelProps {
  readonly title: string;
  /** What stands at the right of the title. */
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Panel({ title, aside, children, class: name = '' }: PanelProps) {
  return (
    <section class={`panel ${name}`}>
      <header>
        <h2>{title}</h2>
        {aside === undefined ? null : <div class="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export type Tone = 'good' | 'warn' | 'bad' | 'plain';

interface FigureProps {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly tone?: Tone;
}

/** One number that answers a question. */
export function Figure({ label, value, note, tone = 'plain' }: FigureProps) {
  return (
    <div class={`figure ${tone}`}>
      <dt>{label}</dt>
      <dd class="value">{value}</dd>
      {note === undefined ? null : <dd class="note">{note}</dd>}
    </div>
  );
}

export function Figures({ children }: { readonly children: ComponentChildren }) {
  return <dl class="figures">{children}</dl>;
}

/** A state in a word, never by its colour alone. */
export function Tag({
  tone,
  children,
}: {
  readonly tone: Tone;
  readonly children: ComponentChildren;
}) {
  return <span class={`tag ${tone}`}>{children}</span>;
}

export interface TableColumn<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** Left out where the page is narrow. */
  readonly isMinor?: boolean;
  readonly cell: (row: T) => ComponentChildren;
}

interface TableProps<T> {
  readonly caption: string;
  readonly columns: readonly TableColumn<T>[];
  readonly rows: readonly T[];
  readonly nothing: string;
}

/** A table of some rows; what may have thousands is `VirtualRows`. */
export function Table<T>({ caption, columns, rows, nothing }: TableProps<T>) {
  if (rows.length === 0) return <p class="nothing">{nothing}</p>;
  const kind = ({ isNumber, isMinor }: TableColumn<T>) =>
    `${isNumber ? 'number' : ''} ${isMinor ? 'minor' : ''}`.trim();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by the keyboard
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table>
        <caption class="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" class={kind(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              {columns.map((column) => (
                <td key={column.title} class={kind(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** A share of the whole as a bar behind a number. */
export function Share({ value, most, text }: { value: number; most: number; text: string }) {
  const width = most > 0 ? Math.max(value > 0 ? 2 : 0, Math.min(100, (100 * value) / most)) : 0;
  return (
    <span class="share">
      <span class="bar" aria-hidden="true">
        <span style={{ width: `${width}%` }} />
      </span>
      <span class="text">{text}</span>
    </span>
  );
}

export function Problem({ problem }: { readonly problem: Unanswered }) {
  return (
    <div class="problem" role="alert">
      <strong>
        <Stranger text={problem.message} chars={400} />
      </strong>
      {problem.hint === undefined ? null : (
        <p>
          <Stranger text={problem.hint} chars={400} />
        </p>
      )}
    </div>
  );
}

interface AnsweredProps<T> {
  readonly asked: Asked<T>;
  readonly children: (data: T) => ComponentChildren;
}

/** What a view shows of a question: the answer, or that it is awaited, or why there is none. */
export function Answered<T>({ asked: { data, problem, isAsking }, children }: AnsweredProps<T>) {
  return (
    <>
      {problem === undefined ? null : <Problem problem={problem} />}
      {data === undefined && problem === undefined && isAsking ? (
        <p class="nothing" role="status">
          Loading…
        </p>
      ) : null}
      {data === undefined ? null : children(data)}
    </>
  );
}
