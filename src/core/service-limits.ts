/**
 * The bounds of size and number of what stands around the engine: control sockets, the companion,
 * metrics and the commands.
 */

/**
 * Ended and refused bans that the ledger keeps, whatever dbpurgeage says: about 1.5 kB each with 10
 * cursors.
 */
export const HISTORY_BANS_MAX = 250_000;
/** Write-ahead log that is kept on disk after a checkpoint, bytes. */
export const LEDGER_WAL_BYTES_MAX = 16 * 1024 * 1024;
/** Changed rows after which the ledger's write-ahead log goes into its file, in a thread. */
export const LEDGER_CHECKPOINT_ROWS = 4_000;
/**
 * Pages of 4 KiB in the write-ahead log from which on the main thread takes a part in putting them
 * into the file, where the disk is quick: it is the only one that can stop writing for the moment
 * in which the log begins anew.
 */
export const LEDGER_WAL_PAGES = 4_096;
/**
 * Pages from which on the main thread does it however slow the disk is: 128 MiB, about two minutes
 * of a storm of 5,000 entries a second.
 */
export const LEDGER_WAL_PAGES_MAX = 32_768;
/**
 * Size of a ledger that is in memory because its file cannot be written, bytes: about 700,000 bans;
 * then the past is forgotten.
 */
export const LEDGER_MEMORY_BYTES_MAX = 256 * 1024 * 1024;
/**
 * Highest id that a row of the ledger can have come to: half of the safe integers, so that the next
 * ones are safe too.
 */
export const LEDGER_ID_MAX = 2 ** 52;
/** Rows of the ledger that could not be read and are kept aside; about 500 bytes each. */
export const LEDGER_ROWS_ASIDE_MAX = 10_000;
/** Rows that one answer of the history may have. */
export const HISTORY_ANSWER_ROWS_MAX = 10_000;
/** Bans of one address that `explain` shows, the newest. */
export const EXPLAIN_BANS_MAX = 20;
/** Addresses that are shown of those that attack together, and networks of a user's logins. */
export const EXPLAIN_OFFENDERS_MAX = 20;
export const EXPLAIN_CREDIT_MAX = 20;
/** Bans by several together whose offenders `explain` looks for; each reads the attempts once. */
export const EXPLAIN_JOINT_BANS_MAX = 3;
/** Alarms of a user that `explain` shows, the newest. */
export const EXPLAIN_ALARMS_MAX = 20;
/**
 * Deaths of a reader's thread that are made good; one more ends the agent, which systemd starts
 * anew: each torn down thread leaks a descriptor and a mapping per journal file.
 */
export const READER_RESTARTS_MAX = 3;
/** Batches that may wait for the kernel before their reader is held back. */
export const BATCHES_UNDER_WAY_MAX = 64;
/**
 * Entries of the first batch of a source: with filters that have judged nothing yet, a whole one
 * takes 0.3 s, and the newest entries wait for it.
 */
export const FIRST_ENTRIES_MAX = 200;
/** Output of `ss -K`, bytes: about 100 per closed socket. */
export const SS_OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
/** Characters of an answer that are collected for the pager; a longer one is printed. */
export const PAGER_CHARS_MAX = 16 * 1024 * 1024;
/** Request body on a control socket, bytes. */
export const CONTROL_REQUEST_BYTES_MAX = 1024 * 1024;
/** Clients of a control socket at once. */
export const CONTROL_CLIENTS_MAX = 64;
/**
 * Event streams of one control socket at once: half of its clients, so that a question always finds
 * room.
 */
export const CONTROL_STREAMS_MAX = 32;
/**
 * Requests per second that one control socket answers; more wait their turn, so that a flood costs
 * the flooder time.
 */
export const CONTROL_REQUESTS_PER_SECOND_MAX = 200;
/**
 * An answer that a client takes, bytes: the agent may be another program. 100,000 bans are about 30
 * MB.
 */
export const CONTROL_ANSWER_BYTES_MAX = 256 * 1024 * 1024;
/**
 * Clients of policy.sock at once, and requests per second that it answers: the companion asks twice
 * for a login, with a few connections that it keeps.
 */
export const POLICY_CLIENTS_MAX = 16;
export const POLICY_REQUESTS_PER_SECOND_MAX = 2_000;
/**
 * Connections of mail servers at once: Dovecot's auth process opens at most 100. One more takes the
 * place of the one that has been silent for longest.
 */
