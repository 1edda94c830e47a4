/* The loop: next, MESSAGE, gate; and the rest of the entries that pass. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "bytes.h"
#include "guard.h"
#include "record.h"

#define FIELDS_MAX 1024u

int banjour_batch_version(void) {
        return BANJOUR_BATCH_VERSION;
}

void banjour_reader_free(struct banjour_reader *reader) {
        if (!reader)
                return;
        banjour_gate_free(reader->gate);
        banjour_routes_free(reader->routes);
        free(reader->fields);
        free(reader->text);
        free(reader);
}

static int take_bounds(struct cursor *in, struct banjour_reader *reader) {
        uint32_t *bounds[] = { &reader->head_bytes, &reader->tail_bytes, &reader->field_bytes, &reader->message_chars,
                               &reader->data_max, &reader->values_max, &reader->flags };
        for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
                if (!take32(in, bounds[i]) || *bounds[i] > 1u << 24)
                        return 0;
        return reader->head_bytes >= PREFIX_BYTES;
}

static int take_fields(struct cursor *in, struct banjour_reader *reader) {
        if (!take32(in, &reader->field_count) || reader->field_count > FIELDS_MAX)
                return 0;
        reader->fields = calloc(reader->field_count + 1u, sizeof(struct name));
        if (!reader->fields)
                return 0;
        for (uint32_t i = 0; i < reader->field_count; i++) {
                struct name *field = &reader->fields[i];
                if (!take32(in, &field->length) || field->length == 0 || !take_bytes(in, field->length, &field->bytes))
                        return 0;
        }
        return take32(in, &reader->own_count) && reader->own_count <= reader->field_count;
}

/* What the routes look at must be among what is read. */
static int link_fields(struct banjour_reader *reader) {
        uint32_t linked = 0;
        for (uint32_t i = 0; i < reader->field_count; i++) {
                struct name *field = &reader->fields[i];
                field->route_field = banjour_routes_field(reader->routes, field->bytes, field->length);
                linked += (uint32_t) (field->route_field >= 0);
        }
        return linked == banjour_routes_fields(reader->routes);
}

struct banjour_reader *banjour_reader_new(const uint8_t *wishes, size_t length) {
        struct banjour_reader *reader = calloc(1, sizeof(*reader));
        if (!reader)
                return NULL;
        reader->text = malloc(length + 1);
        if (!reader->text)
                goto fail;
        memcpy(reader->text, wishes, length);
        struct cursor in = { reader->text, length };
        const uint8_t *ignored;
        size_t used = 0;
        if (!take_bounds(&in, reader))
                goto fail;
        reader->gate = banjour_gate_new(in.at, in.left, &used);
        if (!reader->gate || !take_bytes(&in, used, &ignored) || !take_fields(&in, reader))
                goto fail;
        reader->routes = banjour_routes_new(&in);
        if (!reader->routes || !link_fields(reader))
                goto fail;
        return reader;
fail:
        banjour_reader_free(reader);
        return NULL;
}

size_t banjour_record_max(const struct banjour_reader *reader) {
        size_t value = (size_t) VALUE_HEADER_BYTES + reader->head_bytes + reader->tail_bytes;
        size_t field = (size_t) VALUE_HEADER_BYTES + reader->field_bytes;
        return RECORD_HEADER_BYTES + BANJOUR_CURSOR_BYTES_MAX + reader->values_max * (value > field ? value : field);
}

/* What libsystemd says of one damaged entry or field; the reading goes on after it. */
static int is_unreadable(int result) {
        return result == -EBADMSG || result == -EIO || result == -E2BIG || result == -ENOBUFS ||
               result == -EPROTONOSUPPORT || result == -EADDRNOTAVAIL;
}

/*
 * More UTF-16 units than the bound, for text that is UTF-8; of other bytes each counts one at most.
 */
static int is_long(const uint8_t *text, size_t length, uint32_t chars_max) {
        size_t chars = 0;
        if (length <= chars_max)
                return 0;
        for (size_t i = 0; i < length && chars <= chars_max; i++)
                chars += (size_t) ((text[i] & 0xc0) != 0x80) + (size_t) (text[i] >= 0xf0);
        return chars > chars_max;
}

