/**
 * Prints a schema in nft's own syntax, as `nft list table` would: what people read and can load
 * with `nft -f`.
 */
import { formatPrefix } from '../core/address.js';
import type { PortRange } from '../core/specs.js';
import { TABLE, type TableFamily } from './names.js';
import type { Action, Chain, Match, Rule, Schema, SetDefinition, TableSchema } from './schema.js';

/** The ruleset of the schema without bans; `nft -f` of it makes the same tables as our JSON. */
export function schemaText(schema: Schema): string {
  return schema.map(tableText).join('\n');
}

function tableText(table: TableSchema): string {
  const parts = [
    ...table.counters.map((name) => `\tcounter ${name} {\n\t}\n`),
    ...table.sets.map((set) => setText(table, set)),
    ...table.chains.map((chain) => chainText(table.family, chain)),
  ];
  return `table ${table.family} ${TABLE} {\n${parts.join('\n')}}\n`;
}

function setText(table: TableSchema, set: SetDefinition): string {
  const allow = set.kind === 'allow' ? table.allow[set.family] : [];
  const lines = [
    `type ${set.family === 4 ? 'ipv4_addr' : 'ipv6_addr'}`,
    ...(set.size === undefined ? [] : [`size ${set.size}`]),
    `flags ${set.kind === 'allow' ? 'interval' : 'timeout'}`,
    ...(set.counter ? ['counter'] : []),
    ...(allow.length === 0 ? [] : [`elements = { ${allow.map(formatPrefix).join(', ')} }`]),
  ];
  return `\tset ${set.name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}

function chainText(family: TableFamily, chain: Chain): string {
  const base =
    chain.base === undefined
      ? []
      : [`type filter hook ${chain.base.hook} priority ${chain.base.priority}; policy accept;`];
  const lines = [...base, ...chain.rules.map((rule) => ruleText(family, rule))];
  return `\tchain ${chain.name} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
}

function ruleText(family: TableFamily, rule: Rule): string {
  return [
    ...rule.match.map((match) => matchText(family, match)),
    ...(rule.limit === undefined
      ? []
      : [`limit rate ${rule.limit.perSecond}/second burst ${rule.limit.burst} packets`]),
    ...(rule.counter === undefined ? [] : [`counter name "${rule.counter}"`]),
    actionText(rule.action),
  ].join(' ');
}

function matchText(table: TableFamily, match: Match): string {
  switch (match.kind) {
    case 'family':
      if (table === 'bridge') return `meta protocol ${match.family === 4 ? 'ip' : 'ip6'}`;
      return `meta nfproto ${match.family === 4 ? 'ipv4' : 'ipv6'}`;
    case 'protocols':
      return `meta l4proto ${match.negate ? '!= ' : ''}${oneOrSet(match.protocols)}`;
    case 'ports': {
      const ports = oneOrSet(match.ports.map(portText));
      if (match.protocols.length === 1) return `${match.protocols[0]} dport ${ports}`;
      return `meta l4proto ${oneOrSet(match.protocols)} th dport ${ports}`;
    }
    case 'saddr': {
      const field = match.family === 4 ? 'ip saddr' : 'ip6 saddr';
      return match.mask === undefined
        ? `${field} @${match.set}`
        : `${field} & ${match.mask} == @${match.set}`;
    }
  }
}

function actionText(action: Action): string {
  switch (action.kind) {
    case 'drop':
    case 'return':
      return action.kind;
    case 'jump':
    case 'goto':
      return `${action.kind} ${action.chain}`;
    case 'reject':
      return `reject with ${action.how}`;
  }
}

function oneOrSet(values: readonly string[]): string {
  return values.length === 1 ? `${values[0]}` : `{ ${values.join(', ')} }`;
}

function portText(range: PortRange): string {
  return range.first === range.last ? `${range.first}` : `${range.first}-${range.last}`;
}
