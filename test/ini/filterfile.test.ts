import { describe, expect, test } from '@jest/globals';
import { LINELIMIT_MIN, MAXLINES_MAX } from '../../src/core/limits.js';
import { loadFilter } from '../../src/ini/definition.js';
import { memoryTree } from '../../src/ini/tree.js';
import { literal, type Value } from '../../src/ini/value.js';

function given(options: Readonly<Record<string, string>>): Map<string, Value> {
  const place = { file: 'jail.local', line: 3, column: 1 };
  return new Map(Object.entries(options).map(([key, text]) => [key, literal(text, place)]));
}

function load(
  files: Readonly<Record<string, string>>,
  more: {
    options?: Record<string, string>;
    jail?: Record<string, string>;
    logtype?: string;
    name?: string;
  } = {},
) {
  const tree = memoryTree(
    Object.fromEntries(Object.entries(files).map(([name, text]) => [`/e/filter.d/${name}`, text])),
  );
  const logtype = more.logtype === undefined ? {} : { logtype: more.logtype };
  const request = {
    name: more.name ?? 'x',
    options: given(more.options ?? {}),
    jailOptions: given(more.jail ?? {}),
  };
  const { definition, diagnostics } = loadFilter({ ...request, ...logtype, dirs: ['/e'], tree });
  return { definition, diagnostics, texts: definition?.failregex.map((line) => line.text) };
}