export const POLICY_HTTP_CLIENTS_MAX = 256;
/** Body of a mail server's request, bytes: what counts of it sums to 2 kB. */
export const POLICY_BODY_BYTES_MAX = 64 * 1024;
/** Reports that wait for the agent; the oldest go, since their log lines come. */
export const POLICY_QUEUE_MAX = 5_000;
/** Logins that waited and may be asked about once more. */
export const POLICY_DELAYED_MAX = 1_000;
/** Reports of one request. */
export const POLICY_REPORTS_MAX = 500;
/** An IPv6 address with an IPv4 address in it has 45 characters. */
export const POLICY_ADDRESS_CHARS_MAX = 64;
/** A protocol's name. */
export const POLICY_WORD_CHARS_MAX = 32;
/** Refused logins that the agent remembers, for `explain`. */
export const POLICY_REFUSALS_MAX = 1_000;
/**
 * Addresses whose reported failures are matched with log lines at once, sessions of each, and lines
 * of each that name no session.
 */
export const REPORTED_ADDRESSES_MAX = 10_000;
export const REPORTED_SESSIONS_MAX = 64;
export const REPORTED_LINES_MAX = 64;
/**
 * Clients of share.sock at once, and requests per second that it answers: the companion asks with
 * one connection at a time.
 */
export const SHARE_CLIENTS_MAX = 4;
export const SHARE_REQUESTS_PER_SECOND_MAX = 100;
/** Decisions of other hosts in one request, those that lift something among them. */
export const SHARE_DECISIONS_MAX = 1_000;
/** An address with a prefix length; and the words of a decision: origin, engine, a time. */
export const SHARE_TARGET_CHARS_MAX = 64;
export const SHARE_WORD_CHARS_MAX = 64;
/** Characters of what others call their host and their scenario; what is longer is cut. */
export const SHARE_TEXT_CHARS_MAX = 100;
/**
 * The shortest prefixes that a configuration may let other hosts ban: who has logged in from one is
 * found out by asking for each /24 and /48 in it.
 */
export const SHARE_PREFIX_MIN = { 4: 16, 6: 40 } as const;
/** Decisions that are not taken and that an answer names; the others are only counted. */
export const SHARE_REFUSALS_TOLD_MAX = 20;
/**
 * Shared bans in force that are no list's, and new ones within an hour: 10,000 may come at once,
 * and the rows of a peer without measure must not push this host's own out of the history.
 */
export const SHARE_BANS_MAX = 20_000;
export const SHARE_BANS_PER_HOUR_MAX = 30_000;
/** Addresses and prefixes of lists in force: some 100 bytes each here, as much in the kernel. */
export const SHARE_LISTS_MAX = 200_000;
/** Pairs of host and scenario that are remembered of lists. */
export const SHARE_LIST_SOURCES_MAX = 256;
/**
 * Shared bans that are written and sent at once, and elements of lists, which the ledger does not
 * have: a ban of this host waits for one such piece. A hundred bans delay it twice as long.
 */
export const SHARE_PIECE_BANS = 25;
export const SHARE_PIECE_CHANGES = 100;
/** Bans of one complete list that are remembered until it ends: some 100 bytes each. */
export const SHARE_SEEN_MAX = 100_000;
/** Elements of lists that an operator took out and that are remembered. */
export const SHARE_PARDONS_MAX = 1_000;
/** Rows of `status` that say how many bans came from which host. */
export const SHARE_STATUS_ROWS_MAX = 20;
/** What a host may be called among those that share bans, characters. */
export const SHARE_NAME_CHARS_MAX = 64;
/** Bans of other hosts that the companion knows of: some 300 bytes each. */
export const SHARE_HELD_MAX = 100_000;
/**
 * Bans in this host's name that a listing of the engine tells, some 200 bytes each. Anybody who has
 * the password can write some; beyond this only those are kept that this host has in force.
 */
export const SHARE_OWN_MAX = 100_000;
/** Lifts while nobody listened that are told; the next listing finds the others. */
export const SHARE_LIFTS_MAX = 20_000;
/** Changes that wait to be published; what is beyond is found by comparing once there is room. */
export const SHARE_QUEUE_MAX = 10_000;
/** Changes that an engine is told at once: 1,000 decisions are one alert of 0.14 s there. */
export const SHARE_PUBLISH_MAX = 500;
/** Single questions to the agent about lifted bans; more are answered by one about all bans. */
export const SHARE_ASKS_MAX = 200;
/** Entries that the stream of Valkey keeps: some 150 bytes each, days of bans. */
export const SHARE_STREAM_ENTRIES_MAX = 100_000;
/** One decision of it, bytes: 230 are usual, and a reason of a few thousand may be in it. */
export const SHARE_DECISION_BYTES_MAX = 64 * 1024;
/** Characters of a position that an engine gives, for the file of positions. */
export const SHARE_POSITION_CHARS_MAX = 64;
/** One answer of Valkey, bytes: a thousand entries with the longest names are 450,000. */
export const SHARE_REPLY_BYTES_MAX = 2 * 1024 * 1024;
/**
 * Values that its arrays announce, all of them: a thousand entries have 13,000. A refusal among
 * them takes 600 bytes here, and three of the network.
 */
