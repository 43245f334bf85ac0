/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Cgroups are ordered with '/' before every other byte. A group comes directly before the
 * groups below it then. As no group of the list is below another one, at most one of them
 * has a given path: the last one that does not come behind the path.
 */

#include <string.h>

#include "broker/base/util.h"
#include "broker/policy/filter_index.h"

/* The place of the first value that is not less than a number; @n: all values are less. */
static uint32_t numbers_find(const uint32_t *numbers, uint32_t n, uint32_t number, uint64_t *n_steps) {
        uint32_t first = 0;

        while (n > 0) {
                uint32_t half = n / 2;

                ++*n_steps;
                if (numbers[first + half] < number) {
                        first += half + 1;
                        n -= half + 1;
                } else {
                        n = half;
                }
        }
        return first;
}

/* Inserts a value, unless it is there; returns its place, or FILTER_INDEX_NONE. */
static uint32_t numbers_insert(uint32_t *numbers, uint32_t *n, uint32_t number) {
        uint64_t n_steps = 0;
        uint32_t place = numbers_find(numbers, *n, number, &n_steps);

        if (place < *n && numbers[place] == number)
                return FILTER_INDEX_NONE;
        memmove(numbers + place + 1, numbers + place, (*n - place) * sizeof(*numbers));
        numbers[place] = number;
        ++*n;
        return place;
}

/* The length of the part that two texts have in common; @n: all bytes of @text. */
static size_t common_length(const char *text, size_t n, const char *path, size_t n_path, uint64_t *n_steps) {
        size_t i = 0;

        n = MIN(n, n_path);
        ++*n_steps;
        for (; i + 8 <= n; i += 8) {
                uint64_t a, b;

                memcpy(&a, text + i, 8);
                memcpy(&b, path + i, 8);
                ++*n_steps;
                if (a != b)
                        break;
        }
        while (i < n && text[i] == path[i])
                ++i;
        return i;
}

/* The place of a byte in the order, which begins with the end of a text and '/'. */
static unsigned int order_of(char c) {
        return c == 0 || c == '/' ? c == '/' : (unsigned int)(unsigned char)c + 1;
}

/* Whether a group contains a path. */
static bool cgroup_has(size_t n_group, size_t n_common, const char *path) {
        return n_common == n_group && (path[n_group] == 0 || path[n_group] == '/');
}

static void index_add_cgroup(FilterIndex *index, const Filter *filter, uint8_t added) {
        const char *path = filter->cgroups[added];
        size_t n = strlen(path), place = 0;
        uint64_t n_steps = 0;

        for (size_t i = 0; i < index->n_cgroups; ++i) {
                const char *group = filter->cgroups[index->cgroups[i]];
                size_t n_group = index->n_cgroup[i];
                size_t n_common = common_length(group, n_group, path, n, &n_steps);

                if (cgroup_has(n_group, n_common, path))
                        return;
                if (cgroup_has(n, n_common, group))
                        continue; /* it is below the added one, which replaces it */
                index->cgroups[place] = index->cgroups[i];
                index->n_cgroup[place++] = index->n_cgroup[i];
        }
        index->n_cgroups = (uint32_t)place;
        for (; place > 0; --place) {
                const char *group = filter->cgroups[index->cgroups[place - 1]];
                size_t n_common = common_length(group, index->n_cgroup[place - 1], path, n, &n_steps);

                if (order_of(group[n_common]) < order_of(path[n_common]))
                        break;
                index->cgroups[place] = index->cgroups[place - 1];
                index->n_cgroup[place] = index->n_cgroup[place - 1];
        }
        index->cgroups[place] = added;
        index->n_cgroup[place] = (uint16_t)n;
        ++index->n_cgroups;
}

/**
 * filter_index_init() - put the lists of a filter in order
 * @index:   output
 * @filter:  the filter
 */
void filter_index_init(FilterIndex *index, const Filter *filter) {
        *index = (FilterIndex){};
        for (uint32_t i = 0; i < filter->n_uids; ++i)
                (void)numbers_insert(index->uids, &index->n_uids, filter->uids[i]);
        for (uint32_t i = 0; i < filter->n_pids; ++i) {
                uint32_t n = index->n_pids, place = numbers_insert(index->pids, &index->n_pids, filter->pids[i]);

                if (place == FILTER_INDEX_NONE)
                        continue;
                memmove(index->pid_place + place + 1, index->pid_place + place, n - place);
                index->pid_place[place] = (uint8_t)i;
        }
        for (uint32_t i = 0; i < filter->n_cgroups; ++i)
                index_add_cgroup(index, filter, (uint8_t)i);
}

/* The comparisons to find a value in a list. */
static uint64_t search_steps(uint32_t n) {
        return n > 0 ? 32 - (uint64_t)__builtin_clz(n) : 0;
}

/* The most work for one task: its user id, its number twice and its parent's, and its cgroup. */
uint64_t filter_index_steps_max(const FilterIndex *index) {
        uint64_t path = 2 + FILTER_CGROUPS_BYTES_MAX / 8;

        return search_steps(index->n_uids) + 3 * search_steps(index->n_pids) +
               (index->n_cgroups > 0 ? path + path * search_steps(index->n_cgroups) : 0);
}

/**
 * filter_index_has_uid() - whether a user id is in the list
 * @index:    the lists
 * @uid:      the user id
 * @n_steps:  the work is added, in comparisons
 */
bool filter_index_has_uid(const FilterIndex *index, uint32_t uid, uint64_t *n_steps) {
        uint32_t place = numbers_find(index->uids, index->n_uids, uid, n_steps);

        return place < index->n_uids && index->uids[place] == uid;
}

/**
 * filter_index_find_pid() - the place of a number in the filter's list
 * @index:    the lists
 * @pid:      the number of a process
 * @n_steps:  the work is added, in comparisons
 *
 * Return: The first place; FILTER_INDEX_NONE: it is not in the list.
 */
uint32_t filter_index_find_pid(const FilterIndex *index, uint32_t pid, uint64_t *n_steps) {
        uint32_t place = numbers_find(index->pids, index->n_pids, pid, n_steps);

        return place < index->n_pids && index->pids[place] == pid ? index->pid_place[place] : FILTER_INDEX_NONE;
}

/**
 * filter_index_has_cgroup() - whether a group of the list contains a path
 * @index:    the lists
 * @filter:   the filter that they were made from
 * @path:     the path: "/a" has "/a" and "/a/b", not "/ab"; "" has all
 * @n_steps:  the work is added, in comparisons of eight bytes
 */
bool filter_index_has_cgroup(const FilterIndex *index, const Filter *filter, const char *path, uint64_t *n_steps) {
        size_t n_path = strnlen(path, FILTER_CGROUPS_BYTES_MAX + 1), first = 0, n = index->n_cgroups;

        *n_steps += 1 + n_path / 16;
        while (n > 0) {
                size_t place = first + n / 2, n_group = index->n_cgroup[place];
                const char *group = filter->cgroups[index->cgroups[place]];
                size_t n_common = common_length(group, n_group, path, n_path, n_steps);

                if (cgroup_has(n_group, n_common, path))
                        return true;
                if (order_of(group[n_common]) < order_of(path[n_common])) {
                        n -= n / 2 + 1;
                        first = place + 1;
                } else {
                        n /= 2;
                }
        }
        return false;
}
