/**
 * Every bound of Banjour, with its unit in its name and its reason. A test stands at each bound and one past it.
 * What strangers can fill must be in this list.
 */

/** Longest MESSAGE that is judged whole. Real mail log lines stay under 1,000; Postfix cuts at 2,000, Dovecot at 8,192 with its prefix. */
export const MESSAGE_CHARS_MAX = 8_192;
/** Kept of the end of a longer MESSAGE; the rest of the bound is its head. Addresses stand at either end. */
export const MESSAGE_TAIL_CHARS = 2_048;
/** Longest value of any other field: units, identifiers and host names are far shorter (NAME_MAX is 255). */
export const FIELD_CHARS_MAX = 1_024;
/** Bytes of one field that are ever copied out of the journal; a UTF-8 character has at most 4. */
export const FIELD_BYTES_MAX = 4 * MESSAGE_CHARS_MAX;
/**
 * Entries of one intake batch: one regex guard (50 ms) covers it, one commit and one nft batch follow from it. A guarded
 * call costs 0.15 ms on an idle machine and several on a busy one; the entries themselves about 1 ms per thousand.
 */
export const BATCH_ENTRIES_MAX = 2_000;
/** Batches that may be under way to the main thread; more stay in the journal. */
export const BATCH_CREDITS = 4;
/** Attempts that one entry may report. Dovecot ends a session long before. */
export const EVENT_COUNT_MAX = 100;
/** Characters of a user name that are kept for logs and the ledger. */
export const USER_CHARS_MAX = 256;
/** Time that the regexes of one guarded batch may take before the culprit is demoted to the linear matcher, ms. */
export const REGEX_GUARD_MS = 50;
/** Times a regex may be caught running when a guarded batch times out, without a clean batch in between, before it is demoted. */
export const REGEX_STRIKES_MAX = 3;
/** Time for one entry whose regexes run in the linear matcher already, ms; what is not done then is given up and counted. */
export const REGEX_LINEAR_GUARD_MS = 500;
/** Combinations of field values for which the routing of entries is remembered. */
export const ROUTES_MAX = 1_000;
/** Addresses with failures that one jail remembers: about 100 bytes each, see bench `growth`. The oldest evidence goes first. */
export const TRACKED_ADDRESSES_MAX = 250_000;
/** Cursors kept with a ban as evidence. */
export const EVIDENCE_CURSORS_MAX = 10;
/** Log lines per second; the rest is summed in one line, so a storm does not log a storm. */
export const LOG_LINES_PER_SECOND_MAX = 200;
/** Sessions (`<F-MLFID>`) that one jail keeps open; fail2ban has 100. */
export const SESSIONS_MAX = 10_000;
/** A session without a line for this long is forgotten, in journal time, seconds. */
export const SESSION_IDLE_SECONDS = 300;
/** Longest text that names a session, with its boot id: `host ident[pid]: ` is far shorter; a longer one is not remembered. */
export const SESSION_KEY_CHARS_MAX = 1_024;
/** Users kept of one session; that there is more than one is what matters. */
export const SESSION_USERS_MAX = 8;
/** Lines of a multi-line filter's window; every line searches the whole window. */
export const MAXLINES_MAX = 20;
/** Below this many changes a batch goes through the resident nft child, above through a fresh one (break-even measured at 100-150). */
export const RESIDENT_CHANGES_MAX = 100;
/** Changes of one nft transaction; 111,000 were measured at 0.5 s. */
export const NFT_BATCH_CHANGES_MAX = 200_000;
/** Deadline of one transaction in the resident child, ms. */
export const NFT_RESIDENT_DEADLINE_MS = 2_000;
/** Deadline of a fresh nft child, ms: 200,000 changes take about 1 s. */
export const NFT_FRESH_DEADLINE_MS = 30_000;
/** Output of an nft child that is kept, bytes, when it is only read for errors. */
export const NFT_ERROR_BYTES_MAX = 65_536;
/** Output of `nft -j list`, bytes: 100,000 elements are 6.6 MB. */
export const NFT_LIST_BYTES_MAX = 256 * 1024 * 1024;
/** Journal read back before the cursor at start, at least, seconds. */
export const WARMUP_SECONDS_MIN = 300;
/** Request body on a control socket, bytes. */
export const CONTROL_REQUEST_BYTES_MAX = 1024 * 1024;
/** Clients of a control socket at once. */
export const CONTROL_CLIENTS_MAX = 64;
/** Time within which a client must have sent its request, ms. */
export const CONTROL_REQUEST_MS_MAX = 5_000;
/** Size of one configuration or filter file, bytes. */
export const INI_FILE_BYTES_MAX = 1024 * 1024;
/** Depth of `[INCLUDES]` and of interpolation. */
export const INI_DEPTH_MAX = 16;
/** Length of one value after interpolation, characters; the largest stock filter has 20,000. Stops doubling definitions. */
export const INI_VALUE_CHARS_MAX = 1_000_000;
/** Times that one tag may be replaced in one value; fail2ban's own bound, a cycle exceeds it. */
export const INI_TAG_USES_MAX = 25;
/** Files that one configuration or filter may draw in through `[INCLUDES]` and `.d` folders. */
export const INI_FILES_MAX = 500;
/** Problems that are collected before the rest is only counted. */
export const INI_DIAGNOSTICS_MAX = 1_000;
/** Lines of one class (matched, missed, ignored) that a filter report keeps for printing. */
export const REPORT_LINES_MAX = 100_000;
/** Characters of such a line. */
export const REPORT_LINE_CHARS_MAX = 2_048;
/** Matches per regex that a filter report keeps as examples. */
export const REPORT_HITS_MAX = 100;
/** Characters of one regex after its tags are expanded; the longest stock one has about 3,000. */
export const REGEX_CHARS_MAX = 65_536;
/** Groups within groups of one regex; parser and compilers recurse this deep. */
export const REGEX_DEPTH_MAX = 100;
/** Instructions of one regex in the linear matcher; `{1,1000}` is written out, and each costs memory per character of the text. */
export const REGEX_INSTRUCTIONS_MAX = 20_000;
/** Steps of the linear matcher where a back-reference forbids to remember failures; then the text counts as no match. About 10 ms. */
export const REGEX_BACKTRACK_STEPS_MAX = 500_000;
/** Groups that conditionals of one regex test; each doubles the memory of the linear matcher. */
export const REGEX_CONDITIONS_MAX = 6;
