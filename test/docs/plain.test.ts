/**
 * Sentences that a reader must solve before he understands them. A clause that stands for a person
 * or a thing ("Who fails is banned", "What cannot be read is passed over") makes the reader look
 * for the subject; plain English names it ("An address that fails ...").
 */
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { COMMANDS } from '../../src/cli/table.js';

const RIDDLE =
  /(?:^(?:[-*] |\d+\. )?(?:\*\*)?|[.!?:;]\*{0,2} |\| )(?:Who|Whom|Whose|Whoever|What|Whatever|Whichever)\b[^.?!|]*[.?!|]?/g;

/** Beginnings of sentences that are riddles; a question is none. */
function riddles(text: string): string[] {
  return [...text.matchAll(RIDDLE)].flatMap(([found]) =>
    found.endsWith('?') ? [] : [found.slice(0, 80)],
  );
}

/** Paragraphs, items and rows of a page, each as one line; without headings and code. */
function paragraphs(page: string): string[] {
  return page
    .split(/\n\s*\n/)
    .filter((block) => !/^(?: {4}|#|```)/.test(block))
    .flatMap((block) => block.split(/\n(?=\s*[-*] |\s*\d+\. |\|)/))
    .map((block) => block.trim().replace(/\s+/g, ' '));
}

/** The comments of a file with `#`, one for each run of lines. */
function comments(text: string): string[] {
  return text
    .split(/\n(?!#)/)
    .map((run) => run.replace(/^[^#\n]*\n/, ''))
    .filter((run) => run.startsWith('#'))
    .flatMap((run) => run.replace(/^#+ ?/gm, '').split(/\n\s*\n/))
    .map((run) => run.replace(/\s+/g, ' '));
}

const names = (folder: string, ending: string) =>
  readdirSync(folder).flatMap((name) => (name.endsWith(ending) ? [`${folder}/${name}`] : []));
const read = (path: string) => readFileSync(path, 'utf8');

const PAGES = ['README.md', 'SECURITY.md', 'CONTRIBUTING.md', 'RELEASE.md', 'ARCHITECTURE.md'];

test.each([...PAGES, ...names('docs', '.md')])('%s has no riddles', (path) => {
  expect(paragraphs(read(path)).flatMap(riddles)).toEqual([]);
});

test.each([
  ...names('config', '.conf'),
  ...['config/filter.d', 'config/jail.d'].flatMap((folder) => names(folder, '.conf')),
  ...names('systemd', '.service'),
])('the comments of %s have no riddles', (path) => {
  expect(comments(read(path)).flatMap(riddles)).toEqual([]);
});

test('the message catalog has no riddles', () => {
  expect(paragraphs(read('systemd/banjour.catalog')).flatMap(riddles)).toEqual([]);
});

test.each(COMMANDS.map((command) => [command.name, command] as const))(
  'the help of %s has no riddles',
  (_, { summary, details = [], positionals = [], options = {} }) => {
    const texts = [
      summary,
      ...details,
      ...positionals.map(({ describe }) => describe),
      ...Object.values(options).map(({ describe }) => describe),
    ];
    expect(texts.flatMap(riddles)).toEqual([]);
  },
);

test.each([
  ['Who guesses is not wanted.', 1],
  ['It stops. What is lost is lost.', 1],
  ['- **What is banned** writes nothing.', 1],
  ['| key | Whoever asks |', 1],
  ['What does it do?', 0],
  ['It says what it does. Nobody knows who.', 0],
])('%s: %i', (text, count) => expect(riddles(text)).toHaveLength(count));
