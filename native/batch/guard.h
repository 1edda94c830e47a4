/*
 * Calls of libsystemd that a damaged file can end in abort(3), e.g. by an assertion of its
 * decompressors (systemd 252), or in SIGBUS, where a file was cut short under its mapping. Within a
 * guarded call both come back as an errno.
 */
#ifndef BANJOUR_GUARD_H
#define BANJOUR_GUARD_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

/*
 * What a guarded call returns that did not come to its end: no errno of libsystemd
 * (ENOTRECOVERABLE). What it had allocated is lost, so a process does this at most
 * BANJOUR_LANDINGS_MAX times; then it ends as it would have.
 */
#define BANJOUR_ABORTED (-131)
#define BANJOUR_LANDINGS_MAX 100u

/*
 * Runs the call. It must leave no lock behind where it may end early, and no half of something of
 * its own.
 */
int banjour_guarded(int (*call)(void *), void *argument);

/*
 * The calls of libsystemd that look into files, guarded: sd_journal_NAME is banjour_NAME. A call
 * that did not come to its end says EBADMSG. What only sets or forgets something in the handle is
 * not here.
 */
int banjour_open(sd_journal **opened, int flags);
int banjour_open_namespace(sd_journal **opened, const char *name, int flags);
int banjour_open_directory(sd_journal **opened, const char *path, int flags);
int banjour_open_files(sd_journal **opened, const char **paths, int flags);
int banjour_open_files_fd(sd_journal **opened, int descriptors[], unsigned count, int flags);
int banjour_seek_head(sd_journal *journal);
int banjour_seek_tail(sd_journal *journal);
int banjour_seek_realtime_usec(sd_journal *journal, uint64_t time);
int banjour_seek_cursor(sd_journal *journal, const char *cursor);
int banjour_next(sd_journal *journal);
int banjour_previous(sd_journal *journal);
int banjour_get_cursor(sd_journal *journal, char **cursor);
int banjour_test_cursor(sd_journal *journal, const char *cursor);
int banjour_get_realtime_usec(sd_journal *journal, uint64_t *micros);
int banjour_get_monotonic_usec(sd_journal *journal, uint64_t *micros, sd_id128_t *boot);
int banjour_get_cutoff_realtime_usec(sd_journal *journal, uint64_t *from, uint64_t *to);
int banjour_get_data(sd_journal *journal, const char *field, const void **data, size_t *length);
int banjour_enumerate_available_data(sd_journal *journal, const void **data, size_t *length);
int banjour_enumerate_available_unique(sd_journal *journal, const void **data, size_t *length);
int banjour_get_fd(sd_journal *journal);
int banjour_process(sd_journal *journal);
int banjour_get_usage(sd_journal *journal, uint64_t *bytes);

#endif
