/**
 * What the calls of the API say, read from the types of `src/control/endpoints.ts`: the fields of
 * each type that an answer holds, and the words that fields of requests and answers may have.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseSync } from 'oxc-parser';
import { type CallName, ENDPOINTS } from '../../src/control/endpoints.js';

/** A node of the syntax tree; which members it has depends on its type. */
// biome-ignore lint/suspicious/noExplicitAny: the tree is read by the names of its members
type Node = any;
/** A declaration or a type, with the file in which its names have their meaning. */
interface Placed {
  readonly node: Node;
  readonly file: string;
}

/** What one call says. */
interface Said {
  /** Fields by the type that has them; those of nested types without a name are their parent's. */
  readonly fields: Map<string, Set<string>>;
  /** Fields of the request, and every word that a field of either may have. */
  readonly words: Set<string>;
}

const parsed = new Map<string, readonly Node[]>();

function bodyOf(file: string): readonly Node[] {
  const known = parsed.get(file);
  if (known !== undefined) return known;
  const { program } = parseSync(file, readFileSync(file, 'utf8'));
  parsed.set(file, program.body);
  return program.body;
}

/** The declaration that a name has in a file, its own or an imported one. */
function declarationOf(name: string, file: string): Placed | undefined {
  for (const statement of bodyOf(file)) {
    const own = statement.declaration ?? statement;
    const variables: readonly Node[] = own.declarations ?? [];
    const found = [own, ...variables].find((one) => one.id?.name === name);
    if (found !== undefined) return { node: found, file };
    const passed = (statement.specifiers ?? []).find(
      (one: Node) => (one.local?.name ?? one.exported?.name) === name,
    );
    if (passed === undefined || !statement.source?.value.startsWith('.')) continue;
    const target = join(dirname(file), statement.source.value.replace(/\.js$/, '.ts'));
    if (existsSync(target)) return declarationOf((passed.imported ?? passed.local).name, target);
  }
  return undefined;
}

/** `Type['member']`: the type of that member, with the file in which its names have their meaning. */
function memberOf({ node, file }: Placed): Placed | undefined {
  const { objectType, indexType } = node;
  // NonNullable<...> has the members of what it holds.
  const object = objectType.typeArguments?.params[0] ?? objectType;
  const owner = object.type === 'TSIndexedAccessType' ? memberOf({ node: object, file }) : object;
  const declared = declarationOf(object.typeName?.name ?? '', file);
  const members: readonly Node[] = declared?.node.body?.body ?? owner?.node?.members ?? [];
  const member = members.find((one) => one.key.name === indexType.literal?.value);
  if (member === undefined) return undefined;
  return {
    node: member.typeAnnotation.typeAnnotation,
    file: declared?.file ?? owner?.file ?? file,
  };
}

/** Collects what the type says into `said`; fields without a type of their own go to `group`. */
function readType({ node, file }: Placed, group: string, said: Said): void {
  const inner = (next: Node) => readType({ node: next, file }, group, said);
  if (node.type === 'TSLiteralType') said.words.add(String(node.literal.value));
  else if (node.type === 'TSPropertySignature') {
    const fields = said.fields.get(group) ?? new Set();
    said.fields.set(group, fields.add(node.key.name ?? node.key.value));
    inner(node.typeAnnotation.typeAnnotation);
  } else if (node.type === 'TSIndexedAccessType') {
    const member = memberOf({ node, file });
    if (member !== undefined) readType(member, group, said);
    else readWords({ node: node.objectType, file }, said.words);
  } else if (node.type === 'TSTypeReference') {
    for (const argument of node.typeArguments?.params ?? []) inner(argument);
    const declared = declarationOf(node.typeName.name, file);
    if (declared?.node.type === 'TSTypeAliasDeclaration')
      readType({ node: declared.node.typeAnnotation, file: declared.file }, group, said);
    else readDeclared(declared, said);
  } else {
    const parts = [node.members, node.types, node.elementTypes, node.elementType];
    for (const part of [...parts, node.typeAnnotation].flat()) if (part) inner(part);
  }
}

/** Collects what an interface says, once. */
function readDeclared(declared: Placed | undefined, said: Said): void {
  if (declared?.node.type !== 'TSInterfaceDeclaration') return;
  const { node, file } = declared;
  const { name } = node.id;
  if (said.fields.has(name)) return;
  said.fields.set(name, new Set());
  for (const { expression } of node.extends ?? [])
    readDeclared(declarationOf(expression.name, file), said);
  for (const member of node.body.body) readType({ node: member, file }, name, said);
}

/** Collects the keys and texts of an expression and of the constants that it names. */
function readWords({ node, file }: Placed, words: Set<string>): void {
  if (node === null || typeof node !== 'object') return;
  if (Array.isArray(node)) for (const one of node) readWords({ node: one, file }, words);
  else if (node.type === 'Literal') words.add(String(node.value));
  else if (node.type === 'Identifier') {
    const declared = declarationOf(node.name, file);
    if (declared?.node.type === 'VariableDeclarator')
      readWords({ node: declared.node.init, file: declared.file }, words);
  } else
    for (const [key, value] of Object.entries(node)) {
      if (node.type === 'Property' && key === 'key') words.add((value as Node).name);
      else if (key !== 'type' && key !== 'typeArguments') readWords({ node: value, file }, words);
    }
}

/**
 * What each call says, by its name in `ENDPOINTS`. Of a stream these are its events; a text has no
 * fields.
 */
export function saidByCalls(): ReadonlyMap<CallName, Said> {
  const file = 'src/control/endpoints.ts';
  const { expression } = declarationOf('ENDPOINTS', file)?.node.init ?? {};
  return new Map(
    expression.properties.map(({ key, value }: Node) => {
      const name: CallName = key.name;
      const said: Said = { fields: new Map(), words: new Set() };
      readWords({ node: value.callee.object.arguments, file }, said.words);
      const { kind } = ENDPOINTS[name];
      const answer = { node: value.typeArguments.params[0], file };
      if (kind === 'stream') readDeclared(declarationOf('StreamEvent', file), said);
      else if (kind === 'json') readType(answer, name, said);
      return [name, said];
    }),
  );
}
