import { describe, expect, test } from '@jest/globals';
import { MAXLINES_MAX } from '../../src/core/limits.js';
import { compileFilter } from '../../src/filter/compile.js';
import { definition, type FilterText } from '../support/filters.js';

function problems(text: FilterText) {
  const { filter, diagnostics } = compileFilter(definition(text));
  return { kept: filter !== undefined, diagnostics };
}

describe('compiling a filter', () => {
  test('one regex that cannot be kept refuses the filter whole, by file, line and column', () => {
    const { kept, diagnostics } = problems({
      failregex: ['^good <HOST>', '^bad (unclosed <HOST>'],
    });
    expect(kept).toBe(false);
    expect(diagnostics).toContainEqual(
      expect.objectContaining({
        level: 'error',
        key: 'failregex',
        place: { file: 'filter.d/sample.conf', line: 11, column: 18 },
      }),
    );
  });

  test('a failregex that names nobody is refused', () => {
    const { kept, diagnostics } = problems({ failregex: ['^somebody failed'] });
    expect(kept).toBe(false);
    expect(diagnostics).toContainEqual(
      expect.objectContaining({ level: 'error', id: 'filter.no-address' }),
    );
  });

  test('the address, or the name of the connection, may stand in the prefregex', () => {
    expect(
      problems({ prefregex: '^<HOST> <F-CONTENT>.+</F-CONTENT>', failregex: ['failed'] }).kept,
    ).toBe(true);
    expect(problems({ prefregex: '^<F-MLFID>\\S+</F-MLFID> ', failregex: ['failed'] }).kept).toBe(
      true,
    );
  });

  test('a filter without any failregex is refused', () => {
    expect(problems({}).diagnostics).toContainEqual(
      expect.objectContaining({ id: 'filter.no-failregex' }),
    );
  });

  test('a window of MAXLINES_MAX lines is taken, one line more is not', () => {
    expect(problems({ failregex: ['<HOST>'], maxlines: MAXLINES_MAX }).kept).toBe(true);
    expect(problems({ failregex: ['<HOST>'], maxlines: MAXLINES_MAX + 1 }).kept).toBe(false);
  });

  test('a regex through which a user name forges an address is a warning, not an error', () => {
    const { kept, diagnostics } = problems({ failregex: ['^login .* from <HOST>'] });
    expect(kept).toBe(true);
    expect(diagnostics.some(({ level }) => level === 'warning')).toBe(true);
  });

  test('who only judges with a filter is told of errors, and of nothing that works', () => {
    const diagnosticsOf = (failregex: string) =>
      compileFilter(definition({ failregex: [failregex] }), false).diagnostics;
    expect(diagnosticsOf('^login .* from <HOST>')).toEqual([]);
    expect(diagnosticsOf('^login (')).toEqual([expect.objectContaining({ level: 'error' })]);
  });
});
