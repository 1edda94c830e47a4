/* Reads many journal entries in one call. The plain reader of native/reader.ts does the same through single calls. */
#ifndef BANJOUR_BATCH_H
#define BANJOUR_BATCH_H

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-journal.h>

/* Raised with every change of what follows; the caller refuses another number than its own. */
#define BANJOUR_BATCH_VERSION 4

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
};

/* Bounds and wishes, as bytes: seven uint32 (head_bytes, tail_bytes, field_bytes, message_chars, data_max, values_max,
 * flags), then a list of literals and a list of field names, each a uint32 count and as many times a uint32 length and
 * the bytes. Integers are little-endian. */
#define BANJOUR_PASS_ALL 1u

int banjour_batch_version(void);

/* NULL when the wishes are malformed or memory is short. */
struct banjour_reader *banjour_reader_new(const uint8_t *wishes, size_t length);
void banjour_reader_free(struct banjour_reader *reader);

/* Bytes that one record takes at most: a buffer must hold at least one. */
size_t banjour_record_max(const struct banjour_reader *reader);

/* Reads at most max entries, fewer when the buffer might not hold another record. With from_current the journal stands
 * on an entry that is to be read first. Returns 0 or a negative errno of libsystemd.
 *
 * A record: uint32 length of the record, uint32 values, uint64 realtime, uint32 length of the cursor, the cursor; then
 * each value: uint32 field (0 is MESSAGE, n the n-th field name), uint32 bytes of head, uint32 bytes of tail plus one,
 * or 0 when the value is whole, then head and tail. */
int banjour_read(struct banjour_reader *reader, sd_journal *journal, uint32_t max, uint32_t from_current,
                 uint8_t *buffer, size_t size, struct banjour_counts *counts);

/* Looks for a next entry every interval microseconds, for most microseconds at most, blocking the thread. Ends at once
 * when orders, an eventfd(2) that does not block, is written to, and empties it; -1: there is none. One that cannot be
 * read is passed over. */
#define BANJOUR_WAIT_OVER 0       /* time is up, or a signal or an order came */
#define BANJOUR_WAIT_ENTRY 1      /* the journal stands on the next entry */
#define BANJOUR_WAIT_INVALIDATE 2 /* files came or went: the caller verifies its place */
int banjour_wait(sd_journal *journal, int orders, uint32_t interval, uint32_t most);

/* The literal gate, for the reader and for its tests. */
struct banjour_gate *banjour_gate_new(const uint8_t *list, size_t length, size_t *used);
void banjour_gate_free(struct banjour_gate *gate);
int banjour_gate_test(const struct banjour_gate *gate, const uint8_t *text, size_t length);

#endif
