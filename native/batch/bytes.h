/* Bounded reading and writing of little-endian integers and bytes. */
#ifndef BANJOUR_BYTES_H
#define BANJOUR_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
        const uint8_t *at;
        size_t left;
};

static inline int take_bytes(struct cursor *in, size_t length, const uint8_t **bytes) {
        if (length > in->left)
                return 0;
        *bytes = in->at;
        in->at += length;
        in->left -= length;
        return 1;
}

static inline int take32(struct cursor *in, uint32_t *value) {
        const uint8_t *p;
        if (!take_bytes(in, 4, &p))
                return 0;
        *value = (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
        return 1;
}

static inline int take64(struct cursor *in, uint64_t *value) {
        uint32_t low, high;
        if (!take32(in, &low) || !take32(in, &high))
                return 0;
        *value = (uint64_t) high << 32 | low;
        return 1;
}

static inline void put32(uint8_t *p, uint32_t value) {
        for (int i = 0; i < 4; i++)
                p[i] = (uint8_t) (value >> (8 * i));
}

#endif
