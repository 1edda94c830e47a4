/* Values of an entry as bytes: its own, and those of its origin where they were not told yet. */
#include <stdlib.h>

#include "record.h"
#include "bytes.h"

/* The index of a field plus one, 0 for MESSAGE, or -1 when nobody wants it. */
static int64_t field_index(const struct banjour_reader *reader, const uint8_t *name, size_t length) {
        if (length == PREFIX_BYTES - 1 && memcmp(name, MESSAGE, length) == 0)
                return 0;
        for (uint32_t i = 0; i < reader->field_count; i++)
                if (reader->fields[i].length == length && memcmp(reader->fields[i].bytes, name, length) == 0)
                        return (int64_t) i + 1;
        return -1;
}

static int put_bytes(struct out *out, const uint8_t *bytes, size_t length) {
        if (length > out->left)
                return 0;
        memcpy(out->at, bytes, length);
        out->at += length;
        out->left -= length;
        return 1;
}

static int put_number(struct out *out, uint32_t value) {
        uint8_t bytes[4];
        put32(bytes, value);
        return put_bytes(out, bytes, sizeof(bytes));
}

/*
 * Writes one value; name_bytes counts the name and its '='. The bounds are those of the whole data,
 * as in the plain reader, so that both cut at the same byte.
 */
static int put_value(const struct banjour_reader *reader, struct out *out, uint32_t index, const uint8_t *data,
                     size_t length, size_t name_bytes) {
        size_t bytes_max = (size_t) reader->head_bytes + reader->tail_bytes;
        size_t head = length - name_bytes;
        size_t tail = 0;
        if (index > 0)
                head = head > reader->field_bytes ? reader->field_bytes : head;
        else if (length > bytes_max) {
                head = reader->head_bytes - name_bytes;
                tail = reader->tail_bytes;
        }
        return put_number(out, index) && put_number(out, (uint32_t) head) &&
               put_number(out, index == 0 && length > bytes_max ? (uint32_t) tail + 1 : 0) &&
               put_bytes(out, data + name_bytes, head) && put_bytes(out, data + length - tail, tail);
}

/* The values of an entry: its own go to the record, the others are what its origin is told by. */
struct places {
        struct out own;
        struct out shared;
        uint32_t own_values;
        uint32_t values; /* of both */
        int is_alone;    /* some of the others had no room */
};

static int put_in_place(const struct banjour_reader *reader, struct places *places, uint32_t index, const uint8_t *data,
                        size_t length, size_t name_bytes) {
        places->values++;
        if (index > reader->own_count && !places->is_alone) {
                struct out shared = places->shared;
                if (put_value(reader, &shared, index, data, length, name_bytes)) {
                        places->shared = shared;
                        return 1;
                }
                places->is_alone = 1;
        }
        places->own_values++;
        return put_value(reader, &places->own, index, data, length, name_bytes);
}

static enum outcome put_values(const struct banjour_reader *reader, sd_journal *journal, struct places *places) {
        sd_journal_restart_data(journal);
        for (uint32_t i = 0; i < reader->data_max && places->values < reader->values_max; i++) {
                const void *found;
                size_t length;
                if (sd_journal_enumerate_available_data(journal, &found, &length) <= 0)
                        break;
                const uint8_t *data = found;
                const uint8_t *equals = memchr(data, '=', length);
                if (!equals)
                        continue;
                int64_t index = field_index(reader, data, (size_t) (equals - data));
                if (index < 0)
                        continue;
                int route_field = index > 0 ? reader->fields[index - 1].route_field : -1;
                if (route_field >= 0 && !banjour_routes_see(reader->routes, route_field, data, length))
                        return TURNED_AWAY;
                if (!put_in_place(reader, places, (uint32_t) index, data, length, (size_t) (equals - data) + 1))
                        return UNREADABLE;
        }
        return banjour_routes_take(reader->routes) ? PASSED : TURNED_AWAY;
}

/* Finds the place of values among the origins, whatever stands there. */
static uint32_t origin_slot(const uint8_t *bytes, uint32_t length) {
        uint64_t hash = length;
        for (uint32_t i = 0; i + 8 <= length; i += 8) {
                uint64_t word;
                memcpy(&word, bytes + i, sizeof(word));
                hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
                hash ^= hash >> 29;
        }
        for (uint32_t i = length & ~7u; i < length; i++)
                hash = (hash ^ bytes[i]) * 0x9e3779b97f4a7c15u;
        return (uint32_t) (hash >> 32) % BANJOUR_ORIGINS;
}

/* Writes the shared values unless they were told already. Returns the origin by its number. */
static uint32_t put_origin(struct banjour_reader *reader, const struct places *places, struct out *record) {
        uint32_t length = (uint32_t) (ORIGIN_BYTES_MAX - places->shared.left);
        if (places->is_alone || length == 0) {
                put_bytes(record, reader->shared, length);
                return 0;
        }
        uint32_t slot = origin_slot(reader->shared, length);
        struct origin *origin = &reader->origins[slot];
        if (origin->length != length || memcmp(origin->bytes, reader->shared, length) != 0) {
                put_bytes(record, reader->shared, length);
                memcpy(origin->bytes, reader->shared, length);
                origin->length = length;
        }
        return slot + 1;
}

void banjour_forget_origins(struct banjour_reader *reader) {
        for (uint32_t i = 0; i < BANJOUR_ORIGINS; i++)
                reader->origins[i].length = 0;
}

static int put_cursor(sd_journal *journal, struct out *out, size_t *length) {
        char *cursor = NULL;
        if (sd_journal_get_cursor(journal, &cursor) < 0)
                return 0;
        *length = strlen(cursor);
        int is_put = *length <= BANJOUR_CURSOR_BYTES_MAX && put_bytes(out, (const uint8_t *) cursor, *length);
        free(cursor);
        return is_put;
}

enum outcome banjour_put_record(struct banjour_reader *reader, sd_journal *journal, uint64_t marks, struct out *out) {
        uint8_t *start = out->at;
        uint64_t realtime;
        size_t cursor = 0;
        if (out->left < RECORD_HEADER_BYTES)
                return UNREADABLE;
        struct places places = { .own = { start + RECORD_HEADER_BYTES, out->left - RECORD_HEADER_BYTES },
                                 .shared = { reader->shared, ORIGIN_BYTES_MAX } };
        banjour_routes_begin(reader->routes, marks);
        enum outcome outcome = put_values(reader, journal, &places);
        if (outcome != PASSED)
                return outcome;
        struct out record = places.own;
        if (sd_journal_get_realtime_usec(journal, &realtime) < 0 || !put_cursor(journal, &record, &cursor) ||
            record.left < ORIGIN_BYTES_MAX - places.shared.left)
                return UNREADABLE;
        /* From here on nothing ends early. */
        uint8_t *origin_at = record.at;
        put32(start + 20, put_origin(reader, &places, &record));
        put32(start + 24, (uint32_t) (record.at - origin_at));
        put32(start, (uint32_t) (record.at - start));
        put32(start + 4, places.own_values);
        put32(start + 8, (uint32_t) realtime);
        put32(start + 12, (uint32_t) (realtime >> 32));
        put32(start + 16, (uint32_t) cursor);
        *out = record;
        return PASSED;
}
