/**
 * A chart within the page: what src/charts draws as text, taken apart and built again from the few
 * elements and attributes that a chart is made of. No text becomes markup on the way.
 */
import { h, type VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type Chart, svg } from '../../charts/charts.js';
import { CHART_STYLE } from '../../charts/svg.js';

const ELEMENTS = new Set(['svg', 'title', 'desc', 'text', 'rect', 'path', 'circle', 'polyline']);
const ATTRIBUTES = new Set([
  ...['class', 'viewBox', 'width', 'height', 'role', 'x', 'y', 'd', 'cx', 'cy', 'r', 'points'],
  ...['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-dasharray', 'text-anchor'],
]);
/** The page's own style sheet stands for it: no style within markup is allowed. */
const STYLE = `<style>${CHART_STYLE}</style>`;
/** Narrower than this words would cover one another. */
const WIDTH_MIN = 320;

function built(element: Element, key?: number): VNode | null {
  if (!ELEMENTS.has(element.localName)) return null;
  const attributes: Record<string, string | number> = key === undefined ? {} : { key };
  for (const { name, value } of element.attributes)
    if (ATTRIBUTES.has(name)) attributes[name] = value;
  const children = [...element.childNodes].map((node, i) =>
    node instanceof Element ? built(node, i) : node.textContent,
  );
  return h(element.localName, attributes, children);
}

/** Draws `chart` for each width of the room that it has, so that words keep their size. */
export function Picture({ chart }: { readonly chart: (width: number) => Chart }) {
  const room = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const { current } = room;
    if (current === null) return;
    const measure = () => setWidth(Math.max(WIDTH_MIN, Math.floor(current.clientWidth)));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(current);
    return () => observer.disconnect();
  }, []);
  const drawn = useMemo(() => {
    if (width === 0) return null;
    const text = svg(chart(width)).replace(STYLE, '');
    return built(new DOMParser().parseFromString(text, 'image/svg+xml').documentElement);
  }, [chart, width]);
  return (
    <div class="picture" ref={room}>
      {drawn}
    </div>
  );
}
