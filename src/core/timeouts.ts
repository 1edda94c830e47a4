/**
 * Every length of time that bounds something, with its unit in its name and its reason; the bounds
 * of size and number stand in `limits.ts` and `service-limits.ts`.
 */

/**
 * Processor time that the regexes of one guarded batch may take before the culprit is demoted to
 * the linear matcher, ms.
 */
export const REGEX_GUARD_MS = 50;
/**
 * Processor time for one entry whose regexes run in the linear matcher already, ms; what is not
 * done then is given up and counted.
 */
export const REGEX_LINEAR_GUARD_MS = 500;
/**
 * While others have the processor, the wall's time for such a limit is doubled until it is as long
 * as this, ms: with a thirtieth of a processor a batch has had its limit by then, and the reader
 * still answers its heartbeat in time.
 */
export const REGEX_WAIT_MS_MAX = 1_600;
/**
 * A reader judges entries for so long at a time, ms, and then looks whether it was asked something:
 * lines that are slow each must not add up to a reader that is taken for hung.
 */
export const JUDGE_PART_MS = 500;
/** A login of the same user from the same network is not written again within so many seconds. */
export const LOGIN_REPEAT_SECONDS = 6 * 3600;
/**
 * After so long one more new address is vouched for by the same user, seconds: a phone that gets
 * one after the other has its own, and one mailbox cannot fill the tables.
 */
export const NEW_PLACE_SECONDS = 3600;
/**
 * A wrong password that the same user tries again from the same network says nothing new for so
 * long; for so long the ledger keeps digests.
 */
export const DIGEST_SECONDS = 86_400;
/**
 * A name that nobody logs in with is looked for once in so long although others tried it, seconds:
 * the mailbox may be new.
 */
export const DEAD_NAME_REST_SECONDS = 7 * 86_400;
/**
 * A name that nobody logs in with is looked at when it comes again so soon after it was refused,
 * seconds, once a day from each network: whoever mistyped the password of a new mailbox.
 */
export const TRIED_AGAIN_SECONDS = 900;
/**
 * A shared address at which strangers guess serves strangers again so long after the last guess,
 * seconds; ten and more guesses make it days.
 */
export const SHARED_REOPEN_SECONDS = 3_600;
/**
 * Longest ban of an address that several users log in from, by evidence; and where the failures are
 * slow: a longer one stops a guess or two, and shuts all of them out.
 */
export const SHARED_BAN_SECONDS_MAX = 3600;
export const SHARED_SLOW_BAN_SECONDS_MAX = 300;
/**
 * Failures of an address for one name that lie no further apart are those of one device, seconds:
 * servers answer a wrong password after two.
 */
export const STORM_SECONDS = 2;
/** The first ban for such a storm: the jail's by this, but no shorter and no longer than these. */
export const STORM_BAN_PART = 12;
export const STORM_BAN_SECONDS_MIN = 300;
export const STORM_BAN_SECONDS_MAX = 3600;
export const PHONE_PAUSE_SECONDS = 120;
/**
 * Latest time of an entry, microseconds: the year 2200. A ban of any length after it is still a
 * whole number in a double.
 */
export const ENTRY_MICROS_MAX = 7_258_118_400_000_000;
/**
 * While the agent starts, systemd is told this often, ms, that it may take so much longer,
 * microseconds: many bans on a busy host take longer than `TimeoutStartSec`, and a start that is
 * cut off begins anew.
 */
export const START_EXTENSION_MS = 15_000;
export const START_EXTENSION_MICROS = 60_000_000;
/** A start that takes longer than this hangs, and systemd may end it, ms. */
export const START_MS_MAX = 900_000;
/**
 * A source that cannot be read is tried again after this, then after twice as long, ms: most come
 * within a boot.
 */
export const SOURCE_RETRY_MS_MIN = 500;
/**
 * At last it is tried again this often, ms: a container that is started later is seen to soon, and
 * a try costs a thread.
 */
export const SOURCE_RETRY_MS_MAX = 15_000;
/**
 * An entry or a stored position that is further ahead of the wall than this is dated by a wrong
 * clock, seconds: NTP keeps hosts within one.
 */
export const AHEAD_SECONDS_MAX = 60;
/**
 * A line of a text log that was just written carries a date that is at most this far off, seconds.
 * Beyond it the clock that wrote it has another zone, or somebody made the date up.
 */
export const TEXT_DATE_OFF_SECONDS_MAX = 60;
/**
 * Longest temporary ban, seconds (100 years): an incremented ban time must stay a date that
 * everybody can print.
 */
