/* Waiting for the next entry without waking the caller at each look. */
#include <errno.h>
#include <time.h>

#include "batch.h"

static uint64_t now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * 1000000u + (uint64_t) t.tv_nsec / 1000u;
}

/* journald tells of new entries up to 250 ms late, so it is not waited for but looked at. What was read with the last
 * look of the caller counts as the first look here. */
int banjour_wait(sd_journal *journal, uint32_t interval, uint32_t most) {
        uint64_t end = now() + most;
        while (now() < end) {
                struct timespec pause = { (time_t) (interval / 1000000u), (long) (interval % 1000000u) * 1000 };
                /* A signal ends the pause: it may be for the caller. */
                if (clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL) == EINTR)
                        return BANJOUR_WAIT_OVER;
                int result = sd_journal_process(journal);
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
