import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  DIGEST_CHARS_KEPT_MAX,
  DIGEST_CHARS_MAX,
  DIGEST_CHARS_MIN,
  EVENT_COUNT_MAX,
  MESSAGE_CHARS_MAX,
} from '../../src/core/limits.js';
import { epochMicros } from '../../src/core/time.js';
import type { CompiledFilter } from '../../src/filter/filter.js';
import { countOf, identityOf, NO_FACTS } from '../../src/filter/match-groups.js';
import { compiled } from '../support/filters.js';

const NOW = { time: epochMicros(1_700_000_000_000_000), boot: 'b' };
const judge = (filter: CompiledFilter, text: string, cutAt?: number) =>
  filter.judge({ text, ...(cutAt !== undefined && { cutAt }) }, NOW);
const PREFIX = String.raw`^<F-MLFID>\S+ sshd\[\d+\]: </F-MLFID><F-CONTENT>.+</F-CONTENT>$`;

describe('a line', () => {
  test('is a failure of the first regex that hits', () => {
    const filter = compiled({
      failregex: ['^one from <HOST>', '^two from <HOST>', '^two from <HOST> again'],
    });
    expect(judge(filter, 'two from 192.0.2.1 again')).toMatchObject({
      result: 'failure',
      regex: 1,
    });
    expect(judge(filter, 'three from 192.0.2.1')).toMatchObject({ result: 'none' });
  });

  test('is judged by its content once the prefregex has hit', () => {
    const filter = compiled({ prefregex: PREFIX, failregex: ['^bad <HOST>$'] });
    expect(judge(filter, 'mx1 sshd[7]: bad 192.0.2.1')).toMatchObject({ result: 'failure' });
    expect(judge(filter, 'mx1 sshd[7]: so bad 192.0.2.1')).toMatchObject({ result: 'none' });
    expect(judge(filter, 'bad 192.0.2.1')).toMatchObject({ result: 'noprefix' });
  });

  test('counts as often as rsyslog says that it was repeated, up to the bound', () => {
    const filter = compiled({
      prefregex: PREFIX,
      failregex: ['^bad <HOST>(?: <F-COUNT>\\d+</F-COUNT>)?$'],
    });
    const counted = (times: number, words: string) =>
      countOf(judge(filter, `mx1 sshd[7]: message repeated ${times} times: [ ${words}]`).facts);
    expect(counted(3, 'bad 192.0.2.1')).toBe(3);
    expect(counted(3, 'bad 192.0.2.1 2')).toBe(6);
    expect(counted(EVENT_COUNT_MAX, 'bad 192.0.2.1')).toBe(EVENT_COUNT_MAX);
    expect(counted(EVENT_COUNT_MAX + 1, 'bad 192.0.2.1')).toBe(EVENT_COUNT_MAX);
    expect(counted(0, 'bad 192.0.2.1')).toBe(1);
  });

  test('that was repeated is left to a filter that reads it as it stands', () => {
    const filter = compiled({ failregex: ['message repeated \\d+ times: \\[ bad <HOST>\\]$'] });
    const { result, facts } = judge(
      filter,
      'mx1 sshd[7]: message repeated 3 times: [ bad 192.0.2.1]',
    );
    expect([result, countOf(facts)]).toEqual(['failure', 1]);
  });

  test('is dropped by an ignoreregex', () => {
    const filter = compiled({
      failregex: ['^bad <HOST> .*'],
      ignoreregex: ['because of us$', 'x'],
    });
    expect(judge(filter, 'bad 192.0.2.1 because of us')).toMatchObject({
      result: 'ignored',
      regex: 0,
    });
    expect(judge(filter, 'bad 192.0.2.1 because')).toMatchObject({ result: 'failure' });
  });

  test('an ignoreregex sees the whole line first when there are few, and the content after a hit', () => {
    const many = ['^bad <HOST>', 'b <HOST>', 'c <HOST>', 'd <HOST>'];
    const header = { prefregex: PREFIX, ignoreregex: ['^mx1'] };
    expect(
      judge(compiled({ ...header, failregex: many }), 'mx1 sshd[7]: bad 192.0.2.1').result,
    ).toBe('ignored');
    expect(
      judge(compiled({ ...header, failregex: ['^bad <HOST>'] }), 'mx1 sshd[7]: bad 192.0.2.1')
        .result,
    ).toBe('failure');
  });

  test('can be a success', () => {
    const filter = compiled({
      failregex: ['^bad <HOST>'],
      successregex: ['^good <F-USER>\\S+</F-USER> <HOST>'],
    });
    expect(judge(filter, 'good anna 192.0.2.1')).toMatchObject({
      result: 'success',
      regex: 0,
      facts: { ip4: '192.0.2.1', user: 'anna' },
    });
  });

  test('takes the user from an alternate when there is no other', () => {
    const filter = compiled({
      failregex: [
        '^bad (?:user <F-USER>\\w*</F-USER> )?(?:as <F-ALT_USER>\\w+</F-ALT_USER> )?from <HOST>',
      ],
    });
    expect(judge(filter, 'bad as anna from 192.0.2.1').facts.user).toBe('anna');
    expect(judge(filter, 'bad user  as anna from 192.0.2.1').facts.user).toBe('anna');
    expect(judge(filter, 'bad user root as anna from 192.0.2.1').facts.user).toBe('root');
  });

  test('says "no failure" with <F-NOFAIL> only where there are connections, as in fail2ban', () => {
    const failregex = ['^<F-NOFAIL>closed</F-NOFAIL> by <HOST>'];
    expect(judge(compiled({ failregex }), 'closed by 192.0.2.1').result).toBe('failure');
    expect(
      judge(compiled({ prefregex: PREFIX, failregex }), 'mx1 sshd[7]: closed by 192.0.2.1').result,
    ).toBe('nofail');
  });

  test('waits for its address within its connection', () => {
    const filter = compiled({
      prefregex: PREFIX,
      failregex: [
        '^User <F-USER>\\S+</F-USER> is locked',
        '^<F-NOFAIL><F-MLFFORGET>closed</F-MLFFORGET></F-NOFAIL> by <HOST>',
      ],
    });
    expect(judge(filter, 'mx1 sshd[7]: User root is locked').result).toBe('pending');
    expect(judge(filter, 'mx1 sshd[8]: closed by 192.0.2.8').result).toBe('nofail');
    expect(judge(filter, 'mx1 sshd[7]: closed by 192.0.2.7')).toMatchObject({
      result: 'failure',
      regex: 1,
      lines: 2,
      facts: { ip4: '192.0.2.7', user: 'root' },
    });
    expect(filter.sessions).toBe(0);
  });
});