export const BAN_SECONDS_MAX = 100 * 366 * 86_400;
/**
 * First and longest pause between two tries to write such a ledger, ms: each may write all of it in
 * vain.
 */
export const LEDGER_SAVE_MS_MIN = 2_000;
export const LEDGER_SAVE_MS_MAX = 30_000;
/**
 * A disk that puts the ledger's write-ahead log into its file within this is quick, ms: bans may
 * wait for it.
 */
export const LEDGER_QUICK_DISK_MS = 100;
/** A disk that takes longer for it hangs, ms. */
export const LEDGER_CHECKPOINT_DEADLINE_MS = 3_600_000;
/** Time for the resolution of one name, ms; the last good answer serves meanwhile. */
export const ALLOW_DNS_DEADLINE_MS = 5_000;
/**
 * Time between two looks at what is cheap to see: own addresses, routes, resolvers, list files, ms.
 */
export const ALLOW_LOOK_MS = 5_000;
/** Time between two resolutions of names and questions to logind, ms. */
export const ALLOW_REFRESH_MS = 60_000;
/** Time for one question to logind, ms. */
export const ALLOW_LOGIND_DEADLINE_MS = 5_000;
/** A session without a line for this long is forgotten, in journal time, seconds. */
export const SESSION_IDLE_SECONDS = 300;
/**
 * An attempt is remembered for this long, and an address without a line, seconds: Dovecot hangs up
 * on silent clients after 3 min, but an attacker can keep one connection busy.
 */
export const TALLY_SECONDS = 3_600;
/**
 * Two witnesses tell of the same attempt at most this far apart, seconds. PAM waits 1 to 3 s before
 * it answers Dovecot.
 */
export const TALLY_SAME_SECONDS = 15;
/**
 * A witness tells of the same user and session again within this long: several stores of one kind
 * were asked. Between two guesses of a connection Dovecot lets at least 1 s pass
 * (`auth_failure_delay = 2 secs`, counted in whole seconds).
 */
export const TALLY_REPEAT_SECONDS = 0.9;
/**
 * A witness that tells each attempt several times does so within this long, seconds: on a busy host
 * Dovecot lets the second store wait for a worker for up to 60 s.
 */
export const TALLY_TELLINGS_SECONDS = 60;
/**
 * The second of two stores of PAM is asked by the same process as soon as PAM has waited for the
 * first, 1 to 3 s; no client that waits for its answer guesses again so soon, seconds.
 */
export const TALLY_PAIR_SECONDS = 3.5;
/** PAM's least wait: lines that end sooner, and then silence, were no pairs, seconds. */
export const TALLY_PAIR_LEAST_SECONDS = 0.9;
/**
 * A reported failure waits so long for its log line, and a line for its report, seconds: an
 * attacker can keep one connection open.
 */
export const REPORTED_SECONDS = 3_600;
/**
 * A sum says in whole seconds how far it reaches back; PAM's own line may come a little before,
 * seconds.
 */
export const TALLY_SLACK_SECONDS = 2;
/**
 * A witness's line may come this much after the sum: the processes of a daemon log by pipes of
 * their own, seconds.
 */
export const TALLY_LATE_SECONDS = 1;
/**
 * The next failure of a session, this soon after the server's own trouble (`<F-TROUBLE>`), is not
 * the client's, seconds: Postfix logs both in the same moment.
 */
export const TALLY_TROUBLE_SECONDS = 1;
/**
 * An attempt that another jail counted is told by its witness at most this much later, seconds: on
 * a busy host Dovecot lets it wait for a worker for up to 60 s (`AUTH_WORKER_LOOKUP_TIMEOUT_SECS`),
 * long after Postfix gave up.
 */
export const TALLY_ELSEWHERE_SECONDS = 60;
/**
 * An attempt that may be another jail's, or no failure at all, waits this long for the line that
 * decides, seconds. Postfix gives up asking after 10 s.
 */
export const TALLY_WAIT_SECONDS = 12;
/**
 * A failure and a login of the same user this close are one attempt at two password stores,
 * seconds. After a real failure Dovecot waits 2 s and, before it looks at the next password, 2 s
 * more; PAM waits at most 3 s.
 */
export const TALLY_CONTRADICTION_SECONDS = 3.5;
/** A witness that was contradicted is in doubt for this long, seconds. */
export const TALLY_DOUBT_SECONDS = 3_600;
/**
 * So long after a directory could not look at a password (`<F-UNCHECKED>`) other modules' lines
 * wait for its next one, seconds: sssd tries again after 60 s, and then ever less often.
 */
