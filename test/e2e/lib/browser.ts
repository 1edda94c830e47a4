/**
 * Chromium within a machine, driven from the test: it has the machine's network and nothing of the
 * host's. What the page must never do is noted while it is open.
 */

import { readFileSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import type { Machine } from './machine.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
/** What a text of an attacker would set if any of it ran. */
const MARK = 'banjourPwned';

/** A name or greeting that would run, were it ever markup. */
export function hostileName(mark: string): string {
  return `${mark}"'><script>${MARK}=1</script><img src=x onerror=${MARK}=1>{{7*7}}`;
}

/** Starts Chromium in the machine. */
export async function openBrowser(machine: Machine): Promise<Browser> {
  const path = join(machine.state, 'chromium');
  const words = machine.inside(['/usr/bin/chromium']).map((word) => `'${word}'`);
  await writeFile(path, `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`);
  await chmod(path, 0o755);
  return chromium.launch({
    executablePath: path,
    // It is root of a container, in which no other user could be harmed by a page.
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  });
}

/** A page, and what went wrong in it. */
export interface Watched {
  readonly page: Page;
  /** Violations of the policy, errors of scripts, warnings of the console. */
  readonly wrongs: string[];
}

/** Opens a page of its own session, cookies and all. */
export async function watch(
  browser: Browser,
  options: BrowserContextOptions = {},
): Promise<Watched> {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 860 },
    timezoneId: 'Europe/Berlin',
    // A colour on its way to another is no colour to measure.
    reducedMotion: 'reduce',
    ...options,
  });
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on('console', (message) => {
    const text = message.text();
    // What the server refuses on purpose is no fault of the page.
    if (['error', 'warning'].includes(message.type()) && !/status of 40[0134]/.test(text))
      wrongs.push(text);
  });
  page.on('pageerror', (error) => wrongs.push(error.message));
  page.on('request', (request) => {
    const { hostname } = new URL(request.url());
    if (!/^(?:127\.0\.0\.1|(?:.*\.)?localhost|.*\.example(?:\.org)?|)$/.test(hostname))
      wrongs.push(`asked for ${request.url()}`);
  });
  return { page, wrongs };
}

/** What axe finds of serious or critical weight. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const session = await page.context().newCDPSession(page);
  // Not by a script element: the page's policy takes none, and it is not taken off for the test.
  const { result } = await session.send('Runtime.evaluate', {
    expression: `${AXE};axe.run().then(({ violations }) => JSON.stringify(violations.map(({ id, impact, nodes }) => [impact, id + ': ' + nodes[0].html.slice(0, 200)])))`,
    awaitPromise: true,
  });
  await session.detach();
  const found = JSON.parse(String(result.value)) as readonly [string, string][];
  return found.flatMap(([impact, what]) => (/serious|critical/.test(impact) ? [what] : []));
}

/** Elements that no view of the page has, and whether a text ran. */
export function strangeElements(page: Page): Promise<string[]> {
  return page.evaluate((mark) => {
    const allowed = 'script[src="/app.js"], img[src="/icon.svg"]';
    const found = [...document.querySelectorAll('script, img, iframe, object, embed, base')]
      .filter((one) => !one.matches(allowed))
      .map((one) => one.outerHTML.slice(0, 200));
    const handlers = [...document.querySelectorAll('*')].flatMap((one) =>
      [...one.attributes]
        .filter(({ name }) => name.startsWith('on'))
        .map(({ name }) => `${one.localName} ${name}`),
    );
    return [...found, ...handlers, ...(mark in window ? ['a script ran'] : [])];
  }, MARK);
}