describe('a line whose middle was left out', () => {
  const filter = compiled({ failregex: ['from <HOST>', '^bad.*,[^!]*from <HOST>'] });

  test('matches in what was kept of its head and of its tail', () => {
    expect(judge(filter, 'bad from 192.0.2.1 xx\nyy', 21)).toMatchObject({
      result: 'failure',
      cut: false,
    });
    expect(judge(filter, 'bad x\ny from 192.0.2.1', 5)).toMatchObject({
      result: 'failure',
      cut: false,
    });
  });

  test('no match reaches across the cut', () => {
    const across = compiled({ failregex: ['^bad[^!]*from <HOST>'] });
    expect(judge(across, 'bad x\ny from 192.0.2.1', 5)).toMatchObject({
      result: 'none',
      cut: true,
    });
  });

  test('an address that ends or begins at the cut may have lost digits and is not taken', () => {
    expect(judge(filter, 'bad from 192.0.2.1\n7 or so', 18)).toMatchObject({
      result: 'none',
      cut: true,
    });
    const first = compiled({ failregex: ['<HOST> was bad'] });
    expect(judge(first, 'x 1\n92.0.2.1 was bad', 3)).toMatchObject({ result: 'none', cut: true });
  });

  test('the end of the head is not the end of the line', () => {
    const anchored = compiled({ prefregex: PREFIX, failregex: ['^bad from <HOST>$'] });
    expect(judge(anchored, 'mx1 sshd[7]: bad from 192.0.2.1\nxx', 31).result).toBe('none');
  });

  test('is still judged behind a prefregex', () => {
    const inner = compiled({ prefregex: PREFIX, failregex: ['bad from <HOST> '] });
    expect(judge(inner, 'mx1 sshd[7]: bad from 192.0.2.1 xx\nyy', 34)).toMatchObject({
      result: 'failure',
    });
    expect(judge(inner, 'mx1 ss\nhd[7]: bad from 192.0.2.1 xx', 6)).toMatchObject({
      result: 'noprefix',
    });
  });
});

describe('a filter of several lines', () => {
  const filter = () =>
    compiled({ maxlines: 3, failregex: ['^attempt from <HOST><SKIPLINES>refused$'] });

  test('finds what is spread over them and uses them up', () => {
    const multi = filter();
    expect(judge(multi, 'attempt from 192.0.2.1').result).toBe('none');
    expect(judge(multi, 'something else').result).toBe('none');
    expect(judge(multi, 'refused')).toMatchObject({
      result: 'failure',
      facts: { ip4: '192.0.2.1' },
      lines: 2,
    });
    expect(judge(multi, 'refused').result).toBe('none');
  });

  test('forgets lines that are further back than maxlines', () => {
    const multi = filter();
    for (const text of ['attempt from 192.0.2.1', 'a', 'b']) judge(multi, text);
    expect(judge(multi, 'refused').result).toBe('none');
  });
});

