/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A deep copy of the program's filter, for the subscription that is sent again after a
 * reconnect.
 *
 * The program's arrays and texts are valid only during tb_subscribe(). So the copy must
 * keep no pointer that the program passed. Each criterion is copied by its row in
 * proto/filter_criteria.h, and a copy begins as all zero. The assertions below hold
 * struct tb_filter to the rows: a member without a row does not compile.
 *
 * Called by reconnect.c, with filters that request.c has checked.
 */

#include <errno.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>

#include "clients/lib/filter_copy.h"

/* The public struct as the rows describe it. */
typedef struct FilterRows FilterRows;

struct FilterRows {
#define MEMBERS_NUMBERS(name) const uint32_t *name; size_t n_##name;
#define MEMBERS_TEXTS(name) const char *const *name; size_t n_##name;
#define MEMBERS_PATHS(name) const char *const *name; size_t n_##name;
#define MEMBERS_CPU_LIST(name) const char *name;
#define MEMBERS_FLAG(name) bool name;
#define MEMBERS(name, NAME, shape, ...) MEMBERS_##shape(name)
        FILTER_CRITERIA(MEMBERS)
#undef MEMBERS
#undef MEMBERS_FLAG
#undef MEMBERS_CPU_LIST
#undef MEMBERS_PATHS
#undef MEMBERS_TEXTS
#undef MEMBERS_NUMBERS
};

_Static_assert(sizeof(FilterRows) == sizeof(struct tb_filter), "struct tb_filter has a member without a row");
#define SAME_PLACE(name, ...)                                                                                          \
        _Static_assert(offsetof(FilterRows, name) == offsetof(struct tb_filter, name),                                 \
                       "members and rows have one order: " #name);
FILTER_CRITERIA(SAME_PLACE)
#undef SAME_PLACE

void filter_copy_deinit(FilterCopy *copy) {
        free(copy->texts);
        *copy = (FilterCopy){ 0 };
}

static const uint32_t *copy_numbers(uint32_t *to, const uint32_t *from, size_t n) {
        if (n > 0)
                memcpy(to, from, n * sizeof(*to));
        return to;
}

static size_t texts_size(const char *const *texts, size_t n_texts) {
        size_t n = 0;

        for (size_t i = 0; i < n_texts; ++i)
                n += strlen(texts[i]) + 1;
        return n;
}

/* Return: where the next text goes. */
static char *copy_texts(char *at, const char **to, const char *const *from, size_t n) {
        for (size_t i = 0; i < n; ++i) {
                to[i] = at;
                at = stpcpy(at, from[i]) + 1;
        }
        return at;
}

/**
 * filter_copy_set() - copy a filter
 * @copy:       the copy; its former value is freed
 * @filter:     a filter within the maxima of its criteria
 *
 * Return: 0; -ENOMEM: the copy is as it was.
 */
int filter_copy_set(FilterCopy *copy, const struct tb_filter *filter) {
        size_t n = 0;
        char *at;

#define SIZE_NUMBERS(name)
#define SIZE_TEXTS(name) n += texts_size(filter->name, filter->n_##name);
#define SIZE_PATHS(name) SIZE_TEXTS(name)
#define SIZE_CPU_LIST(name) n += filter->name ? strlen(filter->name) + 1 : 0;
#define SIZE_FLAG(name)
#define SIZE(name, NAME, shape, ...) SIZE_##shape(name)
        FILTER_CRITERIA(SIZE)
#undef SIZE
        at = malloc(n + 1);
        if (!at)
                return -ENOMEM;

        filter_copy_deinit(copy);
        copy->texts = at;
#define COPY_NUMBERS(name)                                                     \
        copy->filter.name = copy_numbers(copy->name, filter->name, filter->n_##name); \
        copy->filter.n_##name = filter->n_##name;
#define COPY_TEXTS(name)                                                       \
        at = copy_texts(at, copy->name, filter->name, filter->n_##name);       \
        copy->filter.name = copy->name;                                        \
        copy->filter.n_##name = filter->n_##name;
#define COPY_PATHS(name) COPY_TEXTS(name)
#define COPY_CPU_LIST(name)                                                    \
        if (filter->name)                                                      \
                at = copy_texts(at, &copy->filter.name, &filter->name, 1);
#define COPY_FLAG(name) copy->filter.name = filter->name;
#define COPY(name, NAME, shape, ...) COPY_##shape(name)
        FILTER_CRITERIA(COPY)
#undef COPY
        (void)at;
        return 0;
}
