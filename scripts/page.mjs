/** `node scripts/page.mjs`: makes the web page's script and style sheet, in dist/page. */
import { buildPage } from './lib/page.mjs';

await buildPage();
