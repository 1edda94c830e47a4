/**
 * `npm run pictures`: writes docs/pictures again, from what the program prints today. Needs root
 * and nft, as the tests do.
 */
import { jest } from './lib/jest.mjs';
import { setUp } from './lib/setup.mjs';

setUp('test');
process.env.BANJOUR_WRITE_PICTURES = '1';
process.exitCode = jest('jest.config.mjs', ['-i', 'test/docs/pictures']).ok ? 0 : 1;
