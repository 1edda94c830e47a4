/*
 * A thread that reads while the caller judges. Everything of its journal happens in it
 * (sd_journal_open(3), "Notes").
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "batch.h"
#include "bytes.h"
#include "guard.h"
#include "routes.h"

#define PATHS_MAX 4096u

enum kind { LOCAL, DIRECTORY, FILES };

struct place {
        uint32_t kind;
        uint32_t flags;
        uint32_t threshold; /* compressed data is unpacked up to this many bytes */
        char **paths; /* ends with NULL */
        char *cursor;
        uint64_t until;
        uint64_t usage; /* bytes of the files that must be there */
        struct cursor matches;
};

struct banjour_ahead {
        struct banjour_reader *reader;
        struct place place;
        uint8_t *text; /* what the place points into */
        uint8_t *memory;
        size_t size;
        uint32_t max;
        pthread_t thread;
        pthread_mutex_t lock;
        pthread_cond_t changed;
        /* Under the lock from here on. Chunks are filled and taken in turn. */
        struct banjour_chunk chunks[BANJOUR_AHEAD_CHUNKS];
        uint32_t filled; /* chunks ever filled */
        uint32_t taken;  /* chunks ever taken; the last of them is still the caller's */
        int result;      /* once over: 0 or a negative errno */
        int over;
        int stop;
};

static char *take_text(struct cursor *in) {
        uint32_t length;
        const uint8_t *bytes;
        if (!take32(in, &length) || !take_bytes(in, length, &bytes))
                return NULL;
        return strndup((const char *) bytes, length);
}

static int take_place(struct cursor *in, struct place *place) {
        uint32_t count, length;
        const uint8_t *bytes;
        if (!take32(in, &place->kind) || place->kind > FILES || !take32(in, &place->flags) ||
            !take32(in, &place->threshold) || !take32(in, &count) || count > PATHS_MAX ||
            (count == 0 && place->kind != LOCAL))
                return 0;
        place->paths = calloc(count + 1u, sizeof(char *));
        if (!place->paths)
                return 0;
        for (uint32_t i = 0; i < count; i++)
                if (!(place->paths[i] = take_text(in)))
                        return 0;
        if (!take32(in, &length) || !take_bytes(in, length, &bytes))
                return 0;
        place->matches = (struct cursor) { bytes, length };
        place->cursor = take_text(in);
        return place->cursor && take64(in, &place->until) && take64(in, &place->usage);
}

static void drop(struct banjour_ahead *ahead) {
        for (char **path = ahead->place.paths; path && *path; path++)
                free(*path);
        free(ahead->place.paths);
        free(ahead->place.cursor);
        banjour_reader_free(ahead->reader);
        free(ahead->text);
        free(ahead);
}

static int open_journal(const struct place *place, sd_journal **journal) {
        int flags = (int) place->flags;
        if (place->kind == FILES)
                return banjour_open_files(journal, (const char **) place->paths, flags);
        if (place->kind == DIRECTORY)
                return banjour_open_directory(journal, place->paths[0], flags);
        return place->paths[0] ? banjour_open_namespace(journal, place->paths[0], flags)
                               : banjour_open(journal, flags);
}

/* Opens the journal at the entry of the cursor, then selects. 0 when the entry is not there. */
static int begin(struct place *place, sd_journal **journal) {
        int result = open_journal(place, journal);
        uint64_t usage = 0;
        if (result >= 0)
                result = banjour_get_usage(*journal, &usage);
        if (result >= 0 && usage < place->usage)
                return -EMFILE;
        if (result >= 0)
                result = sd_journal_set_data_threshold(*journal, place->threshold);
        if (result >= 0)
                result = banjour_seek_cursor(*journal, place->cursor);
        if (result >= 0)
                result = banjour_next(*journal);
        if (result > 0)
                result = banjour_test_cursor(*journal, place->cursor);
        if (result <= 0)
                return result;
        result = banjour_match_add(*journal, &place->matches);
        return result < 0 ? result : 1;
}

/*
 * Fills a chunk. 1 when it is to be taken, 0 when there is nothing more to read ahead, or a
 * negative errno.
 */
static int fill(struct banjour_ahead *ahead, sd_journal *journal, struct banjour_chunk *chunk) {
        uint8_t *buffer = ahead->memory + chunk->index * ahead->size;
        int result = banjour_read(ahead->reader, journal, ahead->max, 0, buffer, ahead->size, &chunk->counts);
        char *cursor = NULL;
        if (result < 0 || chunk->counts.read == 0)
                return result;
        result = banjour_get_realtime_usec(journal, &chunk->realtime);
        if (result < 0 || chunk->realtime > ahead->place.until)
                return result < 0 ? result : 0;
        result = banjour_get_cursor(journal, &cursor);
        if (result < 0)
                return result;
        size_t length = strlen(cursor);
        if (length < sizeof(chunk->cursor))
                memcpy(chunk->cursor, cursor, length + 1);
        free(cursor);
        return length < sizeof(chunk->cursor);
}