export const UNCHECKED_OUTAGE_SECONDS = 600;
/**
 * An unsure line (`<F-UNSURE>`) counts for an address whose last failure is at most this old,
 * seconds.
 */
export const TALLY_UNSURE_SECONDS = 600;
/**
 * ... and only when its connection was silent this long, seconds: Postfix waits 10 s for an answer,
 * and of a Dovecot that was stopped it hears at once.
 */
export const TALLY_UNSURE_QUIET_SECONDS = 9;
/**
 * Deadline of `ss -K` for one banned host, ms: it walks all sockets of the host, 100,000 take well
 * under a second.
 */
export const SS_DEADLINE_MS = 5_000;
/** Looks at a netlink doorbell that signals, ms: only for a signal that was lost. */
export const DOORBELL_CHECK_MS = 5_000;
/**
 * Looks at a netlink doorbell that cannot signal, ms: part of the 250 ms in which a flushed table
 * is back; one look costs about 5 us.
 */
export const DOORBELL_POLL_MS = 20;
/** Deadline of one transaction in the resident child, ms. */
export const NFT_RESIDENT_DEADLINE_MS = 2_000;
/** Deadline of a fresh nft child, ms: 200,000 changes take about 1 s. */
export const NFT_FRESH_DEADLINE_MS = 30_000;
/**
 * How far the kernel's end of a ban may lie behind the wanted one, ms: a timeout counts from when
 * the kernel carries the transaction out, seconds after it was reckoned where 200,000 are sent on a
 * busy machine, and no later than the deadline of a fresh nft child.
 */
export const NFT_LATE_MS = 30_000;
/**
 * Longest timeout of a ban that is sent, seconds (63 years): nft 1.0.6 reads it as a signed 32-bit
 * number.
 */
export const NFT_TIMEOUT_SECONDS_MAX = 2_000_000_000;
/**
 * Calls of the firewall that stand still for so long are stuck for good, ms: every child process
 * ends by its deadline, so twice the longest.
 */
export const NFT_STUCK_MS = 60_000;
/** Journal read back before the cursor at start, beyond the longest findtime, seconds. */
export const WARMUP_SECONDS_MIN = 300;
/** Silence of the agent after which a command gives its question up, ms. */
export const CONTROL_ANSWER_MS_MAX = 60_000;
/** Time within which a client must have sent its request, ms. */
export const CONTROL_REQUEST_MS_MAX = 5_000;
/**
 * A mail server's login is served when the agent has not said what it knows after this, ms: it
 * waits for us at most 500 ms, as the example has it.
 */
export const POLICY_ANSWER_MS_MAX = 200;
/** Reports of mail servers are taken for so long at a time, ms: who asks meanwhile is answered. */
export const POLICY_REPORTS_PART_MS = 3;
/** Time for the body of a mail server's request, once its head is there, ms. */
export const POLICY_BODY_MS_MAX = 1_000;
/** A mail server's silent connection ends after so long, ms: Dovecot ends it after 10 s. */
export const POLICY_IDLE_MS_MAX = 15_000;
/** Longest wait that a login is told, seconds: mail clients give up after 30 to 60. */
export const POLICY_DELAY_SECONDS_MAX = 30;
/**
 * ... and through Postfix, seconds: it gives up after ten, and a wrong password is answered up to
 * five late (by Dovecot and by PAM).
 */
export const POLICY_SMTP_DELAY_SECONDS_MAX = 4;
/** A kept connection of policy.sock ends when it was silent for so long, ms. */
export const CONTROL_IDLE_MS_MAX = 60_000;
/** A client that takes nothing of its answer for so long is cut off, ms. */
export const CONTROL_STALL_MS_MAX = 15_000;
/** Time for one probe, ms; one that takes longer is ended and tried again a minute later. */
export const PROBE_DEADLINE_MS = 20_000;
/**
 * So long after its start an agent looks for jails that see nothing, ms, though its readers are
 * still busy with stored entries: until then they need the processor more.
 */
export const PROBE_FIRST_MS_MAX = 60_000;
/**
 * How long an import waits for `doveconf` and `postconf` to say where they log to, milliseconds;
 * they answer within 50.
 */
export const IMPORT_ASK_MS = 3_000;
/** Time within which a client of that port must have sent its request, ms. */
export const METRICS_REQUEST_MS_MAX = 2_000;
/**
 * First and longest pause before a part of the companion that could not start is tried again, ms: a
 * port is free, a file is there soon after somebody saw to it.
 */
