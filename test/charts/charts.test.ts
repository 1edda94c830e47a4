import { describe, expect, test } from '@jest/globals';
import { type Chart, svg } from '../../src/charts/charts.js';
import { CHART_STYLE, escapeXml } from '../../src/charts/svg.js';
import { elementsOf } from './elements.js';

const HOSTILE = `<script>alert("1")</script>&'\x1b[31m\u0000\u202e]]>\ud800\ufffe--><!--`;

/** One of each kind, every text in it the given one. */
function chartsOf(text: string): Chart[] {
  return [
    {
      kind: 'bars',
      title: text,
      unit: text,
      bars: [
        { label: text, value: 3, kind: 'ours' },
        { label: text, value: 300, kind: 'limit' },
      ],
    },
    {
      kind: 'lines',
      title: text,
      x: text,
      y: text,
      series: [{ label: text, points: [[1, 2]] }],
    },
    {
      kind: 'groups',
      title: text,
      unit: text,
      whole: 100,
      series: [text, text],
      groups: [{ label: text, values: [1, 99] }],
    },
    {
      kind: 'columns',
      title: text,
      unit: text,
      columns: [
        { label: text, value: 5 },
        { label: text, value: 0 },
      ],
      ticks: [{ column: 0, label: text }],
    },
    {
      kind: 'stack',
      title: text,
      unit: text,
      series: [text, text],
      columns: [{ label: text, values: [5, 2] }],
      ticks: [{ column: 0, label: text }],
    },
    {
      kind: 'heat',
      title: text,
      unit: text,
      columns: [text, text],
      rows: [{ label: text, values: [1, 0] }],
    },
    {
      kind: 'timeline',
      title: text,
      from: 0,
      until: 10,
      ends: [text, text],
      marks: [
        { at: 2, label: text, weight: 1, kind: 'entry' },
        { at: 3, label: text, weight: 1, kind: 'decision' },
      ],
      spans: [{ from: 1, until: 9, label: text, kind: 'ban' }],
      ticks: [{ at: 5, label: text }],
      level: {
        limit: 3,
        label: text,
        points: [
          [2, 1],
          [3, 2],
        ],
      },
    },
  ];
}

describe('a chart', () => {
  const plain = chartsOf('plain');
  const hostile = chartsOf(HOSTILE);

  test.each(plain.map((chart, i) => [chart.kind, i] as const))(
    '%s takes any text as text',
    (_, i) => {
      const drawn = svg(hostile[i] as Chart);
      expect(elementsOf(drawn).map(({ name }) => name)).toEqual(
        elementsOf(svg(plain[i] as Chart)).map(({ name }) => name),
      );
      expect(drawn).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\ufffe]/);
      expect(drawn).toContain('&lt;script&gt;');
    },
  );

  test.each(plain.map((chart) => [chart.kind, chart] as const))(
    '%s says what it shows to those who cannot see it, and runs and loads nothing',
    (_, chart) => {
      const drawn = svg(chart);
      const [root, title, description] = elementsOf(drawn);
      expect(root).toMatchObject({ name: 'svg', attributes: { role: 'img' } });
      expect([title?.name, title?.text]).toEqual(['title', 'plain']);
      expect(description?.name).toBe('desc');
      expect(description?.text).not.toBe('');
      expect(drawn).toContain(CHART_STYLE);
      expect(drawn.replace('xmlns="http://www.w3.org/2000/svg"', '')).not.toMatch(
        /https?:|url\(|@import|<script|\son\w+=|href|\sstyle=/,
      );
    },
  );

  test('has a colour for dark pages of every colour for light ones', () => {
    const [light, dark] = CHART_STYLE.split('@media (prefers-color-scheme:dark)');
    const names = (text = '') => text.match(/--\w+(?=:)/g);
    expect(names(dark)).toEqual(names(light));
  });

  test('is drawn of nothing, of zeros and of what is no number', () => {
    const charts: Chart[] = [
      { kind: 'bars', title: 't', unit: 'u', bars: [] },
      { kind: 'bars', title: 't', unit: 'u', bars: [], logarithmic: true },
      { kind: 'lines', title: 't', x: 'x', y: 'y', series: [] },
      { kind: 'groups', title: 't', unit: 'u', whole: 1, series: [], groups: [] },
      { kind: 'columns', title: 't', unit: 'u', columns: [], ticks: [] },
      {
        kind: 'columns',
        title: 't',
        unit: 'u',
        columns: [0, Number.NaN].map((value) => ({ label: 'l', value })),
        ticks: [],
      },
      { kind: 'stack', title: 't', unit: 'u', series: [], columns: [], ticks: [] },
      {
        kind: 'stack',
        title: 't',
        unit: 'u',
        series: ['a'],
        columns: [{ label: 'l', values: [Number.NaN, 0] }],
        ticks: [],
      },
      { kind: 'heat', title: 't', unit: 'u', columns: [], rows: [] },
      { kind: 'timeline', title: 't', from: 5, until: 5, ends: ['a', 'b'], marks: [], spans: [] },
    ];
    for (const chart of charts) expect(svg(chart)).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('has columns as high as their values', () => {
    const drawn = svg({
      kind: 'columns',
      title: 't',
      unit: 'u',
      columns: [1, 2, 4, 0].map((value, i) => ({ label: `c${i}`, value })),
      ticks: [],
    });
    const heights = elementsOf(drawn)
      .filter(({ name }) => name === 'rect')
      .map(({ attributes }) => Number(attributes['height']));
    expect(heights).toEqual([40, 80, 160]);
    expect(drawn).toContain('<desc>7 u in all, the most 4 at c2.</desc>');
  });
});

test('a long text is cut', () => {
  expect(escapeXml('x'.repeat(121), 120)).toBe(`${'x'.repeat(120)}…`);
  expect(escapeXml('x'.repeat(120), 120)).toBe('x'.repeat(120));
});
