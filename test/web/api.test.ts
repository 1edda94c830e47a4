import { expect, test } from '@jest/globals';
import type { JailView } from '../../src/control/protocol.js';
import { type JailSight, sightOf } from '../../src/web/api.js';

const EVIDENCE = { evidence: {} as NonNullable<JailView['evidence']> };

test.each<[JailSight, Partial<JailView>]>([
  ['nothing yet', {}],
  ['nothing yet', { selects: true }],
  ['reading', { entriesMatched: 1 }],
  ['what others find', EVIDENCE],
  ['selects nothing', { selects: false, entriesMatched: 1 }],
  ['selects nothing', { selects: false, ...EVIDENCE }],
])('of a jail it says "%s" where it knows %j', (sight, jail) => {
  expect(sightOf({ entriesMatched: 0, ...jail })).toBe(sight);
});
