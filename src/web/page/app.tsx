/** The page: who is signed in, the way between the views, light and dark, how the agent is. */
import { render } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { inBackground } from '../../core/background.js';
import type { WebSession } from '../api.js';
import { BansView } from './bans.js';
import { ask, SIGNED_OUT, send, type Unanswered } from './client.js';
import { ExplainView } from './explain.js';
import { ZONE } from './format.js';
import { LiveContext, type LiveState, useStream } from './live.js';
import { NetworksView } from './networks.js';
import { NowView } from './now.js';
import { Stranger, Tag } from './parts.js';
import { linkTo, type Route, SessionContext, useRoute, useTheme } from './session.js';
import { SharedView } from './shared.js';
import { UsersView } from './users.js';
import { WhatIfView } from './what-if.js';

const VIEWS = {
  now: { title: 'Now', question: 'Is it reading, and is somebody attacking?', View: NowView },
  bans: { title: 'Bans', question: 'Who is kept out?', View: BansView },
  explain: { title: 'Explain', question: 'Why is this address banned?', View: ExplainView },
  users: { title: 'Users', question: 'Whose mailboxes are they after?', View: UsersView },
  networks: { title: 'Networks', question: 'Where does it come from?', View: NetworksView },
  'what-if': {
    title: 'What if',
    question: 'What would other settings have done?',
    View: WhatIfView,
  },
  shared: { title: 'Shared', question: 'What did other hosts tell?', View: SharedView },
} as const;

type ViewName = keyof typeof VIEWS;

function isView(name: string): name is ViewName {
  return Object.hasOwn(VIEWS, name);
}

function Navigation({ current }: { readonly current: ViewName }) {
  return (
    <nav aria-label="Views">
      {Object.entries(VIEWS).map(([name, { title }]) => (
        <a key={name} href={linkTo(name)} {...(name === current ? { 'aria-current': 'page' } : {})}>
          {title}
        </a>
      ))}
    </nav>
  );
}

function Pulse({ live }: { readonly live: LiveState }) {
  if (!live.isConnected) return <Tag tone="warn">Connecting…</Tag>;
  return live.isAgentAnswering ? <Tag tone="good">Live</Tag> : <Tag tone="bad">Agent silent</Tag>;
}

function SignedOut() {
  return (
    <main class="lonely">
      <h1>Banjour</h1>
      <p>This browser has no session, or it is over. On the host, type</p>
      <pre>banjour web open</pre>
      <p>and open the link that it prints. It works once, for five minutes.</p>
    </main>
  );
}

function Shell({ session, route }: { readonly session: WebSession; readonly route: Route }) {
  const live = useStream();
  const [theme, nextTheme] = useTheme();
  const main = useRef<HTMLElement>(null);
  const name = isView(route.view) ? route.view : 'now';
  const { title, question, View } = VIEWS[name];
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${title} · ${session.host} · Banjour`;
    // Whoever comes by the keyboard or hears the page goes on at the new view.
    if (!isFirst.current) main.current?.focus();
    isFirst.current = false;
    // On a phone the names of the views are wider than the page.
    const link = document.querySelector('nav a[aria-current]');
    link?.scrollIntoView({ block: 'nearest', inline: 'center' });
    window.scrollTo(0, 0);
  }, [name, title, session.host]);
  const leave = async () => {
    await send('signout', session.csrf, {}).catch(() => undefined);
    window.dispatchEvent(new Event(SIGNED_OUT));
  };
  return (
    <LiveContext.Provider value={live}>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the view
      </button>
      <header class="top">
        <div class="brand">
          <img src="/icon.svg" alt="" width="28" height="28" />
          <div>
            <strong>Banjour</strong>
            <span class="host">
              <Stranger text={session.host} chars={60} />
            </span>
          </div>
          <Pulse live={live} />
        </div>
        <Navigation current={name} />
        <div class="foot">
          <p>
            Times: {ZONE}
            {ZONE === session.timeZone ? '' : ` (host: ${session.timeZone})`}
          </p>
          <p>
            Version {session.version} · {session.changes ? 'may change bans' : 'read only'}
          </p>
          <div class="buttons">
            <button type="button" class="quiet" onClick={nextTheme}>
              Theme: {theme}
            </button>
            <button type="button" class="quiet" onClick={() => inBackground(leave())}>
              Sign out
            </button>
          </div>
        </div>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <div class="title">
          <h1>{title}</h1>
          <p>{question}</p>
        </div>
        <View params={route.params} />
      </main>
    </LiveContext.Provider>
  );
}

function App() {
  const [session, setSession] = useState<WebSession | null>();
  const [problem, setProblem] = useState<string>();
  const route = useRoute();
  useEffect(() => {
    const out = () => setSession(null);
    window.addEventListener(SIGNED_OUT, out);
    ask<WebSession>('session').then(setSession, (error: Unanswered) => {
      if (error.status !== 401) setProblem(error.message);
    });
    return () => window.removeEventListener(SIGNED_OUT, out);
  }, []);
  if (session === null) return <SignedOut />;
  if (session === undefined)
    return (
      <main class="lonely">
        <h1>Banjour</h1>
        <p role="status">{problem ?? 'Loading…'}</p>
      </main>
    );
  return (
    <SessionContext.Provider value={session}>
      <Shell session={session} route={route} />
    </SessionContext.Provider>
  );
}

const root = document.getElementById('app');
if (root !== null) {
  root.replaceChildren();
  render(<App />, root);
}
