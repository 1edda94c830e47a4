/*
 * Aborts in the call of libsystemd that ABORT_IN names, as a damaged file can make it. Preloaded by
 * guard.test.ts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>

#define ABORTS(name, parameters, given)                               \
        int name parameters {                                         \
                int (*real) parameters = dlsym(RTLD_NEXT, #name);     \
                const char *wanted = getenv("ABORT_IN");              \
                if (wanted && strcmp(wanted, #name) == 0)             \
                        abort();                                      \
                return real given;                                    \
        }

ABORTS(sd_journal_open, (sd_journal **opened, int flags), (opened, flags))
ABORTS(sd_journal_open_namespace, (sd_journal **opened, const char *name, int flags), (opened, name, flags))
ABORTS(sd_journal_open_directory, (sd_journal **opened, const char *path, int flags), (opened, path, flags))
ABORTS(sd_journal_open_files, (sd_journal **opened, const char **paths, int flags), (opened, paths, flags))
ABORTS(sd_journal_open_files_fd, (sd_journal **opened, int files[], unsigned count, int flags), (opened, files, count, flags))
ABORTS(sd_journal_seek_head, (sd_journal *journal), (journal))
ABORTS(sd_journal_seek_tail, (sd_journal *journal), (journal))
ABORTS(sd_journal_seek_realtime_usec, (sd_journal *journal, uint64_t time), (journal, time))
ABORTS(sd_journal_seek_cursor, (sd_journal *journal, const char *cursor), (journal, cursor))
ABORTS(sd_journal_get_cutoff_realtime_usec, (sd_journal *journal, uint64_t *from, uint64_t *to), (journal, from, to))
ABORTS(sd_journal_get_fd, (sd_journal *journal), (journal))
ABORTS(sd_journal_process, (sd_journal *journal), (journal))
ABORTS(sd_journal_get_usage, (sd_journal *journal, uint64_t *bytes), (journal, bytes))