describe('knows of a failure', () => {
  const known = (regex: string, line: string) => {
    const made = compiled({ failregex: [regex] });
    const { cause, digest } = judge(made, line).facts;
    return [cause, digest];
  };

  test('its kind, from the words of the line or from a word that stands there only then', () => {
    const words = '^<F-KIND>.*</F-KIND> from <ADDR>$';
    for (const [text, cause] of [
      ['unknown user', 'unknown-user'],
      ['No such account', 'unknown-user'],
      ['Password mismatch', 'wrong-password'],
      ['wrong password', 'wrong-password'],
      ['failed', undefined],
    ])
      expect(known(words, `${text} from 192.0.2.1`)).toEqual([cause, undefined]);
    const constant =
      '^(?:<F-KIND_UNKNOWN>no</F-KIND_UNKNOWN>|<F-KIND_PASSWORD>bad</F-KIND_PASSWORD>|odd) login from <ADDR>$';
    expect(known(constant, 'no login from 192.0.2.1')[0]).toBe('unknown-user');
    expect(known(constant, 'bad login from 192.0.2.1')[0]).toBe('wrong-password');
    expect(known(constant, 'odd login from 192.0.2.1')[0]).toBeUndefined();
  });

  test('the beginning of the digest of its password, and never what may be the password', () => {
    const digest = (text: string) =>
      known('^<F-DIGEST>.*</F-DIGEST> from <ADDR>$', `${text} from 192.0.2.1`)[1];
    expect(digest('a'.repeat(DIGEST_CHARS_MIN - 1))).toBeUndefined();
    expect(digest('A'.repeat(DIGEST_CHARS_MIN))).toBe('a'.repeat(DIGEST_CHARS_MIN));
    const kept = 'a'.repeat(DIGEST_CHARS_KEPT_MAX);
    expect(digest(kept)).toBe(kept);
    expect(digest(`${kept}b`)).toBe(kept);
    expect(digest('b'.repeat(DIGEST_CHARS_MAX))).toBe('b'.repeat(DIGEST_CHARS_KEPT_MAX));
    expect(digest('b'.repeat(DIGEST_CHARS_MAX + 1))).toBeUndefined();
    expect(digest('correct horse')).toBeUndefined();
  });
});

describe('a line in any script', () => {
  const filter = compiled({
    prefregex: '^\\w+: <F-CONTENT>.+</F-CONTENT>$',
    failregex: [
      '^login of <F-USER>\\w+</F-USER> from <HOST>(?: <F-COUNT>\\d+</F-COUNT> times)?\\s',
    ],
  });

  test.each(['müller', 'Иван', '𝐀lice', 'x²'])('gives the user as the line has it: %s', (user) => {
    expect(judge(filter, `späm: login of ${user} from 192.0.2.1 ٣ times 🙂`)).toMatchObject({
      result: 'failure',
      facts: { user, ip4: '192.0.2.1', count: '٣' },
    });
    expect(judge(filter, `späm: login of ${user} from 192.0.2.1`)).toMatchObject({
      result: 'failure',
      facts: { user },
    });
  });

  test('counts in its digits', () => {
    expect(countOf({ ...NO_FACTS, count: '٣०' })).toBe(30);
    expect(countOf({ ...NO_FACTS, count: '²' })).toBe(1);
  });

  test('gives no address that is written in other digits than ASCII', () => {
    const { facts } = judge(filter, 'späm: login of a from 192.0.2.١');
    expect(facts && identityOf(facts)).toMatchObject({ kind: 'not-address' });
  });
});

describe('a compiled filter', () => {
  test('never throws, whatever the line', () => {
    const filters = [
      compiled({
        prefregex: PREFIX,
        failregex: ['^User <F-USER>\\S+|.*?</F-USER> from <HOST>', 'count <F-COUNT>\\d+</F-COUNT>'],
        ignoreregex: ['x'],
      }),
      compiled({ failregex: ['<F-ID>\\S+</F-ID>'], usedns: 'raw' }),
      compiled({ maxlines: 5, failregex: ['^a<SKIPLINES>b <HOST>'] }),
    ];
    const texts = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc
        .array(
          fc.constantFrom(
            'User ',
            'from ',
            '192.0.2.1',
            '\n',
            'mx1 sshd[7]: ',
            'a',
            'b',
            '::',
            ' ',
          ),
          {
            maxLength: 30,
          },
        )
        .map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(texts, fc.option(fc.nat({ max: MESSAGE_CHARS_MAX })), (text, cutAt) => {
        for (const filter of filters) judge(filter, text, cutAt ?? undefined);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('a line that goes on in another entry', () => {
  const judgeBroken = (filter: CompiledFilter, text: string) =>
    filter.judge({ text, goesOn: true }, NOW);

  test('gives no address by a match that reaches its end, and one by a match that does not', () => {
    const filter = compiled({
      failregex: ['^at the end .* <HOST>$', '^in front <HOST> name .', '^not <HOST>(?! but)'],
    });
    expect(judge(filter, 'at the end x 192.0.2.1').result).toBe('failure');
    expect(judgeBroken(filter, 'at the end x 192.0.2.1').result).toBe('pending');
    expect(judgeBroken(filter, 'in front 192.0.2.1 name xx').result).toBe('failure');
  });

  test('is no line of a multi-line filter', () => {
    const filter = compiled({ maxlines: 2, failregex: ['^one from <HOST>'] });
    expect(judgeBroken(filter, 'one from 192.0.2.1')).toMatchObject({ result: 'none', cut: true });
    expect(judge(filter, 'one from 192.0.2.1').result).toBe('failure');
  });
});
