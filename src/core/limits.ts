/**
 * Every bound of Banjour, with its unit in its name and its reason. Tests stand at the bounds and
 * one past them; test/house/limits.test.ts lists the two that no test names, with the reason, and
 * `npm run bounds` breaks each bound and says which break no test notices. What strangers can fill
 * must be in this list.
 */

/**
 * Longest MESSAGE that is judged whole. Real mail log lines stay under 1,000; Postfix cuts at
 * 2,000, Dovecot at 8,192 with its prefix.
 */
export const MESSAGE_CHARS_MAX = 8_192;
/**
 * Kept of the end of a longer MESSAGE; the rest of the bound is its head. Addresses stand at either
 * end.
 */
export const MESSAGE_TAIL_CHARS = 2_048;
/**
 * Longest value of any other field: units, identifiers and host names are far shorter (NAME_MAX is
 * 255).
 */
export const FIELD_CHARS_MAX = 1_024;
/** Bytes of a value that is compared with one decoded before; longer ones seldom come again. */
export const FIELD_KNOWN_BYTES_MAX = 48;
/** Origins of entries that are remembered; with one more all are forgotten. */
export const ORIGINS_KNOWN_MAX = 512;
/** Bytes of one field that are ever copied out of the journal; a UTF-8 character has at most 4. */
export const FIELD_BYTES_MAX = 4 * MESSAGE_CHARS_MAX;
/**
 * Matches with literals of their own that a reader tells apart: a bit each. A host with more is
 * read without.
 */
export const GATE_ROUTES_MAX = 64;
/**
 * Fields of those matches, and bytes of one `FIELD=value` (`native/batch/routes.c` has the same
 * bounds).
 */
export const GATE_FIELDS_MAX = 16;
export const GATE_TERM_BYTES_MAX = 512;
/** Notices of journald's rate limit that doctor reads; one per unit and 30 s at most. */
export const SUPPRESSIONS_READ_MAX = 50_000;
/** Units of them that doctor names. */
export const SUPPRESSIONS_UNITS_MAX = 100;
/**
 * Entries of one intake batch: one regex guard (50 ms) covers it, one commit and one nft batch
 * follow from it. The guard costs 0.03 ms (0.15 and more without inspector), the entries themselves
 * about 1 ms per thousand.
 */
export const BATCH_ENTRIES_MAX = 2_000;
/**
 * Compressed data need not be unpacked beyond this many bytes (libsystemd takes it for a hint, and
 * 252 unpacks more), so that the tail of a padded MESSAGE is still seen; journald takes up to 768
 * MiB from a local process.
 */
export const JOURNAL_DATA_BYTES_MAX = 4 * 1024 * 1024;
/**
 * Data of one entry that is looked at, count: the bound of systemd's own importer
 * (journal-importer.h, ENTRY_FIELD_COUNT_MAX).
 */
export const ENTRY_FIELDS_MAX = 1_024;
/**
 * Values kept of one entry, count: together with `FIELD_BYTES_MAX` 2 MiB; a real entry has one each
 * of about five wanted fields.
 */
export const ENTRY_VALUES_MAX = 64;
/**
 * Bytes of one field of an export stream, longer is malformed: the bound of journald's own importer
 * (768 MiB). Skipped, never held.
 */
export const EXPORT_FIELD_BYTES_MAX = 768 * 1024 * 1024;
/** One entry that Banjour writes to the journal, bytes; ours are under 4 KiB. */
export const JOURNAL_SEND_BYTES_MAX = 256 * 1024;
/**
 * Terms of a match that libsystemd is given; with more, everything is read and selected here.
 * Measured: matches for 75 % of a journal cost as much as no match at 4 terms, twice as much at 25.
 */
export const JOURNAL_MATCH_TERMS_MAX = 24;
/** Batches that may be under way to the main thread; more stay in the journal. */
export const BATCH_CREDITS = 4;
/** Hexadecimal digits that tell passwords apart; Dovecot's `sha1:6` has six. */
export const DIGEST_CHARS_MIN = 6;
/** SHA-512 has so many. */
export const DIGEST_CHARS_MAX = 128;
/** Digits of a digest that are kept: enough to compare, too few to find the password by. */
export const DIGEST_CHARS_KEPT_MAX = 8;
/** Attempts that one entry may report. Dovecot ends a session long before. */
export const EVENT_COUNT_MAX = 100;
/** Characters that say who lifted a ban; a user name of Linux has 32 at most, useradd(8). */
export const OPERATOR_CHARS_MAX = 128;
/** Characters of a user name that are kept for logs and the ledger. */
export const USER_CHARS_MAX = 256;
/**
 * Times a regex may be caught running when a guarded batch times out, without a clean batch in
 * between, before it is demoted.
 */
