import { describe, expect, test } from '@jest/globals';
import { INI_DEPTH_MAX, INI_FILES_MAX } from '../../src/core/limits.js';
import { Loaded } from './support.js';

describe('the files of a configuration', () => {
  test('are read as x.conf, x.d/*.conf, x.local, x.d/*.local; the last one wins', () => {
    const { document } = new Loaded(
      {
        '/e/x.conf': '[A]\na=conf\nb=conf\nc=conf\nd=conf\n',
        '/e/x.d/2.conf': '[A]\nb=two\nc=two\nd=two\n',
        '/e/x.d/1.conf': '[A]\nb=one\nc=one\n',
        '/e/x.d/readme.txt': 'not read',
        '/e/x.local': '[A]\nc=local\nd=local\n',
        '/e/x.d/1.local': '[A]\nd=dlocal\n',
      },
      'x',
    );
    expect(document.files).toEqual([
      '/e/x.conf',
      '/e/x.d/1.conf',
      '/e/x.d/2.conf',
      '/e/x.local',
      '/e/x.d/1.local',
    ]);
    const values = ['a', 'b', 'c', 'd'].map((key) => document.own('A', key)?.value[0]?.text);
    expect(values).toEqual(['conf', 'two', 'local', 'dlocal']);
  });

  test('are read after what "before" names and before what "after" names, each with its .local', () => {
    const { document, ids } = new Loaded(
      {
        '/e/f/x.conf':
          '[INCLUDES]\nbefore = a.conf\n  ../b.conf\nafter = c.conf\n absent.conf\n[A]\nx=1\n',
        '/e/f/a.conf': '[A]\nx=2\n',
        '/e/f/a.local': '[A]\nx=3\n',
        '/e/b.conf': '[A]\nx=4\n',
        '/e/f/c.conf': '[A]\nx=5\n',
      },
      'f/x',
    );
    expect(document.files).toEqual([
      '/e/f/a.conf',
      '/e/f/a.local',
      '/e/b.conf',
      '/e/f/x.conf',
      '/e/f/c.conf',
    ]);
    expect(document.own('A', 'x')?.value[0]?.text).toBe('5');
    expect(ids).toEqual([]);
  });

  test('that include one another in a circle are each read once', () => {
    const { document } = new Loaded(
      {
        '/e/x.conf': '[INCLUDES]\nbefore = y.conf\n',
        '/e/y.conf': '[INCLUDES]\nbefore = x.conf\n[A]\n',
      },
      'x',
    );
    expect(document.files).toEqual(['/e/y.conf', '/e/x.conf']);
  });

  test('must exist when "before" names them, with file and line', () => {
    const { first } = new Loaded(
      { '/e/x.conf': '[A]\n[INCLUDES]\nbefore = y.conf\n   gone.conf\n', '/e/y.conf': '' },
      'x',
    );
    expect(first).toMatchObject({
      id: 'ini.missing-include',
      value: 'gone.conf',
      place: { file: '/e/x.conf', line: 4 },
    });
  });

  test('may be only a .local of what "before" names', () => {
    expect(
      new Loaded({ '/e/x.conf': '[INCLUDES]\nbefore = y.conf\n', '/e/y.local': '[A]\n' }, 'x').ids,
    ).toEqual([]);
  });

  test("of the administrator replace the shipped .conf of the same name, and every root's .local is merged", () => {
    const { document } = new Loaded(
      {
        '/usr/filter.d/x.conf': '[INCLUDES]\nbefore = common.conf\n[A]\nx=shipped\n',
        '/usr/filter.d/common.conf': '[A]\nc=shipped\n',
        '/usr/filter.d/x.local': '[A]\ny=shipped\n',
        '/etc/filter.d/common.conf': '[A]\nc=admin\n',
        '/etc/filter.d/x.local': '[A]\nx=admin\n',
      },
      'filter.d/x',
      ['/usr', '/etc'],
    );
    expect(document.files).toEqual([
      '/etc/filter.d/common.conf',
      '/usr/filter.d/x.conf',
      '/usr/filter.d/x.local',
      '/etc/filter.d/x.local',
    ]);
    expect(document.own('A', 'x')?.value[0]?.text).toBe('admin');
  });

  test('include shipped files from the administrator’s folder', () => {
    const { ids, document } = new Loaded(
      {
        '/etc/filter.d/x.conf': '[INCLUDES]\nbefore = common.conf\n',
        '/usr/filter.d/common.conf': '[A]\n',
      },
      'filter.d/x',
      ['/usr', '/etc'],
    );
    expect(ids).toEqual([]);
    expect(document.files[0]).toBe('/usr/filter.d/common.conf');
  });

  test.each([
    [INI_DEPTH_MAX, []],
    [INI_DEPTH_MAX + 1, ['ini.include-depth']],
  ])('may include one another %i deep', (depth, ids) => {
    const files: Record<string, string> = {};
    for (let i = 1; i <= depth; i++)
      files[`/e/x${i}.conf`] = i < depth ? `[INCLUDES]\nbefore = x${i + 1}.conf\n` : '[A]\n';
    expect(new Loaded(files, 'x1').ids).toEqual(ids);
  });

  test.each([
    [INI_FILES_MAX - 1, []],
    [INI_FILES_MAX, ['ini.too-many-files']],
  ])('may be at most %i and the one that names them', (count, ids) => {
    const files: Record<string, string> = { '/e/x.conf': '[A]\n' };
    for (let i = 0; i < count; i++) files[`/e/x.d/${i}.conf`] = '[A]\n';
    expect(new Loaded(files, 'x').ids).toEqual(ids);
  });

  test('turn [Init?family=inet6] into conditional options of [Init]', () => {
    const { document } = new Loaded(
      { '/e/x.conf': '[Init]\na=1\n[Init?family=inet6]\na=2\n' },
      'x',
    );
    expect([...(document.sections.get('Init')?.options.keys() ?? [])]).toEqual([
      'a',
      'a?family=inet6',
    ]);
  });
});
