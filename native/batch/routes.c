/*
 * Fields of an entry beside the terms of the routes. Of a field with several values the first
 * counts: the fields that journald writes have one.
 */
#include <errno.h>
#include <stdlib.h>

#include "routes.h"

#define ROUTES_MAX 64u
#define FIELDS_MAX 16u
#define DATA_BYTES_MAX 512u

struct term {
        uint32_t field;
        uint32_t length;
        const uint8_t *bytes; /* FIELD=value, as libsystemd has it */
};

struct group {
        uint32_t count;
        struct term *terms;
};

struct route {
        uint32_t count;
        struct group *groups;
};

struct field {
        char *name;
        int known; /* data is that of the entry that is looked at */
        uint32_t length;
        uint8_t data[DATA_BYTES_MAX];
};

struct banjour_routes {
        uint32_t count;
        uint64_t any;
        struct route routes[ROUTES_MAX];
        uint32_t field_count;
        struct field fields[FIELDS_MAX];
        uint64_t marks; /* of the entry that is looked at */
};

int banjour_routes_field(const struct banjour_routes *routes, const uint8_t *name, size_t length) {
        for (uint32_t i = 0; i < routes->field_count; i++)
                if (strlen(routes->fields[i].name) == length && memcmp(routes->fields[i].name, name, length) == 0)
                        return (int) i;
        return -1;
}

/* The index of the field of a term, -1 when there are too many or the term has none. */
static int field_of(struct banjour_routes *routes, const struct term *term) {
        const uint8_t *equals = memchr(term->bytes, '=', term->length);
        if (!equals || equals == term->bytes)
                return -1;
        size_t length = (size_t) (equals - term->bytes);
        int known = banjour_routes_field(routes, term->bytes, length);
        if (known >= 0 || routes->field_count == FIELDS_MAX)
                return known;
        char *name = strndup((const char *) term->bytes, length);
        if (!name || strlen(name) != length) {
                free(name);
                return -1;
        }
        routes->fields[routes->field_count].name = name;
        return (int) routes->field_count++;
}

static int take_group(struct banjour_routes *routes, struct cursor *in, struct group *group) {
        uint32_t count;
        /* Each term takes four bytes at least, so that a count beyond the bytes costs no memory. */
        if (!take32(in, &count) || count > in->left / 4)
                return 0;
        group->terms = calloc(count + 1u, sizeof(struct term));
        if (!group->terms)
                return 0;
        for (; group->count < count; group->count++) {
                struct term *term = &group->terms[group->count];
                if (!take32(in, &term->length) || !take_bytes(in, term->length, &term->bytes) ||
                    term->length > DATA_BYTES_MAX)
                        return 0;
                int field = field_of(routes, term);
                if (field < 0)
                        return 0;
                term->field = (uint32_t) field;
        }
        return 1;
}

static int take_route(struct banjour_routes *routes, struct cursor *in, struct route *route) {
        uint32_t count;
        if (!take32(in, &count) || count > in->left / 4)
                return 0;
        route->groups = calloc(count + 1u, sizeof(struct group));
        if (!route->groups)
                return 0;
        while (route->count < count)
                if (!take_group(routes, in, &route->groups[route->count++]))
                        return 0;
        return 1;
}

struct banjour_routes *banjour_routes_new(struct cursor *in) {
        struct banjour_routes *routes = calloc(1, sizeof(*routes));
        uint32_t count, any;
        if (!routes || !take32(in, &count) || count > ROUTES_MAX)
                goto fail;
        while (routes->count < count) {
                struct route *route = &routes->routes[routes->count++];
                if (!take32(in, &any) || !take_route(routes, in, route))
                        goto fail;
                if (any)
                        routes->any |= (uint64_t) 1 << (routes->count - 1);
        }
        return routes;
fail:
        banjour_routes_free(routes);
        return NULL;
}

void banjour_routes_free(struct banjour_routes *routes) {
        if (!routes)
                return;
        for (uint32_t i = 0; i < routes->count; i++) {
                for (uint32_t j = 0; j < routes->routes[i].count; j++)
                        free(routes->routes[i].groups[j].terms);
                free(routes->routes[i].groups);
        }
        for (uint32_t i = 0; i < routes->field_count; i++)
                free(routes->fields[i].name);
        free(routes);
}

uint64_t banjour_routes_any(const struct banjour_routes *routes) {
        return routes->any;
}

uint32_t banjour_routes_fields(const struct banjour_routes *routes) {
        return routes->field_count;
}

/* Of a field that was not seen yet, a group may hope when there is more to come. */
static int group_holds(const struct banjour_routes *routes, const struct group *group, int more) {
        for (uint32_t i = 0; i < group->count;) {
                uint32_t index = group->terms[i].field;
                const struct field *field = &routes->fields[index];
                int found = more && !field->known;
                for (; i < group->count && group->terms[i].field == index; i++)
                        found |= field->known && group->terms[i].length == field->length &&
                                 memcmp(group->terms[i].bytes, field->data, field->length) == 0;
                if (!found)
                        return 0;
        }
        return 1;
}

static int any_holds(const struct banjour_routes *routes, int more) {
        for (uint32_t i = 0; i < routes->count; i++) {
                if (!(routes->marks >> i & 1))
                        continue;
                for (uint32_t j = 0; j < routes->routes[i].count; j++)
                        if (group_holds(routes, &routes->routes[i].groups[j], more))
                                return 1;
        }
        return routes->count == 0;
}

void banjour_routes_begin(struct banjour_routes *routes, uint64_t marks) {
        routes->marks = marks;
        for (uint32_t i = 0; i < routes->field_count; i++)
                routes->fields[i].known = 0;
}

int banjour_routes_see(struct banjour_routes *routes, int index, const uint8_t *data, size_t length) {
        struct field *field = &routes->fields[index];
        if (field->known)
                return 1;
        field->known = 1;
        /* No term is longer. */
        field->length = length <= DATA_BYTES_MAX ? (uint32_t) length : 0;
        memcpy(field->data, data, field->length);
        return any_holds(routes, 1);
}

int banjour_routes_take(const struct banjour_routes *routes) {
        return any_holds(routes, 0);
}

int banjour_match_add(sd_journal *journal, struct cursor *in) {
        uint32_t groups, terms, length;
        const uint8_t *bytes;
        int result = 0;
        if (!take32(in, &groups))
                return -EINVAL;
        for (uint32_t i = 0; i < groups; i++) {
                if (i > 0)
                        result = sd_journal_add_disjunction(journal);
                if (result < 0 || !take32(in, &terms))
                        return result < 0 ? result : -EINVAL;
                for (uint32_t j = 0; j < terms; j++) {
                        if (!take32(in, &length) || !take_bytes(in, length, &bytes))
                                return -EINVAL;
                        result = sd_journal_add_match(journal, bytes, length);
                        if (result < 0)
                                return result;
                }
        }
        return 0;
}