export const REGEX_STRIKES_MAX = 3;
/** Combinations of field values for which the routing of entries is remembered. */
export const ROUTES_MAX = 1_000;
/**
 * Addresses with failures that one jail remembers: about 100 bytes each, see bench `growth`. The
 * oldest evidence of whatever there is most of (either family, failed once or again) goes first.
 */
export const TRACKED_ADDRESSES_MAX = 250_000;
/**
 * Failures in the windows of one jail: 22 bytes each. Four per tracked address; past it the oldest
 * evidence goes too.
 */
export const TRACKED_FAILURES_MAX = 1_000_000;
/** Entries that a jail that weighs and is new has read for logins of the past: the newest. */
export const PAST_ENTRIES_MAX = 2_000_000;
/** Logins and failures that the ledger keeps for the evidence; about 100 bytes each. */
export const ATTEMPTS_KEPT_MAX = 500_000;
/** Names of `honeypot`. */
export const HONEYPOT_NAMES_MAX = 1_000;
/** So many times maxretry an address may fail at most, where many users log in. */
export const ALLOWANCE_MAX = 5;
/** From this share of the points for a ban on a shared address is closed to strangers. */
export const SHARED_CLOSED_SHARE = 0.75;
/** From this share on, while somebody guesses there, to passwords that are none of the user's. */
export const SHARED_DOUBTED_SHARE = 0.15;
/** Addresses with points in the evidence model: 32 bytes each, half of them for either family. */
export const EVIDENCE_ADDRESSES_MAX = 1_000_000;
/** Offenders of a prefix or a user, and networks of a user, that are remembered: the newest. */
export const EVIDENCE_OFFENDERS_MAX = 8;
/** Prefixes of which the model remembers offenders: 76 bytes each. */
export const EVIDENCE_PREFIXES_MAX = 60_000;
/** So many strangers within a day, at names that nobody logs in with, are a wave. */
export const EVIDENCE_WAVE_ADDRESSES = 20;
/** User names that the model knows, half of them for names that never logged in: 156 bytes each. */
export const EVIDENCE_NAMES_MAX = 40_000;
/** New addresses at once for which a user's logins vouch; domains that are stripped off a name. */
export const NEW_PLACES_MAX = 48;
export const NAME_DOMAINS_MAX = 3;
/** Users at their networks with so many passwords that were tried last: 80 bytes each. */
export const EVIDENCE_GUESSES_MAX = 20_000;
export const EVIDENCE_OLD_PASSWORDS_MAX = 4;
/** Users with the passwords that they log in with: 32 bytes each; and so many of one user. */
export const EVIDENCE_RIGHT_USERS_MAX = 5_000;
export const EVIDENCE_RIGHT_PASSWORDS_MAX = 3;
/** Passwords of which the model knows the users they were tried on: 72 bytes each. */
export const EVIDENCE_DIGESTS_MAX = 8_000;
/** Addresses, networks, pairs with a login that vouch: 68, 12, 12 bytes; with a service, 24. */
export const EVIDENCE_CREDITS_MAX = 40_000;
/**
 * Addresses of one jail that are kept even when their failures are too old to count, some 1 MB: see
 * `sweepWhenMany` in src/jail/windows.ts.
 */
export const UNSWEPT_TARGETS_MAX = 10_000;
/** Tries on one connection that may be a device's with an old password: with two mechanisms. */
export const STORM_COUNT_MAX = 2;
/** Failures at once for one name, where others log in, that may be a phone's old password. */
export const PHONE_BURST = 30;
/** Bans that jails with `enabled = watch` remember, all jails together: some 6 MB. */
export const WATCHED_BANS_MAX = 20_000;
/** Causes of causes of an error that cross a thread, count: an error may be its own. */
export const ERROR_CAUSES_MAX = 4;
/** Floors of wide prefixes that one jail remembers; operators set them, by hand. */
export const WIDE_FLOORS_MAX = 64;
/**
 * IPv6 prefixes whose logins are remembered, for each length that jails count by: about 200 bytes
 * each. The oldest go first.
 */
