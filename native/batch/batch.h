/*
 * Reads many journal entries in one call. The plain reader of native/plain-reader.ts does the same
 * through single calls.
 */
#ifndef BANJOUR_BATCH_H
#define BANJOUR_BATCH_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

/* Raised with every change of what follows; the caller refuses another number than its own. */
#define BANJOUR_BATCH_VERSION 8

struct banjour_gate;
struct banjour_reader;

/* What one call read; the order is part of the interface. */
struct banjour_counts {
        uint32_t read;        /* entries, passed or not */
        uint32_t passed;      /* records in the buffer */
        uint32_t unreadable;  /* entries passed over */
        uint32_t long_others; /* MESSAGEs over message_chars among those that did not pass */
        uint32_t more;        /* 0: the end was reached */
        uint32_t used;        /* bytes of the buffer */
        uint32_t aborted;     /* entries among the unreadable that would have ended the process (guard.h) */
        uint32_t unused;      /* what follows a struct of these is aligned */
};

/*
 * Bounds and wishes, as bytes: seven uint32 (head_bytes, tail_bytes, field_bytes, message_chars,
 * data_max, values_max, flags); a list of literals, a uint32 count and as many times a uint32
 * length, the bytes, and a uint64 with a mark for each route that the literal is of; a list of
 * field names, the same without marks; as a uint32 how many of them, from the first on, differ from
 * entry to entry; the routes (routes.h), whose fields must be among those. An entry passes when a
 * route that takes its text takes its fields. Integers are little-endian.
 */
#define BANJOUR_PASS_ALL 1u

int banjour_batch_version(void);

/* NULL when the wishes are malformed or memory is short. */
struct banjour_reader *banjour_reader_new(const uint8_t *wishes, size_t length);
void banjour_reader_free(struct banjour_reader *reader);

/* Bytes that one record takes at most: a buffer must hold at least one. */
size_t banjour_record_max(const struct banjour_reader *reader);

/*
 * Reads at most max entries, fewer when the buffer might not hold another record. With from_current
 * the journal stands on an entry that is to be read first. Returns 0 or a negative errno of
 * libsystemd.
 *
 * A record: uint32 length of the record, uint32 values, uint64 realtime, uint32 length of the
 * cursor, uint32 origin, uint32 bytes at its end that are of its origin; then each value: uint32
 * field (0 is MESSAGE, n the n-th field name), uint32 bytes of head, uint32 bytes of tail plus one,
 * or 0 when the value is whole, then head and tail; then the cursor; then values of the origin.
 *
 * The origin of an entry is what its other fields hold, those that do not differ from entry to
 * entry: the same for most entries of a service. From 1 to BANJOUR_ORIGINS it names values, which
 * the record has where they were not told in this call as those of this number; 0: the values are
 * of this entry alone.
 */
#define BANJOUR_ORIGINS 64u
int banjour_read(struct banjour_reader *reader, sd_journal *journal, uint32_t max, uint32_t from_current,
                 uint8_t *buffer, size_t size, struct banjour_counts *counts);

/*
 * Looks for a next entry every interval microseconds, for most microseconds at most, blocking the
 * thread. Ends at once when orders, an eventfd(2) that does not block, is written to, and empties
 * it; -1: there is none. One that cannot be read is passed over.
 */
#define BANJOUR_WAIT_OVER 0       /* time is up, or a signal or an order came */
#define BANJOUR_WAIT_ENTRY 1      /* the journal stands on the next entry */
#define BANJOUR_WAIT_INVALIDATE 2 /* files came or went: the caller verifies its place */
int banjour_wait(sd_journal *journal, int orders, uint32_t interval, uint32_t most);

/*
 * Reads ahead of the caller, in a thread and with a journal of its own, what is stored now.
 *
 * The place, as bytes: uint32 kind (0 the local journal, 1 a directory, 2 files), uint32 flags
 * (sd_journal_open), uint32 threshold (sd_journal_set_data_threshold), a list of texts (the
 * namespace or none, the directory, the files), the matches (routes.h) behind their length, the
 * cursor to begin after as a uint32 length and the bytes, and as a uint64 the time: before the
 * first chunk that reaches beyond it the reading ends; as another the bytes that the files take at
 * least: with less some could not be opened, and nothing is read. The memory has room for BANJOUR_AHEAD_CHUNKS
 * chunks of size bytes each and belongs to the reader until it is freed. NULL when wishes or place
 * are malformed, a chunk has no room for a record, or there is no thread to be had.
 */
#define BANJOUR_AHEAD_CHUNKS 3u
#define BANJOUR_CURSOR_BYTES_MAX 512u

/*
 * What one chunk holds; the order is part of the interface. The last entry that was read, passed or
 * not.
 */
struct banjour_chunk {
        struct banjour_counts counts;
        uint64_t realtime;
        uint32_t index; /* of the chunk in the memory */
        char cursor[BANJOUR_CURSOR_BYTES_MAX];
};

struct banjour_ahead;
struct banjour_ahead *banjour_ahead_new(const uint8_t *wishes, size_t length, const uint8_t *place, size_t place_length,
                                        uint32_t max, uint8_t *memory, size_t size);

/*
 * Waits for the next chunk, whose bytes are valid until the next call. Returns 1 with a chunk, 0
 * when all is read, or a negative errno: what was not taken is to be read in another way.
 */
int banjour_ahead_take(struct banjour_ahead *ahead, struct banjour_chunk *chunk);
void banjour_ahead_free(struct banjour_ahead *ahead);

/*
 * The literal gate, for the reader and for its tests: the marks of the literals that the text
 * contains.
 */
struct banjour_gate *banjour_gate_new(const uint8_t *list, size_t length, size_t *used);
void banjour_gate_free(struct banjour_gate *gate);
uint64_t banjour_gate_test(const struct banjour_gate *gate, const uint8_t *text, size_t length);

#endif
