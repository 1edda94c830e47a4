/** The elements of a text of XML or HTML that is meant to be well-formed. */

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** The text right behind its opening tag, undone of entities. */
  readonly text: string;
}

const TAG = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>/y;
const VOID = new Set(['meta', 'br', 'hr']);

/** Its elements in their order. @throws Error where something is neither text nor a tag that fits */
export function elementsOf(markup: string): Element[] {
  const found: Element[] = [];
  const open: string[] = [];
  let at = markup.startsWith('<!doctype html>') ? 15 : 0;
  while (at < markup.length) {
    const next = markup.indexOf('<', at);
    const text = markup.slice(at, next < 0 ? undefined : next);
    if (open.at(-1) !== 'style' && /&(?!(?:amp|lt|gt|quot|#39);)|>/.test(text))
      throw new Error(`raw markup in ${JSON.stringify(text)}`);
    if (next < 0) break;
    TAG.lastIndex = next;
    const [tag, closes, name = '', attributes = '', empty] = TAG.exec(markup) ?? [];
    if (tag === undefined) throw new Error(`no tag: ${markup.slice(next, next + 60)}`);
    at = next + tag.length;
    if (closes === '/') {
      if (open.pop() !== name) throw new Error(`</${name}> closes another one`);
      continue;
    }
    const pairs = [...attributes.matchAll(/([\w:-]+)="([^"]*)"/g)].map(([, key, value]) => [
      key,
      value,
    ]);
    found.push({
      name,
      attributes: Object.fromEntries(pairs) as Record<string, string>,
      text: markup.slice(at, markup.indexOf('<', at)).trim(),
    });
    if (empty !== '/' && !VOID.has(name)) open.push(name);
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(', ')}`);
  return found;
}
