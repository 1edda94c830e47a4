/* Which entries are wanted: for some texts only when fields of the entry fit. */
#ifndef BANJOUR_ROUTES_H
#define BANJOUR_ROUTES_H

#include <systemd/sd-journal.h>

#include "bytes.h"

/*
 * A match expression as bytes: uint32 count of groups; each a uint32 count of terms; each a uint32
 * length and the bytes of FIELD=value, terms of one field next to one another. Any group may hold;
 * in it every field must have one of its values. A group without terms always holds.
 */

struct banjour_routes;

/*
 * Routes as bytes: uint32 count, at most 64; each a uint32, 1 when any text will do, and an
 * expression. NULL when they are malformed, have too many fields or terms too long, or memory is
 * short. The bytes must outlive the routes.
 */
struct banjour_routes *banjour_routes_new(struct cursor *in);
void banjour_routes_free(struct banjour_routes *routes);

/* Marks of the routes that take any text. */
uint64_t banjour_routes_any(const struct banjour_routes *routes);

/* The number by which banjour_routes_see is told of a field; -1 when no route has it. */
int banjour_routes_field(const struct banjour_routes *routes, const uint8_t *name, size_t length);

/* How many fields the routes have. */
uint32_t banjour_routes_fields(const struct banjour_routes *routes);

/* An entry whose text the marked routes take is looked at; then comes what is seen of it. */
void banjour_routes_begin(struct banjour_routes *routes, uint64_t marks);

/*
 * One data of the entry, FIELD=value; the first of a field counts. 0 when no route can take the
 * entry any more.
 */
int banjour_routes_see(struct banjour_routes *routes, int field, const uint8_t *data, size_t length);

/* All was seen. True when a route takes the entry, or there are none. */
int banjour_routes_take(const struct banjour_routes *routes);

/* Adds the expression to the journal's matches. Returns 0, or a negative errno. */
int banjour_match_add(sd_journal *journal, struct cursor *in);

#endif
