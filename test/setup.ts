/**
 * Before every test file: property tests draw the same cases each time, so that a red run is red
 * again. Look further with another seed: BANJOUR_SEED=random npm test, or a number.
 */
import fc from 'fast-check';

const wanted = process.env['BANJOUR_SEED'];
if (wanted !== 'random')
  fc.configureGlobal({
    ...fc.readConfigureGlobal(),
    seed: wanted === undefined ? 20_261_121 : Number(wanted),
  });