export const COMPANION_RETRY_MS_MIN = 1_000;
export const COMPANION_RETRY_MS_MAX = 60_000;
/** Time for a part to start, ms: systemd waits for all of them, 90 s. */
export const COMPANION_START_MS_MAX = 20_000;
/** Time for a part to stop, ms: notify lets deliveries end for 5 s, systemd kills after 15 s. */
export const COMPANION_STOP_MS_MAX = 10_000;
/** First and longest pause before a new connection to the engine of shared bans, ms. */
export const SHARE_BACKOFF_MS_MIN = 500;
export const SHARE_BACKOFF_MS_MAX = 15_000;
/** Time for an answer of it; a list of 200,000 takes a while, ms. */
export const SHARE_ANSWER_MS_MAX = 10_000;
export const SHARE_LIST_MS_MAX = 60_000;
/** First and longest pause after a failed delivery, ms. */
export const NOTIFY_BACKOFF_MS_MIN = 1_000;
export const NOTIFY_BACKOFF_MS_MAX = 300_000;
/**
 * A ban that could not be told for so long is dropped and counted, seconds: news of yesterday help
 * nobody.
 */
export const NOTIFY_AGE_SECONDS_MAX = 86_400;
/** Time for one delivery: mail, webhook or program, ms. */
export const NOTIFY_DEADLINE_MS = 30_000;
/** Longest wait that a receiver may ask for, seconds. */
export const NOTIFY_RETRY_AFTER_SECONDS_MAX = 3_600;
/** Time for all whois questions about one address, ms; fail2ban waits up to 60 s. */
export const WHOIS_DEADLINE_MS = 10_000;
export const WHOIS_CACHE_MS = 86_400_000;
/**
 * Time that one ignorecommand has to answer, waiting for its turn included, ms; then the ban goes
 * on.
 */
export const IGNORE_COMMAND_DEADLINE_MS = 5_000;
/**
 * Time for which an answer of an ignorecommand holds, ms: a monitoring host is banned every few
 * seconds otherwise.
 */
export const IGNORE_ANSWER_MS = 60_000;
/** Time that completion waits for the agent, ms: a person is typing. */
export const COMPLETION_MS_MAX = 200;
/**
 * Time for a program to answer during the move, ms; a stop of fail2ban with many bans takes a
 * minute and more.
 */
export const SWITCH_PROGRAM_MS_MAX = 180_000;
/**
 * Time in which fail2ban has to have all of its bans in force again when the move is taken back,
 * ms.
 */
export const SWITCH_RETURN_MS_MAX = 90_000;
/**
 * Longest `sleep` of fail2ban's grammar, s: a number with too many digits must not hold a script
 * for ever, or overflow the timer.
 */
export const SLEEP_SECONDS_MAX = 3_600;
/**
 * Stored entries may be read for so long before the newest are judged beside them, ms: a small host
 * has read all by then.
 */
export const EDGE_AFTER_MS = 150;
/**
 * The newest entries begin so long ago, seconds: longer than most connections last, whose lines
 * belong together.
 */
export const EDGE_SECONDS = 300;
/**
 * After a restart they begin so long before the place that was read to, seconds: most lines that
 * belong together come within it, and of the failures of a large attack there are some 2,000.
 */
export const EDGE_BEFORE_MARK_SECONDS = 5;
/** The ledger keeps hourly counters and alarms for so long, seconds: two months, to compare. */
export const HOURLY_SECONDS = 62 * 86_400;
/** The figures of a report must be there after so long, ms: a full ledger takes 10 s of a core. */
export const FIGURES_DEADLINE_MS = 55_000;
/** Time for a browser to send a request, head and body, ms. */
export const WEB_REQUEST_MS_MAX = 5_000;
/** A connection to the page that says nothing ends after so long, ms. */
export const WEB_IDLE_MS_MAX = 15_000;
/** A browser that takes nothing of its answer for so long is cut off, ms. */
export const WEB_STALL_MS_MAX = 15_000;
/** A link of `banjour web open` can be opened for so long, seconds. */
export const WEB_LINK_SECONDS_MAX = 300;
/** A session lasts so long, seconds: a working day. */
export const WEB_SESSION_SECONDS_MAX = 43_200;
/** An answer for the page must be there after so long, ms; figures may take 55 s. */
export const WEB_ANSWER_MS_MAX = 60_000;
