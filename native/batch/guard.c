/*
 * abort(3) may be left by siglongjmp from a handler of SIGABRT (POSIX: "if the signal is being
 * caught, and the signal handler does not return"); glibc allows for it. Outside of a guarded call
 * the signals do what they did before.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>

#include "guard.h"

static const int signals[] = { SIGABRT, SIGBUS };
static struct sigaction before[sizeof(signals) / sizeof(signals[0])];
static pthread_once_t once = PTHREAD_ONCE_INIT;
static atomic_uint landings;
static _Thread_local sigjmp_buf *volatile landing;

static void land(int signal) {
        if (landing && atomic_fetch_add(&landings, 1u) < BANJOUR_LANDINGS_MAX)
                siglongjmp(*landing, 1);
        /* Not ours: abort(3) goes on, and so does what made the fault, under the old action. */
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                if (signals[i] == signal)
                        sigaction(signal, &before[i], NULL);
}

static void install(void) {
        struct sigaction action = { .sa_handler = land, .sa_flags = SA_NODEFER };
        sigemptyset(&action.sa_mask);
        for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
                sigaction(signals[i], &action, &before[i]);
}

int banjour_guarded(int (*call)(void *), void *argument) {
        sigjmp_buf here;
        pthread_once(&once, install);
        if (sigsetjmp(here, 0) != 0) {
                landing = NULL;
                return BANJOUR_ABORTED;
        }
        landing = &here;
        int result = call(argument);
        landing = NULL;
        return result;
}

/* The arguments of any of the calls below. */
struct arguments {
        sd_journal *journal;
        sd_journal **opened;
        const char *text;
        const char **texts;
        int *descriptors;
        unsigned count;
        int flags;
        const void **data;
        size_t *length;
        char **cursor;
        uint64_t *micros;
        uint64_t *micros_to;
        sd_id128_t *id;
        uint64_t time;
};

static int unreadable(int (*call)(void *), struct arguments with) {
        int result = banjour_guarded(call, &with);
        return result == BANJOUR_ABORTED ? -EBADMSG : result;
}

/*
 * Defines banjour_NAME with these parameters as sd_journal_NAME with what is given, taken from
 * `with`, whose members are set so.
 */
#define GUARDED(name, parameters, given, ...)                            \
        static int call_##name(void *argument) {                         \
                const struct arguments *with = argument;                 \
                return sd_journal_##name given;                          \
        }                                                                \
        int banjour_##name parameters {                                  \
                return unreadable(call_##name, (struct arguments) { __VA_ARGS__ }); \
        }

GUARDED(open, (sd_journal **opened, int flags), (with->opened, with->flags), .opened = opened, .flags = flags)
GUARDED(open_namespace, (sd_journal **opened, const char *name, int flags),
        (with->opened, with->text, with->flags), .opened = opened, .text = name, .flags = flags)
GUARDED(open_directory, (sd_journal **opened, const char *path, int flags),
        (with->opened, with->text, with->flags), .opened = opened, .text = path, .flags = flags)
GUARDED(open_files, (sd_journal **opened, const char **paths, int flags),
        (with->opened, with->texts, with->flags), .opened = opened, .texts = paths, .flags = flags)
GUARDED(open_files_fd, (sd_journal **opened, int descriptors[], unsigned count, int flags),
        (with->opened, with->descriptors, with->count, with->flags),
        .opened = opened, .descriptors = descriptors, .count = count, .flags = flags)
GUARDED(seek_head, (sd_journal *journal), (with->journal), .journal = journal)
GUARDED(seek_tail, (sd_journal *journal), (with->journal), .journal = journal)
GUARDED(seek_realtime_usec, (sd_journal *journal, uint64_t time), (with->journal, with->time), .journal = journal, .time = time)
GUARDED(seek_cursor, (sd_journal *journal, const char *cursor), (with->journal, with->text), .journal = journal, .text = cursor)
GUARDED(next, (sd_journal *journal), (with->journal), .journal = journal)
GUARDED(previous, (sd_journal *journal), (with->journal), .journal = journal)
GUARDED(get_cursor, (sd_journal *journal, char **cursor), (with->journal, with->cursor), .journal = journal, .cursor = cursor)
GUARDED(test_cursor, (sd_journal *journal, const char *cursor), (with->journal, with->text), .journal = journal, .text = cursor)
GUARDED(get_realtime_usec, (sd_journal *journal, uint64_t *micros), (with->journal, with->micros), .journal = journal, .micros = micros)
GUARDED(get_monotonic_usec, (sd_journal *journal, uint64_t *micros, sd_id128_t *boot),
        (with->journal, with->micros, with->id), .journal = journal, .micros = micros, .id = boot)
GUARDED(get_cutoff_realtime_usec, (sd_journal *journal, uint64_t *from, uint64_t *to),
        (with->journal, with->micros, with->micros_to), .journal = journal, .micros = from, .micros_to = to)
GUARDED(get_data, (sd_journal *journal, const char *field, const void **data, size_t *length),
        (with->journal, with->text, with->data, with->length),
        .journal = journal, .text = field, .data = data, .length = length)
GUARDED(enumerate_available_data, (sd_journal *journal, const void **data, size_t *length),
        (with->journal, with->data, with->length), .journal = journal, .data = data, .length = length)
GUARDED(enumerate_available_unique, (sd_journal *journal, const void **data, size_t *length),
        (with->journal, with->data, with->length), .journal = journal, .data = data, .length = length)
GUARDED(get_fd, (sd_journal *journal), (with->journal), .journal = journal)
GUARDED(process, (sd_journal *journal), (with->journal), .journal = journal)
GUARDED(get_usage, (sd_journal *journal, uint64_t *bytes), (with->journal, with->micros), .journal = journal, .micros = bytes)