/* Marks of the routes that take the text. */
static uint64_t marks_of(const struct banjour_reader *reader, const uint8_t *data, size_t length) {
        size_t bytes_max = (size_t) reader->head_bytes + reader->tail_bytes;
        uint64_t marks = banjour_routes_any(reader->routes);
        if (reader->flags & BANJOUR_PASS_ALL)
                return UINT64_MAX;
        if (length <= bytes_max)
                return marks | banjour_gate_test(reader->gate, data + PREFIX_BYTES, length - PREFIX_BYTES);
        return marks | banjour_gate_test(reader->gate, data + PREFIX_BYTES, reader->head_bytes - PREFIX_BYTES) |
               banjour_gate_test(reader->gate, data + length - reader->tail_bytes, reader->tail_bytes);
}

/*
 * The entries that would have ended the process, so that the others who read them (the probe does,
 * every minute) pass them over unread. What stands below the count is never changed again.
 */
#define KNOWN_MAX 64u
static struct {
        uint64_t realtime;
        char cursor[BANJOUR_CURSOR_BYTES_MAX];
} known[KNOWN_MAX];
static atomic_uint known_count;
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

static int is_known(sd_journal *journal) {
        unsigned count = atomic_load_explicit(&known_count, memory_order_acquire);
        uint64_t realtime;
        int is_found = 0;
        if (count == 0 || sd_journal_get_realtime_usec(journal, &realtime) < 0)
                return 0;
        for (unsigned i = 0; i < count && !is_found; i++) {
                char *cursor = NULL;
                if (known[i].realtime != realtime || sd_journal_get_cursor(journal, &cursor) < 0)
                        continue;
                is_found = strcmp(known[i].cursor, cursor) == 0;
                free(cursor);
        }
        return is_found;
}

static void remember(sd_journal *journal) {
        uint64_t realtime;
        char *cursor = NULL;
        if (banjour_get_realtime_usec(journal, &realtime) < 0 || banjour_get_cursor(journal, &cursor) < 0)
                return;
        pthread_mutex_lock(&known_lock);
        unsigned count = atomic_load(&known_count);
        if (count < KNOWN_MAX && strlen(cursor) < BANJOUR_CURSOR_BYTES_MAX) {
                known[count].realtime = realtime;
                strcpy(known[count].cursor, cursor);
                atomic_store_explicit(&known_count, count + 1, memory_order_release);
        }
        pthread_mutex_unlock(&known_lock);
        free(cursor);
}

/* What one entry is read with. */
struct entry_call {
        struct banjour_reader *reader;
        sd_journal *journal;
        struct out *out;
        struct banjour_counts *counts;
};

/*
 * Reads the current entry, which was counted. Changes the buffer and the counts with its last steps
 * only, so that it may end early.
 */
static int read_entry(void *argument) {
        const struct entry_call *call = argument;
        struct banjour_reader *reader = call->reader;
        struct banjour_counts *counts = call->counts;
        const void *found;
        size_t length;
        if (is_known(call->journal)) {
                counts->unreadable++;
                return 0;
        }
        int result = sd_journal_get_data(call->journal, MESSAGE, &found, &length);
        if (result == -ENOENT) {
                found = MESSAGE "=";
                length = PREFIX_BYTES;
        } else if (is_unreadable(result) || (result >= 0 && length < PREFIX_BYTES)) {
                counts->unreadable++;
                return 0;
        } else if (result < 0)
                return result;
        const uint8_t *data = found;
        uint64_t marks = marks_of(reader, data, length);
        int is_cut = is_long(data + PREFIX_BYTES, length - PREFIX_BYTES, reader->message_chars);
        enum outcome outcome = marks ? banjour_put_record(reader, call->journal, marks, call->out) : TURNED_AWAY;
        counts->passed += outcome == PASSED;
        counts->unreadable += outcome == UNREADABLE;
        counts->long_others += outcome == TURNED_AWAY && is_cut;
        return 0;
}

int banjour_read(struct banjour_reader *reader, sd_journal *journal, uint32_t max, uint32_t from_current,
                 uint8_t *buffer, size_t size, struct banjour_counts *counts) {
        struct out out = { buffer, size };
        struct entry_call call = { reader, journal, &out, counts };
        size_t record_max = banjour_record_max(reader);
        *counts = (struct banjour_counts) { .more = 1 };
        banjour_forget_origins(reader);
        while (counts->read < max && out.left >= record_max) {
                int result = from_current ? 1 : banjour_next(journal);
                if (result < 0)
                        return result;
                if (result == 0) {
                        counts->more = 0;
                        break;
                }
                from_current = 0;
                counts->read++;
                result = banjour_guarded(read_entry, &call);
                if (result == BANJOUR_ABORTED) {
                        counts->unreadable++;
                        counts->aborted++;
                        remember(journal);
                } else if (result < 0)
                        return result;
        }
        counts->used = (uint32_t) (size - out.left);
        return 0;
}
