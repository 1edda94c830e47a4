/*
 * The physical limit: the shortest loop that reads MESSAGE of every entry through libsystemd. read
 * DIRECTORY [MATCH...], groups of matches divided by "+". Prints the count, the bytes and the
 * seconds.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <time.h>

static double now(void) {
        struct timespec t;
        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec + (double) t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
        sd_journal *journal;
        unsigned long entries = 0, bytes = 0;
        if (argc < 2)
                return 64;
        if (sd_journal_open_directory(&journal, argv[1], 0) < 0)
                return 66;
        for (int i = 2; i < argc; i++)
                if ((strcmp(argv[i], "+") == 0 ? sd_journal_add_disjunction(journal)
                                               : sd_journal_add_match(journal, argv[i], strlen(argv[i]))) < 0)
                        return 65;
        double start = now();
        sd_journal_seek_head(journal);
        while (sd_journal_next(journal) > 0) {
                const void *data;
                size_t length;
                entries++;
                if (sd_journal_get_data(journal, "MESSAGE", &data, &length) >= 0)
                        bytes += length;
        }
        printf("%lu %lu %.6f\n", entries, bytes, now() - start);
        sd_journal_close(journal);
        return 0;
}