export const SHARE_REPLY_VALUES_MAX = 32_000;
/** Arrays within arrays of it: new entries of a stream have four. */
export const SHARE_REPLY_DEPTH_MAX = 8;
/** Decisions of an answer of CrowdSec's LAPI, of 85 bytes at least there, and 300 here. */
export const SHARE_ANSWER_DECISIONS_MAX = 300_000;
/** An answer of CrowdSec's LAPI: 200,000 decisions of some 230 bytes. */
export const SHARE_ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** Addresses of one ban or unban request. */
export const CONTROL_TARGETS_MAX = 10_000;
/** Bytes that may wait for one reader of the event stream before it is cut off. */
export const CONTROL_STREAM_BACKLOG_BYTES_MAX = 1024 * 1024;
/** Bans of one import request: 2,000 stay well under the size of a request. */
export const CONTROL_IMPORT_BANS_MAX = 2_000;
/**
 * Length of a formula of ban times that an import reads, characters; fail2ban's own have 70. Bounds
 * the depth of brackets.
 */
export const FORMULA_CHARS_MAX = 500;
/** Lines of one class (matched, missed, ignored) that a filter report keeps for printing. */
export const REPORT_LINES_MAX = 100_000;
/** Characters of such a line. */
export const REPORT_LINE_CHARS_MAX = 2_048;
/** Matches per regex that a filter report keeps as examples. */
export const REPORT_HITS_MAX = 100;
/**
 * Addresses of logins and of bans that a what-if (`banjour replay`) remembers for its comparisons:
 * about 300 bytes each.
 */
export const WHAT_IF_ADDRESSES_MAX = 250_000;
/** Users of one address that a what-if keeps for its list of likely mistakes. */
export const WHAT_IF_USERS_MAX = 3;
/**
 * Different values of labels that the metrics have, jails and sources together; further ones are
 * counted as `other`.
 */
export const METRICS_LABEL_VALUES_MAX = 500;
/**
 * Connections to the port of the metrics at once; one more takes the place of the one that has been
 * silent for longest.
 */
export const METRICS_CLIENTS_MAX = 32;
/**
 * Bans that notify holds for one receiver; more wait in the agent's ledger. At 1.5 kB each,
 * ten receivers take 15 MB.
 */
export const NOTIFY_QUEUE_MAX = 1_000;
/** Rows of history that a follower asks for at once: some 300 kB of the agent's time. */
export const FOLLOWER_PAGE_ROWS = 200;
/** Bans of one digest mail that are told in full; the others are only listed. */
export const NOTIFY_DIGEST_FULL_MAX = 20;
/** Bans of one digest mail; what is more comes with the next. */
export const NOTIFY_DIGEST_BANS_MAX = 500;
/** Size of a file with a secret, bytes: keys and addresses are under 200. */
export const NOTIFY_SECRET_BYTES_MAX = 4_096;
/** Size of a template, bytes. */
export const NOTIFY_TEMPLATE_BYTES_MAX = 64 * 1024;
/** Answer of a webhook, and output of a program, that is read, bytes. */
export const NOTIFY_ANSWER_BYTES_MAX = 64 * 1024;
/** Characters of one log line in a mail. */
export const NOTIFY_LINE_CHARS_MAX = 1_000;
/** Answer of one whois server, bytes; registries send 2 to 8 kB. */
export const WHOIS_ANSWER_BYTES_MAX = 64 * 1024;
/** Lines of a whois answer in a mail. */
export const WHOIS_LINES_MAX = 120;
/** A line of a whois answer is cut here, characters. */
export const WHOIS_LINE_CHARS_MAX = 200;
/** Networks whose whois answer is remembered, and for how long, ms. */
export const WHOIS_CACHE_MAX = 1_000;
/** Servers that are asked for one address: the root, the registry, one more that it refers to. */
export const WHOIS_HOPS_MAX = 3;
/**
 * Values that completion offers; with more bans than this none is offered, since nobody would read
 * them.
 */
