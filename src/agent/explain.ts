/**
 * All that the agent knows of an address or of a user, and who attacked together: in a network, or
 * for a user.
 */

import type {
  OffenderRule,
  OffendersView,
  OffenderView,
  UserView,
} from '../control/offender-views.js';
import type { RefusalView } from '../control/policy-views.js';
import type { ExplainView } from '../control/protocol.js';
import { type Address, covers, formatPrefix, type Prefix, parsePrefix } from '../core/address.js';
import type { BanRecord } from '../core/decision.js';
import type { AlarmView } from '../core/figures.js';
import type { Element } from '../core/firewall.js';
import type { JailName } from '../core/names.js';
import {
  ALARMS_KEPT_MAX,
  EXPLAIN_ALARMS_MAX,
  EXPLAIN_BANS_MAX,
  EXPLAIN_JOINT_BANS_MAX,
} from '../core/service-limits.js';
import {
  type EpochMicros,
  epochMicros,
  isoTime,
  laterOf,
  plus,
  type Seconds,
  wallClock,
} from '../core/time.js';
import { ENTRY_MICROS_MAX } from '../core/timeouts.js';
import { NETWORK, OFFENDER_PREFIXES } from '../jail/evidence/facts.js';
import type { EvidenceRules } from '../jail/evidence/rules.js';
import { rulesOf } from '../jail/weighing.js';
import {
  type CreditRow,
  mayBeOne,
  type OffenderAnswer,
  type OffenderQuestion,
  type OffenderRow,
} from '../ledger/offenders.js';
import type { JailSetup } from '../setup/setup.js';
import { banView } from './control-views.js';
import type { Stages } from './stages.js';

/**
 * Which jails never ban it and why, its newest bans, what is counted of it, who attacked together
 * with it, and what the kernel holds: `elements` is all that is there.
 */
export async function explainView(
  stages: Stages,
  target: Prefix,
  elements: readonly Element[],
  ask: AskOffenders,
): Promise<ExplainView> {
  const { setup, allow, ledger, jails, share } = stages;
  const { snapshot } = allow;
  const allowed = setup.jails.flatMap(({ policy }) => {
    const reason = snapshot.overlaps(policy.jail, target);
    return reason === undefined ? [] : [[policy.jail, reason.text]];
  });
  const listed = share.listed(target).map((one) => ({
    ...one,
    target: formatPrefix(one.target),
    until: isoTime(one.until),
  }));
  const bans = ledger.history.find({ target, limit: EXPLAIN_BANS_MAX });
  const offenders = await offendersOf(stages, target, bans, ask);
  return {
    address: formatPrefix(target),
    allowed: Object.fromEntries(allowed),
    bans: bans.map(banView),
    windows: jails.explain(target, wallClock.now()).map(({ last, target: counted, ...window }) => ({
      ...window,
      target: formatPrefix(counted),
      ...(last === undefined ? {} : { last: isoTime(last) }),
    })),
    ...(listed.length === 0 ? {} : { listed }),
    ...(offenders.length === 0 ? {} : { offenders }),
    kernel: elements
      .filter((element) => covers(element.target, target))
      .map((element) => ({
        jail: element.jail,
        target: formatPrefix(element.target),
        until: element.until === null ? null : isoTime(element.until),
      })),
  };
}

/** Asks the ledger, in a thread. */
export type AskOffenders = (
  questions: readonly OffenderQuestion[],
) => Promise<readonly OffenderAnswer[]>;

/** What is asked, and how its answer is shown. */
interface Asked {
  readonly question: OffenderQuestion;
  readonly view: Omit<OffendersView, 'found' | 'offenders'>;
}

/** Says nothing of the user; what is asked of him holds wherever he comes from. */
const NOWHERE: Address = { family: 4, text: '0.0.0.0' };
const DAY_MS = 86_400_000;

/** The rules that several addresses fulfil together: how long they look back, and how many ban. */
function limitsOf(rules: EvidenceRules, rule: OffenderRule): { span: Seconds; needed: number } {
  switch (rule) {
    case 'subnet':
      return { span: rules.subnetSpan, needed: rules.subnetOffenders };
    case 'user':
      return { span: rules.userSpan, needed: rules.userOffenders };
    case 'dead-name':
      return { span: rules.deadNameSpan, needed: rules.deadNameOffenders };
  }
}

