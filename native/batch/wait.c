/* Waiting for the next entry without waking the caller at each look. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"

static uint64_t now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000u + (uint64_t) t.tv_nsec / 1000u;
}

/* Sleeps for interval microseconds. 0: slept; 1: a signal came, or something was written to the eventfd, which is read
 * empty. A descriptor that cannot be read is not asked again: it would end every sleep at once. */
static int interrupted(int *orders, uint32_t interval) {
        struct timespec pause = { (time_t) (interval / 1000000u), (long) (interval % 1000000u) * 1000 };
        struct pollfd poll = { .fd = *orders, .events = POLLIN };
        int ready = ppoll(&poll, 1, &pause, NULL);
        if (ready == 0)
                return 0;
        if (ready < 0)
                return errno == EINTR ? 1 : -errno;
        uint64_t written;
        ssize_t length = read(*orders, &written, sizeof(written));
        if (length == (ssize_t) sizeof(written) || (length < 0 && errno == EAGAIN))
                return 1;
        *orders = -1;
        return 0;
}

/* journald tells of new entries up to 250 ms late, so it is not waited for but looked at. What was read with the last
 * look of the caller counts as the first look here. */
int banjour_wait(sd_journal *journal, int orders, uint32_t interval, uint32_t most) {
        uint64_t end = now() + most;
        while (now() < end) {
                int result = interrupted(&orders, interval);
                if (result != 0)
                        return result < 0 ? result : BANJOUR_WAIT_OVER;
                result = sd_journal_process(journal);
                if (result < 0)
                        return result;
                if (result == SD_JOURNAL_INVALIDATE)
                        return BANJOUR_WAIT_INVALIDATE;
                result = sd_journal_next(journal);
                if (result != 0)
                        return result < 0 ? result : BANJOUR_WAIT_ENTRY;
        }
        return BANJOUR_WAIT_OVER;
}