export const LOGIN_PREFIXES_MAX = 10_000;
/** Longest maxretry: a window keeps up to twice as many failures of one address. */
export const MAXRETRY_MAX = 100_000;
/**
 * Cursors of recent failures, bytes, all jails together: about 120,000 cursors of systemd. Older
 * evidence is lost, never a count.
 */
export const EVIDENCE_LOG_BYTES_MAX = 16 * 1024 * 1024;
/** Longest cursor that is kept as evidence, bytes; systemd's have about 130. */
export const EVIDENCE_CURSOR_BYTES_MAX = 1_024;
/** Bans that one turn of expiry ends: 10,000 take about 50 ms. */
export const EXPIRE_BANS_MAX = 10_000;
/** Operators' unbans that are remembered for the warm-up of a later start. */
export const PARDONS_MAX = 10_000;
/** `ignoreip` words and list lines together, and addresses that they may become. */
export const ALLOW_PREFIXES_MAX = 100_000;
/** Addresses of one DNS name that are taken; a round-robin name has a dozen. */
export const ALLOW_NAME_ADDRESSES_MAX = 64;
/** Size of one `file:` list, bytes. */
export const ALLOW_FILE_BYTES_MAX = 8 * 1024 * 1024;
/**
 * Largest file about the host (routes, resolvers) that is read, characters; a full IPv4 routing
 * table is not a mail server's.
 */
export const ALLOW_HOST_FILE_CHARS_MAX = 4 * 1024 * 1024;
/** Names that are resolved at the same time; each holds one of libuv's four threads. */
export const ALLOW_DNS_PARALLEL_MAX = 2;
/** Login sessions that the lockout guard looks at. */
export const ALLOW_SESSIONS_MAX = 256;
/** Output of loginctl that is read, bytes. */
export const ALLOW_LOGIND_BYTES_MAX = 1024 * 1024;
/** Cursors kept with a ban as evidence. */
export const EVIDENCE_CURSORS_MAX = 10;
/** Log lines per second; the rest is summed in one line, so a storm does not log a storm. */
export const LOG_LINES_PER_SECOND_MAX = 200;
/** Sessions (`<F-MLFID>`) that one jail keeps open; fail2ban has 100. */
export const SESSIONS_MAX = 10_000;
/**
 * Longest text that names a session, with its boot id: `host ident[pid]: ` is far shorter; a longer
 * one is not remembered.
 */
export const SESSION_KEY_CHARS_MAX = 1_024;
/** Users kept of one session; that there is more than one is what matters. */
export const SESSION_USERS_MAX = 8;
/** Outputs with an unfinished line that an export stream remembers; the oldest goes first. */
export const BROKEN_OUTPUTS_MAX = 1_000;
/**
 * Bytes of an object of Docker's `json-file` from which on its text may be a part of a longer line:
 * Docker breaks lines at 16 KiB, and an object is no shorter than its text.
 */
export const RUNTIME_PART_BYTES_MIN = 16_000;
/** Streams with an unfinished line that are remembered of one file of a container runtime. */
export const RUNTIME_STREAMS_MAX = 64;
/** Entries of other streams that are passed by, looking back for a runtime's part of a line. */
export const RUNTIME_LOOK_BACK_MAX = 32;
/**
 * Addresses of which one jail remembers the attempts it counted (`<F-WITNESS>`, `<F-SUM>`); the
 * longest silent goes first.
 */
export const TALLY_ADDRESSES_MAX = 10_000;
/** Attempts remembered of one address: twenty connections with a dozen each. */
export const TALLY_ATTEMPTS_MAX = 256;
/** Attempts remembered of all addresses of one jail, about 200 bytes each. */
export const TALLY_ALL_ATTEMPTS_MAX = 50_000;
/** Connections (`<F-OPENED>`) remembered of one address; Postfix lets a client have 50. */
export const TALLY_SESSIONS_MAX = 64;
/**
 * Characters of a user by which two lines of one attempt are told to be the same: Dovecot shows 80,
 * Postfix 100.
 */
export const TALLY_USER_CHARS_MAX = 80;
/**
 * Stores of one kind that a server may ask in turn; more lines about one attempt come from a second
 * connection.
 */
