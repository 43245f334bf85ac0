/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * List: an intrusive, circular, doubly linked list. The link of an object that is on no
 * list points to itself, so that unlinking it is always allowed.
 */

#include <stdbool.h>
#include <stddef.h>

typedef struct List List;

struct List {
        List *next;
        List *prev;
};

#define LIST_INIT(list) { .next = &(list), .prev = &(list) }

static inline void list_init(List *list) {
        list->next = list->prev = list;
}

static inline bool list_is_empty(const List *list) {
        return list->next == list;
}

/* Appends: @link becomes the last of @list. */
static inline void list_append(List *list, List *link) {
        link->prev = list->prev;
        link->next = list;
        list->prev->next = link;
        list->prev = link;
}

/* @link becomes the first of @list. */
static inline void list_prepend(List *list, List *link) {
        list_append(list->next, link);
}

static inline void list_unlink(List *link) {
        link->prev->next = link->next;
        link->next->prev = link->prev;
        list_init(link);
}

/* Appends all links of @other, which is empty afterwards. */
static inline void list_append_all(List *list, List *other) {
        if (list_is_empty(other))
                return;
        other->next->prev = list->prev;
        other->prev->next = list;
        list->prev->next = other->next;
        list->prev = other->prev;
        list_init(other);
}

static inline List *list_first(List *list) {
        return list_is_empty(list) ? NULL : list->next;
}

/* The body may unlink @entry, but no other link of the list. */
#define list_for_each(entry, safe, list)                                      \
        for (List *entry = (list)->next, *safe = entry->next; entry != (list); entry = safe, safe = entry->next)
