/**
 * `npm run fixture`: what this version leaves on a host, its ledger and its table, into
 * test/fixtures/releases/VERSION, so that every later version is tried on them. An agent runs in
 * namespaces of its own, reads a recorded journal, and is made to ban for twenty years and
 * for good, by hand and by counting. Made once, at a release; a folder that is there stays. Root.
 */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE } from './lib/package/product.mjs';
import { fail, isRoot, quietly, ROOT, say, tail } from './lib/run.mjs';
import { setUp } from './lib/setup.mjs';

/** In the folder `$1`: an agent's life, and then the table as the agent left it. */
const LIFE = `
# The name servers of whoever releases are nobody's business.
mount --bind /dev/null /etc/resolv.conf
work=$1; mkdir -p "$work/etc" "$work/state" "$work/run" "$work/journal"
remote=$(ls /usr/lib/systemd/systemd-journal-remote /lib/systemd/systemd-journal-remote 2> /dev/null | head -n 1)
zcat examples/journal/lab-session.export.gz > "$work/session"
"$remote" -o "$work/journal/system.journal" "$work/session" > /dev/null 2>&1
printf '[DEFAULT]\\nsource = directory %s\\n[sshd]\\nbantime = 7305d\\n[login]\\nbantime = 7305d\\n' "$work/journal" > "$work/etc/jail.local"
banjour() { node dist/src/main.js "$@" --run-dir "$work/run"; }
node dist/src/main.js run --config-dir "$work/etc" --state-dir "$work/state" --run-dir "$work/run" > "$work/log" 2>&1 &
agent=$!
trap 'kill $agent 2> /dev/null || true; cat "$work/log"' EXIT
for i in $(seq 100); do banjour ping > /dev/null 2>&1 && break; kill -0 $agent; sleep 0.2; done
banjour ban sshd 203.0.113.5 203.0.113.6 198.51.100.0/24 --bantime 7305d
banjour ban postfix-sasl 2001:db8:bad:5::1 --bantime -1
banjour ban dovecot 203.0.113.7 --bantime -1
banjour attempt sshd 203.0.113.8 9
for i in $(seq 100); do nft list table inet banjour | grep -q 203.0.113.8 && break; sleep 0.2; done
banjour ban sshd 203.0.113.9
banjour unban 203.0.113.9
nft list table inet banjour > "$work/table.nft"
grep -q 203.0.113.8 "$work/table.nft"
kill $agent
wait $agent
trap - EXIT
`;

/** The database as SQL that makes it again, as sqlite3's `.dump` writes it. */
function dumpOf(db) {
  const schema = db.prepare(
    "SELECT name, type, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY rowid",
  );
  const objects = schema.all();
  const rowsOf = (table) => {
    const columns = db.pragma(`table_info(${table})`).map(({ name }) => `quote("${name}")`);
    const rows = db.prepare(`SELECT ${columns.join(` || ',' || `)} FROM ${table}`).pluck();
    return rows.all().map((values) => `INSERT INTO ${table} VALUES(${values});`);
  };
  const tables = objects.filter(({ type }) => type === 'table');
  const pragma = (name) => `PRAGMA ${name} = ${db.pragma(name, { simple: true })};`;
  const lines = [
    'BEGIN TRANSACTION;',
    ...tables.flatMap(({ name, sql }) => [`${sql};`, ...rowsOf(name)]),
    'DELETE FROM sqlite_sequence;',
    ...rowsOf('sqlite_sequence'),
    ...objects.filter(({ type }) => type !== 'table').map(({ sql }) => `${sql};`),
    'COMMIT;',
    pragma('application_id'),
    pragma('user_version'),
  ];
  return `${lines.join('\n')}\n`;
}

if (!isRoot) fail('a network namespace with nftables needs root: sudo npm run fixture');
const folder = join('test/fixtures/releases', PACKAGE.version);
if (existsSync(join(ROOT, folder)))
  fail(
    `${folder} is there, and what a release left is never changed: is package.json's version new?`,
  );
setUp('test');
const work = mkdtempSync(join(tmpdir(), 'banjour-fixture-'));
try {
  say(`an agent of version ${PACKAGE.version} runs and bans`);
  // The mount over resolv.conf must stay in here.
  const lived = quietly('unshare', [
    ...['--net', '--mount', '--propagation', 'private'],
    'sh',
    '-euc',
    `ip link set lo up; ${LIFE}`,
    'sh',
    work,
  ]);
  if (!lived.ok) fail(`the agent\n${tail(lived.output)}`);
  const { default: Database } = await import('better-sqlite3');
  const db = new Database(join(work, 'state/ledger.sqlite3'));
  mkdirSync(join(ROOT, folder));
  writeFileSync(join(ROOT, folder, 'ledger.sql'), dumpOf(db));
  db.close();
  copyFileSync(join(work, 'table.nft'), join(ROOT, folder, 'table.nft'));
  say(`written: ${folder}; commit it`);
} finally {
  rmSync(work, { recursive: true });
}
