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
/** Compressed data is unpacked up to this many bytes, so that the tail of a padded MESSAGE is still seen; journald takes up to 768 MiB from a local process. */
export const JOURNAL_DATA_BYTES_MAX = 4 * 1024 * 1024;
/** Data of one entry that is looked at, count: the bound of systemd's own importer (journal-importer.h, ENTRY_FIELD_COUNT_MAX). */
export const ENTRY_FIELDS_MAX = 1_024;
/** Values kept of one entry, count: together with `FIELD_BYTES_MAX` 2 MiB; a real entry has one each of about five wanted fields. */
export const ENTRY_VALUES_MAX = 64;
/** Bytes of one field of an export stream, longer is malformed: the bound of journald's own importer (768 MiB). Skipped, never held. */
export const EXPORT_FIELD_BYTES_MAX = 768 * 1024 * 1024;
/** Bytes read from an export stream at once. */
export const EXPORT_CHUNK_BYTES = 64 * 1024;
/** One entry that Banjour writes to the journal, bytes; ours are under 4 KiB. */
export const JOURNAL_SEND_BYTES_MAX = 256 * 1024;
/** Terms of a match that libsystemd is given; with more, everything is read and selected here. Measured: matches for 75 % of a journal cost as much as no match at 4 terms, twice as much at 25. */
export const JOURNAL_MATCH_TERMS_MAX = 24;
/** Entries of one intake batch: one regex guard (50 ms) covers it, one commit and one nft batch follow from it. */
export const BATCH_ENTRIES_MAX = 500;
/** Batches that may be under way to the main thread; more stay in the journal. */
export const BATCH_CREDITS = 4;
/** Attempts that one entry may report. Dovecot ends a session long before. */
export const EVENT_COUNT_MAX = 100;
/** Characters of a user name that are kept for logs and the ledger. */
export const USER_CHARS_MAX = 256;
/** Time that the regexes of one guarded batch may take before the culprit is demoted to the linear matcher, ms. */
export const REGEX_GUARD_MS = 50;
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
