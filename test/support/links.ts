/** The links between documents (Markdown), in the project and in what is installed. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

/** The documents below a folder, relative to it. */
export const documentsBelow = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md') && !/(?:^|\/)node_modules\//.test(name))
    .sort();

/**
 * The files and folders that a document links to, relative to `root` like itself; pictures too,
 * addresses of the web not.
 */
export function linksOf(document: string, root = '.'): string[] {
  const text = readFileSync(join(root, document), 'utf8').replace(/```.*?```|`[^`\n]*`/gs, '');
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = '']) => target)
    .filter((target) => !/^(?:[a-z]+:|#)/.test(target))
    .map((target) => normalize(join(dirname(document), target.replace(/#.*$/, ''))));
}

/** Links of the documents below `root` that lead nowhere or out of it, as `document: target`. */
export function deadLinks(root: string): string[] {
  return documentsBelow(root).flatMap((document) =>
    linksOf(document, root)
      .filter((target) => target.startsWith('..') || !existsSync(join(root, target)))
      .map((target) => `${document}: ${target}`),
  );
}
