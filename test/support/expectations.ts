/**
 * fail2ban's own expectations, held against Banjour: the dates of its tests and the answers of its
 * client. The report names every difference in our words; what differs without a reason makes the
 * command fail.
 */

import { type Answer, COMMAND_LINES, WITHOUT_SERVER } from '../cli/golden.js';
import { askReal } from '../cli/real-fail2ban.js';
import { Host } from '../control/host.js';
import { compareDates, recordedDates } from './fail2ban-dates.js';
import { MORE_COMMAND_LINES, WHY_ANSWERS_DIFFER } from './fail2ban-words.js';

export interface Report {
  readonly text: string;
  /** What differs and nobody has said why. */
  readonly unexplained: readonly string[];
}

/** `packageRoot`: fail2ban unpacked; `system`: a root file system in which it can run. */
export async function expectations(
  packageRoot: string,
  system: string | undefined,
): Promise<Report> {
  const unexplained: string[] = [];
  const dates = datesPart(packageRoot, unexplained);
  const words = system === undefined ? NOT_ASKED : await wordsPart(system, unexplained);
  return { text: [HEAD, dates, words].join('\n'), unexplained };
}

const HEAD = `# fail2ban's own expectations

\`npm run conformance -- --expectations\` wrote this page. It runs the tests of Debian's package fail2ban 1.1.0 and its client,
asks Banjour the same, and fails when something differs that is not explained here. None of fail2ban's text is repeated.
Regexes are held against Python in \`test/filter/regex/python.test.ts\`, verdicts on log lines by \`npm run conformance -- DIR\`.
`;

const NOT_ASKED = `## Answers of the client

Not asked: the end-to-end suite's Debian 13 is not there (\`node dist/test/e2e/lib/prepare.js\` makes it).
`;

function datesPart(packageRoot: string, unexplained: string[]): string {
  const records = recordedDates(packageRoot);
  const differences = compareDates(records);
  const counts = new Map<string, number>();
  for (const { reason, patterns, line } of differences)
    if (reason === undefined)
      unexplained.push(`date: ${JSON.stringify(patterns)} on ${JSON.stringify(line)}`);
    else counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const rows = [...counts].map(([reason, count]) => `| ${count} | ${reason} |`);
  return `## Dates

${records.length} questions that fail2ban's tests of dates put to its detector (time and text of the date, or that there is none):
${records.length - differences.length} are answered alike, ${differences.length} are not.

| questions | why it stays |
| --- | --- |
${rows.join('\n')}
`;
}

async function wordsPart(system: string, unexplained: string[]): Promise<string> {
  const theirs = askReal(system, MORE_COMMAND_LINES, []);
  const ours = await askBanjour();
  const rows = new Map<string, string[]>();
  theirs.forEach(({ line, code, out }, index) => {
    const own = ours[index];
    if (own?.code === code && own.out === out) return;
    const reason = WHY_ANSWERS_DIFFER.find(([lines]) => lines.test(line))?.[1];
    if (reason === undefined) unexplained.push(`command line: ${line}`);
    else rows.set(reason, [...(rows.get(reason) ?? []), `\`${line}\``]);
  });
  const differing = [...rows.values()].reduce((sum, lines) => sum + lines.length, 0);
  const held = COMMAND_LINES.length + WITHOUT_SERVER.length;
  return `## Answers of the client

${held} command lines that scripts and plugins use answer alike to the byte, with the same exit code; a test holds both programs to that
(\`test/cli/golden.ts\`). Of ${theirs.length} more, with mistakes and rare words among them, ${theirs.length - differing} do; standard error, which has the time in it, is
not compared.

| command lines | why it stays |
| --- | --- |
${[...rows].map(([reason, lines]) => `| ${lines.join(', ').replaceAll('|', '\\|')} | ${reason} |`).join('\n')}
`;
}

async function askBanjour(): Promise<Answer[]> {
  const host = await new Host().start();
  try {
    await host.until(
      'the agent runs',
      async () => (await host.client().status()).state === 'running',
    );
    const answers: Answer[] = [];
    for (const line of MORE_COMMAND_LINES) {
      const { code, out } = await host.fail2ban(...line.split(' '));
      answers.push({ line, code, out });
    }
    return answers;
  } finally {
    await host.end();
  }
}
