/**
 * `npm run house`: counts what makes the code easy or hard to live in: size and number of files,
 * long functions, circles of imports (types included), exported types of one name in several files,
 * and wide comments. `--list` names each of them; `--check` fails when there is any.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { parseSync } from 'oxc-parser';
import { ROOT } from './lib/run.mjs';

/**
 * Below this a file that only its own folder imports is merged with a neighbour; above the other it
 * is divided.
 */
const FILE_LINES_MIN = 40;
const FILE_LINES_MAX = 400;
const FUNCTION_LINES_MAX = 70;
const LINE_CHARS_MAX = 100;
/** The loop of the linear matcher: a function per instruction would cost it half of its speed. */
const LONG_FUNCTIONS = new Set(['src/filter/regex/linear.ts run']);

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const TYPES = new Set([
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'ClassDeclaration',
  'TSEnumDeclaration',
]);

/** One source file with what is counted in it. */
function read(path) {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const { program } = parseSync(path, text);
  const lineOf = lineCounter(text);
  const functions = [];
  const imports = [];
  const visit = (node, name) => {
    if (node === null || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const each of node) visit(each, name);
      return;
    }
    if (typeof node.type !== 'string') return;
    const own = node.id?.name ?? node.key?.name ?? name;
    if (FUNCTIONS.has(node.type)) {
      const lines = lineOf(node.end) - lineOf(node.start) + 1;
      functions.push({ name: own ?? 'anonymous', line: lineOf(node.start), lines });
    }
    if (node.type === 'ImportExpression' && typeof node.source?.value === 'string')
      imports.push(node.source.value);
    for (const [key, value] of Object.entries(node)) if (key !== 'type') visit(value, own);
  };
  visit(program.body, undefined);
  const types = [];
  for (const node of /** @type {any[]} */ (program.body)) {
    if (node.source?.value !== undefined) imports.push(node.source.value);
    if (node.type === 'ExportNamedDeclaration' && TYPES.has(node.declaration?.type))
      types.push(node.declaration.id.name);
  }
  const targets = imports
    .filter((name) => name.startsWith('.'))
    .map((name) => sourceOf(relative(ROOT, resolve(ROOT, dirname(path), name))));
  const wide = text
    .split('\n')
    .flatMap((line, index) =>
      line.length > LINE_CHARS_MAX && /^\s*(?:\*|\/[/*])/.test(line) ? [index + 1] : [],
    );
  return { path, lines: lineOf(text.length), functions, types, targets: new Set(targets), wide };
}

/** The source of what an import names. */
function sourceOf(path) {
  const source = path.replace(/\.js$/, '.ts');
  return existsSync(join(ROOT, source)) ? source : `${source}x`;
}

/** Says in which line an offset lies. */
function lineCounter(text) {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return (offset) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  };
}

/** Groups of files that import one another in a circle (Tarjan's strongly connected components). */
function circles(files) {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const enter = (path) => {
    index.set(path, index.size);
    low.set(path, index.get(path));
    stack.push(path);
    for (const target of byPath.get(path).targets) {
      if (!byPath.has(target)) continue;
      if (!index.has(target)) {
        enter(target);
        low.set(path, Math.min(low.get(path), low.get(target)));
      } else if (stack.includes(target)) low.set(path, Math.min(low.get(path), index.get(target)));
    }
    if (low.get(path) !== index.get(path)) return;
    const group = stack.splice(stack.indexOf(path));
    if (group.length > 1) found.push(group.sort());
  };
  for (const { path } of files) if (!index.has(path)) enter(path);
  return found;
}

function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const files = ['src', 'native']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.tsx?$/.test(name) && !name.endsWith('.d.ts'))
      .map((name) => join(folder, name)),
  )
  .sort()
  .map(read);
/** @type {Map<string, string[]>} */
const importers = new Map(files.map(({ path }) => [path, []]));
for (const { path, targets } of files)
  for (const target of targets) importers.get(target)?.push(path);
const homes = new Map();
for (const { path, types } of files)
  for (const name of types) homes.set(name, [...(homes.get(name) ?? []), path]);
const isOfFolderOnly = ({ path }) =>
  importers.get(path)?.length !== 0 &&
  importers.get(path)?.every((from) => dirname(from) === dirname(path));

const lists = {
  [`files under ${FILE_LINES_MIN} lines that only their folder imports`]: files
    .filter((file) => file.lines < FILE_LINES_MIN && isOfFolderOnly(file))
    .map(({ path, lines }) => `${path} (${lines})`),
  [`files over ${FILE_LINES_MAX} lines`]: files
    .filter(({ lines }) => lines > FILE_LINES_MAX)
    .map(({ path, lines }) => `${path} (${lines})`),
  [`functions over ${FUNCTION_LINES_MAX} lines`]: files.flatMap(({ path, functions }) =>
    functions
      .filter(
        ({ name, lines }) => lines > FUNCTION_LINES_MAX && !LONG_FUNCTIONS.has(`${path} ${name}`),
      )
      .map(({ name, line, lines }) => `${path}:${line} ${name} (${lines})`),
  ),
  'type names exported by several files': [...homes]
    .filter(([, paths]) => paths.length > 1)
    .map(([name, paths]) => `${name}: ${paths.join(', ')}`),
  'circles of imports, types included': circles(files).map((group) => group.join(' ')),
  [`lines over ${LINE_CHARS_MAX} characters in comments`]: files.flatMap(({ path, wide }) =>
    wide.map((line) => `${path}:${line}`),
  ),
};
const total = files.reduce((sum, { lines }) => sum + lines, 0);
process.stdout.write(
  `${files.length} files, ${total.toLocaleString('en')} lines, median ${median(files.map(({ lines }) => lines))}\n`,
);
for (const [what, list] of Object.entries(lists)) {
  process.stdout.write(`${String(list.length).padStart(4)} ${what}\n`);
  if (process.argv.includes('--list'))
    for (const each of list) process.stdout.write(`       ${each}\n`);
}
if (process.argv.includes('--check') && Object.values(lists).some((list) => list.length > 0))
  process.exitCode = 1;
