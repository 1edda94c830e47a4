/* abort(3) may be left by siglongjmp from a handler of SIGABRT (POSIX: "if the signal is being caught, and the signal handler
 * does not return"); glibc allows for it. Outside of a guarded call the signals do what they did before. */
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
        const char *text;
        const void **data;
        size_t *length;
        char **cursor;
        uint64_t *micros;
};

static int next(void *argument) {
        return sd_journal_next(((struct arguments *) argument)->journal);
}

static int previous(void *argument) {
        return sd_journal_previous(((struct arguments *) argument)->journal);
}

static int get_cursor(void *argument) {
        struct arguments *with = argument;
        return sd_journal_get_cursor(with->journal, with->cursor);
}

static int get_realtime(void *argument) {
        struct arguments *with = argument;
        return sd_journal_get_realtime_usec(with->journal, with->micros);
}

static int test_cursor(void *argument) {
        struct arguments *with = argument;
        return sd_journal_test_cursor(with->journal, with->text);
}

static int get_data(void *argument) {
        struct arguments *with = argument;
        return sd_journal_get_data(with->journal, with->text, with->data, with->length);
}

static int enumerate_data(void *argument) {
        struct arguments *with = argument;
        return sd_journal_enumerate_available_data(with->journal, with->data, with->length);
}

static int enumerate_unique(void *argument) {
        struct arguments *with = argument;
        return sd_journal_enumerate_available_unique(with->journal, with->data, with->length);
}

static int unreadable(int (*call)(void *), struct arguments with) {
        int result = banjour_guarded(call, &with);
        return result == BANJOUR_ABORTED ? -EBADMSG : result;
}

int banjour_next(sd_journal *journal) {
        return unreadable(next, (struct arguments) { .journal = journal });
}

int banjour_previous(sd_journal *journal) {
        return unreadable(previous, (struct arguments) { .journal = journal });
}

int banjour_get_cursor(sd_journal *journal, char **cursor) {
        return unreadable(get_cursor, (struct arguments) { .journal = journal, .cursor = cursor });
}

int banjour_get_realtime(sd_journal *journal, uint64_t *micros) {
        return unreadable(get_realtime, (struct arguments) { .journal = journal, .micros = micros });
}

int banjour_test_cursor(sd_journal *journal, const char *cursor) {
        return unreadable(test_cursor, (struct arguments) { .journal = journal, .text = cursor });
}

int banjour_get_data(sd_journal *journal, const char *field, const void **data, size_t *length) {
        return unreadable(get_data, (struct arguments) { .journal = journal, .text = field, .data = data, .length = length });
}

int banjour_enumerate_data(sd_journal *journal, const void **data, size_t *length) {
        return unreadable(enumerate_data, (struct arguments) { .journal = journal, .data = data, .length = length });
}

int banjour_enumerate_unique(sd_journal *journal, const void **data, size_t *length) {
        return unreadable(enumerate_unique, (struct arguments) { .journal = journal, .data = data, .length = length });
}