export const TALLY_TELLINGS_MAX = 3;
/** Addresses in a row that show each attempt told several times, before it is believed. */
export const TALLY_TELLINGS_PROOFS = 3;
/** Sessions whose trouble is remembered: ten times as many as Postfix runs smtpd processes. */
export const TALLY_TROUBLES_MAX = 1_000;
/** Attempts remembered that a directory could not look at (`<F-UNCHECKED>`), of one jail. */
export const UNCHECKED_MAX = 1_000;
/** Witnesses in doubt that are remembered; the password stores of a server are few. */
export const TALLY_WITNESSES_MAX = 16;
/**
 * For IPv6 a failure of any address of the same network will do: Dovecot's penalty is for 48 bits
 * (`PENALTY_IPV6_MASK_BITS`), so one address lets others wait.
 */
export const TALLY_NETWORK_BITS = 48;
/** Such networks whose last failure is remembered. */
export const TALLY_NETWORKS_MAX = 1_000;
/** Lines of a multi-line filter's window; every line searches the whole window. */
export const MAXLINES_MAX = 20;
/** Least `linelimit` of a filter, bytes: no daemon cuts shorter than syslog's first transports. */
export const LINELIMIT_MIN = 80;
/** Up to so many changes the resident nft is quicker than a fresh one (measured: 100-150). */
export const RESIDENT_CHANGES_MAX = 100;
/** Changes of one nft transaction; 111,000 were measured at 0.5 s. */
export const NFT_BATCH_CHANGES_MAX = 200_000;
/**
 * New bans that go to the kernel in one transaction with the rules. Of more, so many follow the
 * rules first, and then the rest.
 */
export const NFT_FIRST_CHANGES_MAX = 10_000;
/** Bans that come back in one transaction with the rules: the resident nft's share. */
export const NFT_URGENT_BANS_MAX = 200;
/**
 * Transactions of one bisection; what is still undecided then is refused whole. 4,096 take about 3
 * s in the resident child.
 */
export const NFT_BISECT_BATCHES_MAX = 4_096;
/** Bytes sent to one nft child before it is replaced: its line editor keeps every line. */
export const NFT_RESIDENT_BYTES_MAX = 8 * 1024 * 1024;
/** Calls of `apply` that may wait for one under way; more is a caller that does not wait, a bug. */
export const NFT_WAITING_CALLS_MAX = 100_000;
/**
 * Comment of a table, bytes with the zero behind it: what is longer, nft does not read back from a
 * saved ruleset.
 */
export const NFT_COMMENT_BYTES_MAX = 128;
/** Batches that the recording backend of a dry run remembers; the oldest go first. */
export const NFT_RECORDED_BATCHES_MAX = 1_000;
/**
 * Repairs of the tables within 10 s before each further one waits 1 s and more: another program
 * that keeps flushing must not make us spin.
 */
export const DRIFT_REPAIRS_BURST_MAX = 20;
/** Output of an nft child that is kept, bytes, when it is only read for errors. */
export const NFT_ERROR_BYTES_MAX = 65_536;
/** Output of `nft -j list`, bytes: 100,000 elements are 6.6 MB. */
export const NFT_LIST_BYTES_MAX = 256 * 1024 * 1024;
/**
 * Events kept for readers that come back (`since`): about 300 bytes each; an hour of three failures
 * per second.
 */
export const EVENTS_KEPT_MAX = 10_000;
/** Characters of a value that is set live; a regex of a filter stays under it. */
export const LIVE_VALUE_CHARS_MAX = 8_192;
/** Entries that one probe looks at for lines that no jail reads: some 50 ms of its own thread. */
export const PROBE_ENTRIES_MAX = 20_000;
/** Entries with the words of a filter, none of which passes its prefregex, before it is told. */
export const PREFIX_MISSES_MIN = 10;
/** Entries that a probe counts behind the reader; more is told as "at least". */
export const PROBE_LAG_ENTRIES_MAX = 100_000;
/** Units and identifiers with failures that no jail reads, told of one jail. */
export const PROBE_ORIGINS_MAX = 5;
/** Origins of all probes that are remembered for an hour, and suppressed units. */
export const COVERAGE_REMEMBERED_MAX = 200;
/** Entries of one microsecond are looked through for the one of a cursor, and no more. */
export const CURSOR_NEIGHBOURS_MAX = 64;
/**
 * Looks of the probe from one renewal of a reader that stays behind to the next; it doubles up to
 * here, about an hour.
 */