describe('a filter', () => {
  test('has one regex per line; empty lines are none and quotes are part of it', () => {
    const it = load({
      'x.conf': '[Definition]\nfailregex = ^a <HOST>\n\n   ^b <ADDR>\nignoreregex = "^<ADDR>"\n',
    });
    expect(it.texts).toEqual(['^a <HOST>', '^b <ADDR>']);
    expect(it.definition?.ignoreregex.map((line) => line.text)).toEqual(['"^<ADDR>"']);
    expect(it.definition).toMatchObject({ name: 'x', maxlines: 1, usedns: 'no', successregex: [] });
  });

  test('chooses the regexes of its mode, each with its own line', () => {
    const files = {
      'x.conf':
        '[Definition]\nfailregex = <mdre-<mode>>\nmdre-normal = ^n <HOST>\nmdre-more = %(mdre-normal)s\n  ^m <HOST>\nmode = normal\n',
    };
    expect(load(files).texts).toEqual(['^n <HOST>']);
    const more = load(files, { options: { mode: 'more' } });
    expect(more.definition?.failregex).toEqual([
      { text: '^n <HOST>', place: { file: '/e/filter.d/x.conf', line: 3, column: 15 } },
      { text: '^m <HOST>', place: { file: '/e/filter.d/x.conf', line: 5, column: 3 } },
    ]);
  });

  test('a mode that does not exist is an error that names the others, also where sessions need no address', () => {
    const files = {
      'x.conf':
        '[Definition]\nprefregex = ^<F-MLFID>x</F-MLFID> <F-CONTENT>.+</F-CONTENT>$\nfailregex = ^n <HOST>\n  <mdre-<mode>>\nmdre-normal =\nmdre-extra = ^m <HOST>\nmode = normal\n',
    };
    expect(load(files).diagnostics).toEqual([]);
    for (const mode of ['agressive', '"extra'])
      expect(load(files, { options: { mode } }).diagnostics).toEqual([
        expect.objectContaining({
          level: 'error',
          key: 'mode',
          value: mode,
          message: 'the filter "x" has no such mode',
          fix: 'choose extra, normal',
        }),
      ]);
  });

  test('is told whose lines it hears; anything else than system and anyone is an error', () => {
    const files = { 'x.conf': '[Definition]\nfailregex = ^n <HOST>\n' };
    expect(load(files).definition?.loggedby).toBeUndefined();
    expect(load(files, { options: { loggedby: 'system' } }).definition?.loggedby).toBe('system');
    expect(load(files, { options: { loggedby: 'anyone' } }).definition?.loggedby).toBeUndefined();
    expect(load(files, { options: { loggedby: 'root' } }).diagnostics).toEqual([
      expect.objectContaining({
        level: 'error',
        key: 'loggedby',
        value: 'root',
        fix: 'write loggedby = system',
      }),
    ]);
  });

  test('prefers parameters to [Init], and [Init] to [Definition]', () => {
    const files = {
      'x.conf':
        '[Definition]\nfailregex = <a> <known/a> <b> <HOST>\na = def\n[Init]\na = init\nb = init\n',
    };
    expect(load(files).texts).toEqual(['init init init <HOST>']);
    expect(load(files, { options: { a: 'param' } }).texts).toEqual(['param init init <HOST>']);
  });

  test('prefers [Init] for names too, wherever they are used, and parameters to it', () => {
    const files = {
      'x.conf':
        '[DEFAULT]\nb = DEF\n[Definition]\nwho = DEFN\nprefregex = ^%(who)s <F-CONTENT>.+</F-CONTENT>$\n' +
        'failregex = %(who)s %(b)s <who> <HOST>\n[Init]\nwho = INIT\nb = init\n',
    };
    expect(load(files).texts).toEqual(['INIT init INIT <HOST>']);
    expect(load(files).definition?.prefregex?.text).toBe('^INIT <F-CONTENT>.+</F-CONTENT>$');
    expect(load(files, { options: { who: 'P' } }).texts).toEqual(['P init P <HOST>']);
  });

  test("keeps its own options: the jail's of the same name are others", () => {
    const text = (section: string) =>
      `[${section}]\nmode = strict\nport = 25\nbackend = own\n[Definition]\n` +
      'failregex = <pat-<mode>> %(port)s <port> %(backend)s <backend> <HOST>\npat-strict = s\npat-normal = n\n';
    const jail = { mode: 'normal', port: '99', backend: 'polling' };
    for (const section of ['DEFAULT', 'Init'])
      expect(load({ 'x.conf': text(section) }, { jail }).texts).toEqual(['s 25 25 own own <HOST>']);
    const same = { 'x.conf': text('Definition').replace('\n[Definition]\nfail', '\nfail') };
    expect(load(same, { jail }).texts).toEqual(['s 25 25 own own <HOST>']);
    expect(load(same, { jail, options: { mode: 'normal', port: '1' } }).texts).toEqual([
      'n 1 1 own own <HOST>',
    ]);
  });

  test('reads the journal unless jail or filter say otherwise', () => {
    const files = {
      'x.conf':
        '[Definition]\nfailregex = <lt_<logtype>/p> <HOST>\n[lt_file]\np = F\n[lt_journal]\np = J\n',
    };
    expect(load(files).texts).toEqual(['J <HOST>']);
    expect(load(files, { logtype: 'file' }).texts).toEqual(['F <HOST>']);
    expect(load(files, { options: { logtype: 'file' } }).texts).toEqual(['F <HOST>']);
    const own = {
      'x.conf': files['x.conf'].replace('[Definition]', '[Definition]\nlogtype = file'),
    };
    expect(load(own).texts).toEqual(['F <HOST>']);
  });

  test('hides a regex tag by an option of the same name in any case, as fail2ban does', () => {
    expect(
      load({ 'x.conf': '[Definition]\nfailregex = ^<ADDR> <HOST>\naddr = a\n' }).texts,
    ).toEqual(['^a <HOST>']);
  });

  test('sees the options of the jail as names', () => {
    const files = { 'x.conf': '[Definition]\nfailregex = %(port)s <bantime> <HOST>\n' };
    expect(load(files, { jail: { port: '25', bantime: '1h' } }).texts).toEqual(['25 1h <HOST>']);
  });

  test("gives way to the jail's own failregex and kin, which are taken as they are", () => {
    const files = { 'x.conf': '[Definition]\nfailregex = ^a <HOST>\nmaxlines = 2\na = no\n' };
    const it = load(files, {
      jail: { failregex: '^<a> <HOST>', maxlines: '3', usedns: 'raw', ignoreregex: '' },
    });
    expect(it.definition).toMatchObject({
      failregex: [{ text: '^<a> <HOST>', place: { file: 'jail.local', line: 3 } }],
      maxlines: 3,
      usedns: 'raw',
    });
  });

  test('never resolves names, whichever of yes, warn and no is written', () => {
    for (const usedns of ['yes', 'warn', 'no'])
      expect(
        load({ 'x.conf': `[Definition]\nfailregex = <HOST>\nusedns = ${usedns}\n` }).definition
          ?.usedns,
      ).toBe('no');
  });

  test('brings its journal match, prefregex, datepattern and successregex', () => {
    const it = load({
      'x.conf':
        '[Definition]\nprefregex = ^p <F-CONTENT>.+</F-CONTENT>$\nfailregex = ^a <HOST>\nsuccessregex = ^ok <HOST>\ndatepattern = %%Y\njournalmatch = _SYSTEMD_UNIT=a.service + _SYSTEMD_UNIT=b.service\n',
    });
    expect(it.definition?.prefregex?.text).toBe('^p <F-CONTENT>.+</F-CONTENT>$');
    expect(it.definition?.datepattern?.text).toBe('%Y');
    expect(it.definition?.successregex.map((line) => line.text)).toEqual(['^ok <HOST>']);
    expect(it.definition?.journalmatch?.groups).toHaveLength(2);
  });

  test('may be a file anywhere, with its .local', () => {
    const tree = memoryTree({
      '/tmp/f.conf': '[Definition]\nfailregex = a <HOST>\n',
      '/tmp/f.local': '[Definition]\nfailregex = b <HOST>\n',
    });
    expect(
      loadFilter({ name: '/tmp/f.conf', dirs: ['/e'], tree }).definition?.failregex[0]?.text,
    ).toBe('b <HOST>');
  });

  test('that lies elsewhere finds what it includes beside itself, else in filter.d', () => {
    const text = '[INCLUDES]\nbefore = common.conf\n[Definition]\nfailregex = %(p)s <HOST>\n';
    const files = { '/tmp/f.conf': text, '/e/filter.d/common.conf': '[DEFAULT]\np = shipped\n' };
    const regex = (tree: ReturnType<typeof memoryTree>) =>
      loadFilter({ name: '/tmp/f.conf', dirs: ['/e'], tree }).definition?.failregex[0]?.text;
    expect(regex(memoryTree(files))).toBe('shipped <HOST>');
    expect(regex(memoryTree({ ...files, '/tmp/common.conf': '[DEFAULT]\np = own\n' }))).toBe(
      'own <HOST>',
    );
  });

  test.each([
    ['[Definition]\n', 'filter.no-failregex'],
    ['[Definition]\nfailregex = ^no address\n', 'filter.no-host'],
    ['[Definition]\nfailregex = <HOST>\nsuccessregex = ^ok\n', 'filter.no-host'],
    [`[Definition]\nfailregex = <HOST>\nmaxlines = ${MAXLINES_MAX + 1}\n`, 'filter.maxlines'],
    ['[Definition]\nfailregex = <HOST>\nmaxlines = many\n', 'filter.maxlines'],
    [`[Definition]\nfailregex = <HOST>\nlinelimit = ${LINELIMIT_MIN - 1}\n`, 'filter.linelimit'],
    ['[Definition]\nfailregex = <HOST>\nlinelimit = 1k\n', 'filter.linelimit'],
    ['[Definition]\nfailregex = <HOST>\njournalmatch = postfix\n', 'filter.journalmatch'],
    ['[Definition]\nfailregex = <a> <HOST>\na = <a>\n', 'ini.tag-cycle'],
    ['[Definition]\nfailregex = %(a)s <HOST>\n', 'ini.unknown-name'],
  ])('is refused with the reason: %j', (text, id) => {
    const { definition, diagnostics } = load({ 'x.conf': text });
    expect(definition).toBeUndefined();
    expect(diagnostics.map((one) => one.id)).toContain(id);
    for (const one of diagnostics) expect(one.fix).toBeTruthy();
  });

  test('may span as many lines as the bound allows', () => {
    expect(
      load({ 'x.conf': `[Definition]\nfailregex = <HOST>\nlinelimit = ${LINELIMIT_MIN}\n` })
        .definition?.linelimit,
    ).toBe(LINELIMIT_MIN);
    expect(
      load({ 'x.conf': `[Definition]\nfailregex = <HOST>\nmaxlines = ${MAXLINES_MAX}\n` })
        .definition?.maxlines,
    ).toBe(MAXLINES_MAX);
  });

  test('needs no address in a regex when prefregex has it', () => {
    expect(
      load({
        'x.conf':
          '[Definition]\nprefregex = ^<F-MLFID>\\S+</F-MLFID> <F-CONTENT>.*</F-CONTENT>\nfailregex = ^a\n',
      }).texts,
    ).toEqual(['^a']);
  });

  test('that does not exist is named with the folders that were searched', () => {
    const { diagnostics } = load({}, { name: 'gone' });
    expect(diagnostics[0]).toMatchObject({ id: 'filter.missing', value: 'gone' });
    expect(diagnostics[0]?.message).toContain('/e/filter.d');
  });
});
