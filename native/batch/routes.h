/* Which entries are wanted: for some texts only when fields of the entry fit. */
#ifndef BANJOUR_ROUTES_H
#define BANJOUR_ROUTES_H

#include <systemd/sd-journal.h>

#include "bytes.h"

/* A match expression as bytes: uint32 count of groups; each a uint32 count of terms; each a uint32 length and the bytes
 * of FIELD=value, terms of one field next to one another. Any group may hold; in it every field must have one of its
 * values. A group without terms always holds. */

struct banjour_routes;

/* Routes as bytes: uint32 count, at most 64; each a uint32, 1 when any text will do, and an expression. NULL when they
 * are malformed, have too many fields or terms too long, or memory is short. The bytes must outlive the routes. */
struct banjour_routes *banjour_routes_new(struct cursor *in);
void banjour_routes_free(struct banjour_routes *routes);

/* Marks of the routes that take any text. */
uint64_t banjour_routes_any(const struct banjour_routes *routes);

/* True when one of the marked routes takes the current entry of the journal, or there are none. Changes what sd_journal_get_data returned. */
int banjour_routes_take(struct banjour_routes *routes, sd_journal *journal, uint64_t marks);

/* Adds the expression to the journal's matches. Returns 0, or a negative errno. */
int banjour_match_add(sd_journal *journal, struct cursor *in);

#endif
