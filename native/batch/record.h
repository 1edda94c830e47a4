/* What a reader knows, and how it writes the entry on which a journal stands (batch.h). */
#ifndef BANJOUR_RECORD_H
#define BANJOUR_RECORD_H

#include "batch.h"
#include "routes.h"

#define RECORD_HEADER_BYTES 28u
#define VALUE_HEADER_BYTES 12u
#define MESSAGE "MESSAGE"
#define PREFIX_BYTES 8u

struct name {
        const uint8_t *bytes;
        uint32_t length;
        int route_field; /* its number among the fields of the routes, or -1 */
};

/* More is not worth comparing: such values are written with their entry. */
#define ORIGIN_BYTES_MAX 1024u

/* Values that entries have in common, as they stand in a record. */
struct origin {
        uint32_t length; /* 0: none yet */
        uint8_t bytes[ORIGIN_BYTES_MAX];
};

struct banjour_reader {
        uint32_t head_bytes;
        uint32_t tail_bytes;
        uint32_t field_bytes;
        uint32_t message_chars;
        uint32_t data_max;
        uint32_t values_max;
        uint32_t flags;
        struct banjour_gate *gate;
        struct banjour_routes *routes;
        uint32_t field_count;
        uint32_t own_count; /* of the first fields, which differ from entry to entry */
        struct name *fields;
        uint8_t *text;
        struct origin origins[BANJOUR_ORIGINS]; /* told in this call */
        uint8_t shared[ORIGIN_BYTES_MAX];       /* values of the entry that is looked at */
};

/* A place in the caller's buffer. */
struct out {
        uint8_t *at;
        size_t left;
};

/* What came of an entry. */
enum outcome { UNREADABLE, PASSED, TURNED_AWAY };

/* Writes the current entry, whose text the marked routes take, as a record. */
enum outcome banjour_put_record(struct banjour_reader *reader, sd_journal *journal, uint64_t marks, struct out *out);

/* The origins that were told so far are told anew. */
void banjour_forget_origins(struct banjour_reader *reader);

#endif
