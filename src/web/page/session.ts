/**
 * The reader: who it is by the server's session, which colours were chosen, and where the page is
 * open: a view and its parameters, in the part of the address behind `#`.
 */
import { createContext } from 'preact';
import { useContext, useEffect, useState } from 'preact/hooks';
import type { WebSession } from '../api.js';

export const SessionContext = createContext<WebSession | null>(null);

/** The session; every view is drawn within one. */
export function useSession(): WebSession {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('a view without a session');
  return session;
}

const THEMES = ['system', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const KEPT = 'banjour-theme';

function keptTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEPT);
    return THEMES.find((theme) => theme === kept) ?? 'system';
  } catch {
    // A browser that keeps nothing follows the system.
    return 'system';
  }
}

/** The colours in use, and the way to the next. */
export function useTheme(): [Theme, () => void] {
  const [theme, setTheme] = useState(keptTheme);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme;
  }, [theme]);
  const next = () => {
    const following = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] as Theme;
    setTheme(following);
    try {
      localStorage.setItem(KEPT, following);
    } catch {
      // It holds until the page is closed.
    }
  };
  return [theme, next];
}

export interface Route {
  readonly view: string;
  readonly params: URLSearchParams;
}

/** Reads `#/bans?q=anna`. */
export function routeOf(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  return { view: path === '' ? 'now' : path, params: new URLSearchParams(query) };
}

/** A link to a view. Whatever the values are, it leads nowhere but into this page. */
export function linkTo(view: string, params: Readonly<Record<string, string>> = {}): string {
  const given = Object.entries(params).filter(([, value]) => value !== '');
  const query = new URLSearchParams(given).toString();
  return `#/${view}${query === '' ? '' : `?${query}`}`;
}

/** Changes the parameters of the view that is shown, without a step in the browser's history. */
export function replaceRoute(view: string, params: Readonly<Record<string, string>>): void {
  history.replaceState(null, '', linkTo(view, params));
  window.dispatchEvent(new Event('hashchange'));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = () => setHash(location.hash);
    window.addEventListener('hashchange', follow);
    return () => window.removeEventListener('hashchange', follow);
  }, []);
  return routeOf(hash);
}