/**
 * Whoever attacked together with an address or from within a prefix: for each of its newest `bans`
 * by such a rule those who counted for it, and of a network those who count now.
 */
export async function offendersOf(
  stages: Stages,
  target: Prefix,
  bans: readonly BanRecord[],
  ask: AskOffenders,
): Promise<OffendersView[]> {
  const now = wallClock.now();
  const joint = bans.filter(isJoint).slice(0, EXPLAIN_JOINT_BANS_MAX);
  const asked = weighersOf(stages).flatMap((weigher) => [
    ...joint.flatMap((ban) => ofBan(weigher, ban, bans)),
    ...(target.length > OFFENDER_PREFIXES[target.family][0]
      ? []
      : [ofNow(weigher, target, bans, now)]),
  ]);
  // All else that is known of the address is worth showing without them.
  const answers = await ask(asked.map(({ question }) => question)).catch(() => []);
  return asked.flatMap(({ view }, i) => {
    const answer = answers[i];
    return answer === undefined || answer.found === 0 ? [] : [shown(stages, view, answer, now)];
  });
}

type JointBan = BanRecord & { readonly rule: OffenderRule };

function isJoint(ban: BanRecord): ban is JointBan {
  const { rule, user } = ban;
  return rule === 'subnet' || ((rule === 'user' || rule === 'dead-name') && user !== undefined);
}

/** A jail that weighs, its rules, and the jails whose attempts it weighs. */
interface Weigher {
  readonly jail: JailName;
  readonly rules: EvidenceRules;
  readonly members: readonly JailSetup[];
}

function weighersOf({ setup: { jails } }: Stages): Weigher[] {
  return jails
    .filter(({ policy }) => policy.counts === 'evidence')
    .map(({ policy }) => ({
      jail: policy.jail,
      rules: rulesOf(policy),
      members: jails.filter((one) => one.policy.group === policy.jail),
    }));
}

/** Those who counted for a ban. */
function ofBan(weigher: Weigher, ban: JointBan, bans: readonly BanRecord[]): Asked[] {
  if (ban.jail !== weigher.jail) return [];
  const { target, time, rule, user } = ban;
  const of = rule === 'subnet' ? { network: formatPrefix(target) } : { user: user ?? '' };
  const earlier = rule === 'subnet' ? bans.filter((one) => one.time < time) : [];
  return [askedOf(weigher, rule, of, time, { since: beginOf(earlier, target), decided: time })];
}

/** Those in a network who count now. */
function ofNow(
  weigher: Weigher,
  target: Prefix,
  bans: readonly BanRecord[],
  now: EpochMicros,
): Asked {
  const of = { network: formatPrefix(target) };
  const isCounted = OFFENDER_PREFIXES[target.family].some((length) => length === target.length);
  return askedOf(weigher, 'subnet', of, now, { since: beginOf(bans, target), isCounted });
}

/** What came before a ban of the network, or was forgiven by an operator, counts no more. */
function beginOf(bans: readonly BanRecord[], network: Prefix): EpochMicros {
  const times = bans
    .filter(({ target }) => formatPrefix(target) === formatPrefix(network))
    .flatMap(({ rule, time, ended }) => [
      ...(rule === 'subnet' ? [time] : []),
      ...(ended?.reason === 'operator' ? [ended.time] : []),
    ]);
  return epochMicros(Math.max(0, ...times) + 1);
}

interface Circumstances {
  /** Nothing before it counts. */
  readonly since?: EpochMicros;
  readonly decided?: EpochMicros;
  /** False: no number of them bans. */
  readonly isCounted?: boolean;
}

function askedOf(
  { jail, rules, members }: Weigher,
  rule: OffenderRule,
  of: OffenderQuestion['of'],
  until: EpochMicros,
  { since, decided, isCounted = true }: Circumstances = {},
): Asked {
  const { span, needed } = limitsOf(rules, rule);
  const begin = plus(until, -span);
  return {
    question: {
      jails: Object.fromEntries(
        members.map(({ policy: { jail: name, ipv6prefix } }) => [name, ipv6prefix]),
      ),
      of,
      since: since === undefined ? begin : laterOf(since, begin),
      until,
      creditSince: plus(until, -rules.credit),
      creditLengths: NETWORK,
    },
    view: {
      ...{ jail, rule, ...of, spanSeconds: span },
      ...(decided === undefined ? {} : { decided: isoTime(decided) }),
      ...(needed === 0 || !isCounted ? {} : { needed }),
    },
  };
}

