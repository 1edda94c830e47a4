/* Waiting for the next entry without waking the caller at each look. */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "batch.h"
#include "guard.h"

static uint64_t now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000u + (uint64_t) t.tv_nsec / 1000u;
}

/*
 * Whether there was an order, which is taken. A descriptor that cannot be read is not asked again:
 * it would end every sleep at once.
 */
static int ordered(struct pollfd *orders) {
        uint64_t written;
        if (orders->revents == 0)
                return 0;
        ssize_t length = read(orders->fd, &written, sizeof(written));
        if (length == (ssize_t) sizeof(written) || (length < 0 && errno == EAGAIN))
                return 1;
        orders->fd = -1;
        return 0;
}

/*
 * journald tells of new entries up to 250 ms late, so it is not waited for but looked at. What was
 * read with the last look of the caller counts as the first look here. Files that come and go are
 * told of by inotify, whose descriptor is polled: reading it in vain would cost more than the look
 * at the journal.
 */
int banjour_wait(sd_journal *journal, int orders, uint32_t interval, uint32_t most) {
        struct pollfd polls[] = { { .fd = orders, .events = POLLIN },
                                  { .fd = banjour_get_fd(journal), .events = POLLIN } };
        uint64_t end = now() + most;
        while (now() < end) {
                struct timespec pause = { (time_t) (interval / 1000000u), (long) (interval % 1000000u) * 1000 };
                int result = ppoll(polls, 2, &pause, NULL);
                if (result < 0 && errno != EINTR)
                        return -errno;
                /* A signal may be for the caller. */
                if (result < 0 || ordered(&polls[0]))
                        return BANJOUR_WAIT_OVER;
                result = polls[1].revents == 0 ? SD_JOURNAL_NOP : banjour_process(journal);
                if (result < 0)
                        return result;
                if (result == SD_JOURNAL_INVALIDATE)
                        return BANJOUR_WAIT_INVALIDATE;
                result = banjour_next(journal);
                if (result != 0)
                        return result < 0 ? result : BANJOUR_WAIT_ENTRY;
        }
        return BANJOUR_WAIT_OVER;
}