export const PROBE_RENEWAL_LOOKS_MAX = 64;
/** Size of one configuration or filter file, bytes. */
export const INI_FILE_BYTES_MAX = 1024 * 1024;
/** Depth of `[INCLUDES]` and of interpolation. */
export const INI_DEPTH_MAX = 16;
/**
 * Length of one value after interpolation, characters; the largest stock filter has 20,000. Stops
 * doubling definitions.
 */
export const INI_VALUE_CHARS_MAX = 250_000;
/** Times that one tag may be replaced in one value; fail2ban's own bound, a cycle exceeds it. */
export const INI_TAG_USES_MAX = 25;
/** Files that one configuration or filter may draw in through `[INCLUDES]` and `.d` folders. */
export const INI_FILES_MAX = 500;
/** Problems that are collected before the rest is only counted. */
export const INI_DIAGNOSTICS_MAX = 1_000;
/** Characters of one regex after its tags are expanded; the longest stock one has about 3,000. */
export const REGEX_CHARS_MAX = 65_536;
/** Groups within groups of one regex; parser and compilers recurse this deep. */
export const REGEX_DEPTH_MAX = 100;
/**
 * Instructions of one regex in the linear matcher; `{1,1000}` is written out, and each costs memory
 * per character of the text.
 */
export const REGEX_INSTRUCTIONS_MAX = 20_000;
/**
 * Steps of the linear matcher where a back-reference forbids to remember failures; then the text
 * counts as no match. About 10 ms.
 */
export const REGEX_BACKTRACK_STEPS_MAX = 500_000;
/** Added to these steps for each character: what a long text takes without any going back. */
export const REGEX_BACKTRACK_STEPS_PER_CHAR = 32;
/** Groups that conditionals of one regex test; each doubles the memory of the linear matcher. */
export const REGEX_CONDITIONS_MAX = 6;
/**
 * Memory of one match in the linear matcher, words of 32 bits (64 MiB); a text that needs more
 * counts as no match.
 */
export const REGEX_MEMORY_WORDS_MAX = 1 << 24;
/**
 * Characters and sets in the body of a loop that is judged by whether it is ambiguous: their number
 * is squared.
 */
export const REGEX_LOOP_STATES_MAX = 80;
/**
 * Files that one text source follows at the same time; each holds a descriptor (systemd gives a
 * service 1,024 soft).
 */
export const TEXT_FILES_MAX = 512;
/** Bytes of a text file that one turn reads before the others have theirs. */
export const TEXT_TURN_BYTES = 1024 * 1024;
/**
 * Bytes before a place in a text file that prove it is still the same file: more than a log line's
 * date.
 */
export const TEXT_PROOF_BYTES = 256;
/** Bytes of a text file that are looked through for a date when a time is sought. */
export const TEXT_SEEK_BYTES = 64 * 1024;
/** Names of one folder that a glob or the search for rotated files looks at. */
export const TEXT_FOLDER_NAMES_MAX = 10_000;
/** Hosts whose journals one directory may hold: each costs two descriptors and about 40 KiB. */
export const REMOTE_HOSTS_MAX = 400;
/** Bytes of a host's name that are kept. */
export const HOST_CHARS_MAX = 255;
/** Places of ended streams (rotated files, vanished hosts) that a position remembers. */
export const ENDED_PLACES_MAX = 64;
/**
 * Values of one field that a glob is expanded over, for a look at whether there is any such entry:
 * with more, some 20,000 entries are looked through instead.
 */
export const GLOB_VALUES_MAX = 10_000;
/** Processes of ignorecommands at once. */
export const IGNORE_COMMANDS_PARALLEL_MAX = 8;
/** What an ignorecommand writes to its standard error and is kept for the log, bytes. */
export const IGNORE_COMMAND_BYTES_MAX = 1_024;
/** Answers of ignorecommands that are remembered; the oldest go first. */
export const IGNORE_ANSWERS_MAX = 1_000;
/**
 * Batches of the newest entries that are judged between two of the stored ones: these go on even in
 * a storm.
 */
export const EDGE_BATCHES_MAX = 4;