function shown(
  stages: Stages,
  view: Asked['view'],
  { found, offenders }: Pick<OffenderAnswer, 'found' | 'offenders'>,
  now: EpochMicros,
): OffendersView {
  return {
    ...view,
    found,
    offenders: offenders.map((row) => offenderView(stages, view.jail, row, now)),
  };
}

function offenderView(
  { ledger, jails }: Stages,
  jail: string,
  { first, last, ...row }: OffenderRow,
  now: EpochMicros,
): OffenderView {
  const target = parsePrefix(row.target);
  const banned = target && ledger.covering(target, now)[0]?.jail;
  const window = target && jails.explain(target, now).find((one) => one.jail === jail);
  const cursor = window?.evidence.at(-1);
  return {
    ...row,
    ...{ first: isoTime(first), last: isoTime(last) },
    ...(banned === undefined ? {} : { banned }),
    ...(cursor === undefined ? {} : { cursor }),
  };
}

/** All that is known of a user. */
export async function userView(
  stages: Stages,
  user: string,
  refusals: readonly RefusalView[],
  ask: AskOffenders,
): Promise<UserView> {
  const now = wallClock.now();
  const weighers = weighersOf(stages);
  // Of a name that nobody logs in with, many may try it for longer before it is held for dead.
  const asked = weighers.map((weigher) => {
    const facts = factsOf(stages, weigher, user, now);
    const asUser = askedOf(weigher, 'user', { user }, now);
    const asName = askedOf(weigher, 'dead-name', { user }, now);
    const { since } = asName.question;
    const question = facts.isUnderAttack
      ? asUser.question
      : { ...asUser.question, sinceOfStranger: since };
    return { weigher, facts, question, views: { user: asUser.view, name: asName.view } };
  });
  const answers = await ask(asked.map(({ question }) => question));
  const known = stages.ledger.database.alarms
    .find(epochMicros(0), ENTRY_MICROS_MAX as EpochMicros, ALARMS_KEPT_MAX)
    .filter((alarm) => mayBeOne(alarm.user, user));
  return {
    user,
    jails: asked.flatMap(({ weigher, facts, views }, i) => {
      const answer = answers[i];
      if (answer === undefined) return [];
      const view = answer.networks > 0 || facts.isUnderAttack ? views.user : views.name;
      const since = facts.isUnderAttack ? attackedSince(known, weigher.jail) : undefined;
      return [
        {
          jail: weigher.jail,
          ...facts,
          ...(since === undefined ? {} : { attackedSince: since }),
          offenders: shown(stages, view, answer, now),
          networks: answer.networks,
          credit: answer.credit.map(creditView),
        },
      ];
    }),
    alarms: known.slice(0, EXPLAIN_ALARMS_MAX),
    refusals,
  };
}

function creditView({ last, ...row }: CreditRow) {
  return { ...row, last: isoTime(last) };
}

/** What the jail holds against the name, wherever it is tried from. */
function factsOf(stages: Stages, { members }: Weigher, user: string, now: EpochMicros) {
  const [member] = members;
  const view =
    member &&
    stages.jails.login(member.policy.jail, { address: NOWHERE, user }, now, stages.allowed);
  return {
    isUnderAttack: view?.isUnderAttack === true,
    isDeadName: view?.isDeadName === true,
    isHoneypot: view?.isHoneypot === true,
  };
}

/**
 * Since when the user is attacked: the first of the alarms that follow each other. While an attack
 * goes on there is one a day.
 */
function attackedSince(alarms: readonly AlarmView[], jail: string): string | undefined {
  const times = alarms
    .filter((alarm) => alarm.kind === 'under-attack' && alarm.jail === jail)
    .map(({ time }) => time);
  let [since] = times;
  for (const time of times)
    if (since !== undefined && Date.parse(since) - Date.parse(time) <= 2 * DAY_MS) since = time;
  return since;
}