export const COMPLETION_VALUES_MAX = 2_000;
/**
 * Files and bytes of /etc/banjour that the move from fail2ban keeps, to put them back when it is
 * taken back.
 */
export const SWITCH_KEPT_FILES_MAX = 10_000;
export const SWITCH_KEPT_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Bans that fail2ban makes while others are taken over are taken over in the next of so many
 * rounds.
 */
export const SWITCH_ROUNDS_MAX = 5;
/** What a program answers during the move, bytes: a listing of 100,000 banned addresses is 4 MB. */
export const SWITCH_ANSWER_BYTES_MAX = 256 * 1024 * 1024;
/**
 * Failures and logins that `banjour advise` keeps, to judge them under many settings: about 300
 * bytes each where every one has an address of its own. Beyond it the oldest go.
 */
export const ADVISE_EVENTS_MAX = 400_000;
/** Rows of each list of a report: users, networks, likely mistakes, alarms. */
export const FIGURES_ROWS_MAX = 20;
/** Hourly counters that the ledger keeps: 62 days of 40 jails with 8 kinds each; 30 bytes a row. */
export const HOURLY_ROWS_MAX = 500_000;
/** Alarms that the ledger keeps; about 150 bytes each, 400 where the names are long. */
export const ALARMS_KEPT_MAX = 5_000;
/**
 * Connections to the page at once: 50 viewers with a stream and a question each. One more takes the
 * place of the one that has been silent for longest.
 */
export const WEB_CLIENTS_MAX = 128;
/** Event streams of the page at once. */
export const WEB_VIEWERS_MAX = 50;
/** Bytes that may wait for one viewer before it is cut off: some twenty seconds of a storm. */
export const WEB_BACKLOG_BYTES_MAX = 256 * 1024;
/** Sessions at once, and links that were not opened yet; one more takes the place of the oldest. */
export const WEB_SESSIONS_MAX = 64;
export const WEB_LINKS_MAX = 16;
/** Head of a request, bytes: browsers send under 2 kB. */
export const WEB_HEAD_BYTES_MAX = 8 * 1024;
/** Body of a change, bytes. */
export const WEB_BODY_BYTES_MAX = 16 * 1024;
/** Rows of one page of bans or history. */
export const WEB_ROWS_MAX = 200;
/** Characters of a search. */
export const WEB_SEARCH_CHARS_MAX = 256;
/** Bans that the page holds: about 400 bytes each. Of more, the oldest are left out. */
export const WEB_BANS_MAX = 200_000;
/** Files of the page together, bytes. */
export const WEB_FILES_BYTES_MAX = 4 * 1024 * 1024;
/**
 * The file by which the page knows countries, bytes: those of countries alone have 10 MB; and
 * records of it that are kept decoded, some 1 kB each.
 */
export const WEB_COUNTRY_BYTES_MAX = 64 * 1024 * 1024;
export const WEB_COUNTRY_RECORDS_MAX = 2_000;
/** Questions to the agent per second, for all viewers together, and how many may wait. */
export const WEB_QUESTIONS_PER_SECOND_MAX = 20;
export const WEB_QUESTIONS_WAITING_MAX = 64;
/** Answers of the agent that are kept for the next viewer who asks the same. */
export const WEB_ANSWERS_MAX = 64;
/** The table of `banjour advise --for-web`, bytes. */
export const WEB_WHAT_IF_BYTES_MAX = 4 * 1024 * 1024;
/**
 * Delivered entries that are remembered while journal files cannot be opened for want of
 * descriptors, so that none is delivered again when they can be; some 10 MB.
 */
export const READ_AGAIN_ENTRIES_MAX = 50_000;
/**
 * Events of a source that wait for a position behind them before what they came to is written; of
 * more the oldest is written all the same, and is written twice if it is read again; some 50 MB.
 */
export const UNSAVED_EVENTS_MAX = 100_000;
/**
 * Bans that come back before it is read what stands, those of NFT_URGENT_BANS_MAX among them: past
 * nft, some 30 ms of the main thread. Where more follow, so many are added at a time.
 */
export const NFT_RETURNING_BANS_MAX = 10_000;
/** Tries of one transaction past nft while others change the ruleset; then it is nft's. */
export const NFT_ADD_TRIES_MAX = 3;
/** All of the administrator's files that are kept for a start that finds errors in them, bytes. */
export const LAST_GOOD_BYTES_MAX = 16 * 1024 * 1024;
/** Warnings of one kind that status shows. */
export const WARNINGS_MAX = 50;
/** Bans that an import cannot take over and names; the others are only counted. */
export const IMPORT_SKIPPED_MAX = 100;