/* The next chunk that may be filled, or NULL when the reading is to end. */
static struct banjour_chunk *wait_for_room(struct banjour_ahead *ahead) {
        struct banjour_chunk *chunk = NULL;
        pthread_mutex_lock(&ahead->lock);
        /* The chunk that was taken last is being looked at. */
        while (!ahead->stop && ahead->filled - ahead->taken >= BANJOUR_AHEAD_CHUNKS - (ahead->taken > 0))
                pthread_cond_wait(&ahead->changed, &ahead->lock);
        if (!ahead->stop) {
                chunk = &ahead->chunks[ahead->filled % BANJOUR_AHEAD_CHUNKS];
                chunk->index = ahead->filled % BANJOUR_AHEAD_CHUNKS;
        }
        pthread_mutex_unlock(&ahead->lock);
        return chunk;
}

static void tell(struct banjour_ahead *ahead, int filled, int result) {
        pthread_mutex_lock(&ahead->lock);
        if (filled)
                ahead->filled++;
        else {
                ahead->over = 1;
                ahead->result = result;
        }
        pthread_cond_broadcast(&ahead->changed);
        pthread_mutex_unlock(&ahead->lock);
}

static void *run(void *argument) {
        struct banjour_ahead *ahead = argument;
        sd_journal *journal = NULL;
        struct banjour_chunk *chunk;
        int result = begin(&ahead->place, &journal);
        while (result > 0 && (chunk = wait_for_room(ahead))) {
                result = fill(ahead, journal, chunk);
                if (result > 0)
                        tell(ahead, 1, 0);
        }
        sd_journal_close(journal);
        tell(ahead, 0, result < 0 ? result : 0);
        return NULL;
}

/* Signals are for the caller's threads, but those of faults of its own (guard.h). */
static int start(struct banjour_ahead *ahead) {
        sigset_t all, before;
        sigfillset(&all);
        sigdelset(&all, SIGABRT);
        sigdelset(&all, SIGBUS);
        if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0)
                return 0;
        int result = pthread_create(&ahead->thread, NULL, run, ahead);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return result == 0;
}

struct banjour_ahead *banjour_ahead_new(const uint8_t *wishes, size_t length, const uint8_t *place, size_t place_length,
                                        uint32_t max, uint8_t *memory, size_t size) {
        struct banjour_ahead *ahead = calloc(1, sizeof(*ahead));
        if (!ahead)
                return NULL;
        ahead->text = malloc(place_length + 1);
        ahead->reader = banjour_reader_new(wishes, length);
        if (!ahead->text || !ahead->reader || max == 0 || size < banjour_record_max(ahead->reader))
                goto fail;
        memcpy(ahead->text, place, place_length);
        struct cursor in = { ahead->text, place_length };
        if (!take_place(&in, &ahead->place))
                goto fail;
        ahead->max = max;
        ahead->memory = memory;
        ahead->size = size;
        pthread_mutex_init(&ahead->lock, NULL);
        pthread_cond_init(&ahead->changed, NULL);
        if (start(ahead))
                return ahead;
fail:
        drop(ahead);
        return NULL;
}

int banjour_ahead_take(struct banjour_ahead *ahead, struct banjour_chunk *chunk) {
        int result;
        pthread_mutex_lock(&ahead->lock);
        while (ahead->filled == ahead->taken && !ahead->over)
                pthread_cond_wait(&ahead->changed, &ahead->lock);
        result = ahead->filled > ahead->taken ? 1 : ahead->result;
        if (result > 0)
                *chunk = ahead->chunks[ahead->taken++ % BANJOUR_AHEAD_CHUNKS];
        pthread_cond_broadcast(&ahead->changed);
        pthread_mutex_unlock(&ahead->lock);
        return result;
}

void banjour_ahead_free(struct banjour_ahead *ahead) {
        if (!ahead)
                return;
        pthread_mutex_lock(&ahead->lock);
        ahead->stop = 1;
        pthread_cond_broadcast(&ahead->changed);
        pthread_mutex_unlock(&ahead->lock);
        pthread_join(ahead->thread, NULL);
        pthread_mutex_destroy(&ahead->lock);
        pthread_cond_destroy(&ahead->changed);
        drop(ahead);
}
