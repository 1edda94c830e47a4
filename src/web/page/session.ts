/** Who looks, and how: the session that the server gave, and the colours that the reader chose. */
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
