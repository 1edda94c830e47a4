/** Where the reader is: a view and its parameters, in the part of the address behind `#`. */
import { useEffect, useState } from 'preact/hooks';

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
