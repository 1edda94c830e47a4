/**
 * Modules of others: which files of them are imported that are none of their front doors, and what
 * of them goes into packages.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';

interface Locked {
  readonly version?: string;
  readonly dev?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}
const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  dependencies: Readonly<Record<string, string>>;
};
const { packages: LOCKED } = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
  packages: Readonly<Record<string, Locked>>;
};

/** Imports of a file of a module, as the sources name them. */
function deepImports(): string[] {
  const names = Object.keys(dependencies).join('|');
  const deep = new RegExp(`from '((?:${names})/[^']+)'`, 'g');
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' });
  return sources
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .flatMap((path) => [...readFileSync(join('src', path), 'utf8').matchAll(deep)])
    .map(([, name = '']) => name);
}

/** The parser of yargs alone, which yargs documents: an ES module of functions. */
const HELPERS = 'yargs/helpers';

describe('a file that is imported from within a module', () => {
  const names = [...new Set(deepImports())].sort();

  test('is one of these; what a module does not promise may go with its next version', () => {
    expect(names).toEqual([
      'nodemailer/lib/smtp-connection',
      'prom-client/lib/counter.js',
      'prom-client/lib/gauge.js',
      'prom-client/lib/histogram.js',
      'prom-client/lib/registry.js',
      HELPERS,
    ]);
  });

  test.each(names.filter((name) => name !== HELPERS))(
    'is there in the version that is pinned, and is a class: %s',
    (name) => {
      const module = name.split('/')[0] ?? '';
      expect(dependencies[module]).toBe(LOCKED[`node_modules/${module}`]?.version);
      const found: unknown = createRequire(import.meta.url)(name);
      expect(typeof found).toBe('function');
      expect(String(found)).toMatch(/^class /);
    },
  );

  test(`is there in the version that is pinned, and parses: ${HELPERS}`, async () => {
    expect(dependencies['yargs']).toBe(LOCKED['node_modules/yargs']?.version);
    const { Parser } = await import('yargs/helpers');
    expect(Parser(['--a', '1', '--a', '2'], { array: ['a'] })['a']).toEqual([1, 2]);
  });
});

test('packages hold no module for development and none of one system or processor', async () => {
  const { runtimeModules } = (await import(resolve('scripts/lib/package/product.mjs'))) as {
    runtimeModules(): string[];
  };
  const paths = runtimeModules();
  expect(paths).toContain('node_modules/koffi');
  const wrong = paths.filter((path) => {
    const { dev, os, cpu } = LOCKED[path] ?? {};
    return dev === true || os !== undefined || cpu !== undefined;
  });
  expect(wrong).toEqual([]);
});
