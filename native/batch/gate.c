/*
 * Which of some literals does a text contain? Wu and Manber's search with blocks of two bytes: most
 * of the text is skipped, whatever the number of literals.
 */
#define _GNU_SOURCE /* memmem(3) */
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "bytes.h"

/*
 * Pairs of bytes that share one only make the search skip less; tables this small stay in the first
 * cache.
 */
#define BLOCKS 4096u
#define LITERALS_MAX 65535u

struct literal {
        const uint8_t *bytes;
        uint32_t length;
        uint32_t next; /* one past the index of the next literal of the same block; 0 ends the chain */
        uint64_t marks;
};

struct banjour_gate {
        uint32_t count;
        uint32_t shortest;
        uint64_t marks; /* of all literals */
        uint8_t shift[BLOCKS];   /* how far the window may move when it ends in this block */
        uint16_t first[BLOCKS];  /* one past the first literal whose window ends in this block */
        struct literal *literals;
        uint8_t *text;
};

static uint32_t block_at(const uint8_t *p) {
        return ((uint32_t) p[0] << 5 ^ p[1]) & (BLOCKS - 1);
}

/*
 * The window is as long as the shortest literal; of the longer ones only their beginning stands in
 * the tables.
 */
static void add_literal(struct banjour_gate *gate, uint32_t index) {
        struct literal *literal = &gate->literals[index];
        if (gate->shortest < 2)
                return;
        for (uint32_t i = 0; i + 2 <= gate->shortest; i++) {
                uint32_t block = block_at(literal->bytes + i);
                uint32_t shift = gate->shortest - 2 - i;
                if (shift < gate->shift[block])
                        gate->shift[block] = (uint8_t) shift;
        }
        uint32_t last = block_at(literal->bytes + gate->shortest - 2);
        literal->next = gate->first[last];
        gate->first[last] = (uint16_t) (index + 1);
}

struct banjour_gate *banjour_gate_new(const uint8_t *list, size_t length, size_t *used) {
        struct cursor in = { list, length };
        uint32_t count;
        if (!take32(&in, &count) || count > LITERALS_MAX)
                return NULL;
        struct banjour_gate *gate = calloc(1, sizeof(*gate));
        if (!gate)
                return NULL;
        gate->count = count;
        gate->shortest = UINT32_MAX;
        gate->literals = calloc(count + 1u, sizeof(struct literal));
        gate->text = malloc(length + 1);
        if (!gate->literals || !gate->text)
                goto fail;
        memcpy(gate->text, list, length);
        in = (struct cursor) { gate->text + 4, length - 4 };
        for (uint32_t i = 0; i < count; i++) {
                struct literal *literal = &gate->literals[i];
                if (!take32(&in, &literal->length) || literal->length == 0 ||
                    !take_bytes(&in, literal->length, &literal->bytes) || !take64(&in, &literal->marks))
                        goto fail;
                gate->marks |= literal->marks;
                if (literal->length < gate->shortest)
                        gate->shortest = literal->length;
        }
        if (gate->shortest > 255)
                gate->shortest = 255;
        memset(gate->shift, gate->shortest < 2 ? 0 : (int) gate->shortest - 1, sizeof(gate->shift));
        for (uint32_t i = 0; i < count; i++)
                add_literal(gate, i);
        *used = length - in.left;
        return gate;
fail:
        banjour_gate_free(gate);
        return NULL;
}

void banjour_gate_free(struct banjour_gate *gate) {
        if (!gate)
                return;
        free(gate->literals);
        free(gate->text);
        free(gate);
}

/* With a literal of one byte there is no window to move. */
static uint64_t test_plainly(const struct banjour_gate *gate, const uint8_t *text, size_t length) {
        uint64_t found = 0;
        for (uint32_t i = 0; i < gate->count; i++)
                if (memmem(text, length, gate->literals[i].bytes, gate->literals[i].length))
                        found |= gate->literals[i].marks;
        return found;
}

uint64_t banjour_gate_test(const struct banjour_gate *gate, const uint8_t *text, size_t length) {
        uint64_t found = 0;
        if (gate->count == 0)
                return 0;
        if (gate->shortest < 2)
                return test_plainly(gate, text, length);
        for (size_t end = gate->shortest; end <= length && found != gate->marks;) {
                uint32_t block = block_at(text + end - 2);
                uint8_t shift = gate->shift[block];
                if (shift > 0) {
                        end += shift;
                        continue;
                }
                size_t start = end - gate->shortest;
                for (uint32_t i = gate->first[block]; i > 0; i = gate->literals[i - 1].next) {
                        const struct literal *literal = &gate->literals[i - 1];
                        if (literal->length <= length - start && memcmp(text + start, literal->bytes, literal->length) == 0)
                                found |= literal->marks;
                }
                end++;
        }
        return found;
}
