/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A line of subuid(5) is OWNER:FIRST:COUNT. The owner is a name or a number. Names are found in
 * the passwd file itself, and not by the name service: the broker must not wait for a
 * network, and its system calls are filtered.
 *
 * Root's ranges, and the ranges of a name that is not found, belong to a user of their own. Its number is
 * the first id of these ranges. So these ids are bounded as one user too, and never have root's part.
 *
 * Both files belong to root. Their sizes are bounded all the same, because the loop reads them.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/memory.h"
#include "broker/base/util.h"
#include "broker/policy/limits.h"
#include "broker/policy/subuid.h"

#define UID_NONE ((uid_t)-1)

/* An owner can itself be in another user's range; so often, to end in a circle too. */
#define OWNERS_MAX 4

/* A line of the passwd file; the fields that count are at its beginning. */
#define PASSWD_LINE_MAX 4096

typedef struct Entry Entry;

/* A line that was read. */
struct Entry {
        const char *name;
        SubuidRange range;
};

/* Reads a file up to the limit, and ends it with NUL; NULL: it cannot be read. */
static char *file_read(const char *path) {
        _cleanup_(fd_closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char *text = fd < 0 ? NULL : memory_alloc_optional(NULL, LIMIT_SUBUID_BYTES + 1);
        size_t n = 0;

        while (text && n < LIMIT_SUBUID_BYTES) {
                ssize_t k = read(fd, text + n, LIMIT_SUBUID_BYTES - n);

                if (k < 0) {
                        free(text);
                        return NULL;
                }
                if (k == 0)
                        break;
                n += (size_t)k;
        }
        if (!text)
                return NULL;
        text[n] = 0;
        if (n == LIMIT_SUBUID_BYTES) {
                /* A line that the limit cuts is not a line. */
                char *end = strrchr(text, '\n');

                *(end ?: text) = 0;
        }
        return text;
}

/* A decimal number below UID_NONE, and nothing else. */
static bool number_parse(const char *text, uid_t *ret) {
        char *end;
        unsigned long long number;

        if (*text < '0' || *text > '9' || strlen(text) > 10)
                return false;
        number = strtoull(text, &end, 10);
        *ret = (uid_t)number;
        return *end == 0 && number < UID_NONE;
}

static bool entry_parse(Entry *entry, char *line) {
        uid_t count;
        char *name = strsep(&line, ":"), *first = strsep(&line, ":"), *rest = line;

        if (*name == 0 || !first || !rest || !number_parse(first, &entry->range.first) || !number_parse(rest, &count) ||
            count == 0 || count > UID_NONE - entry->range.first)
                return false;
        entry->name = name;
        entry->range.last = entry->range.first + count - 1;
        entry->range.owner = UID_NONE;
        (void)number_parse(name, &entry->range.owner);
        /* Nobody owns root. */
        entry->range.first = MAX(entry->range.first, (uid_t)1);
        return entry->range.first <= entry->range.last;
}

/* Return: the number of entries; fills in the count of lines that were ignored. */
static size_t entries_parse(Entry *entries, char *text, size_t *ret_ignored) {
        size_t n = 0;

        *ret_ignored = 0;
        while (text) {
                char *line = strsep(&text, "\n");

                if (*line == 0 || *line == '#')
                        continue;
                if (n < LIMIT_SUBUID_RANGES && entry_parse(&entries[n], line))
                        ++n;
                else
                        ++*ret_ignored;
        }
        return n;
}

static int entry_compare(const void *a, const void *b) {
        return strcmp(((const Entry *)a)->name, ((const Entry *)b)->name);
}

static int entry_compare_name(const void *name, const void *entry) {
        return strcmp(name, ((const Entry *)entry)->name);
}

/* A line of passwd(5): NAME:PASSWORD:UID:... */
static void entries_apply_passwd(Entry *entries, size_t n, char *line) {
        char *name = strsep(&line, ":"), *number;
        Entry *entry = bsearch(name, entries, n, sizeof(*entries), entry_compare_name);
        uid_t uid;

        (void)strsep(&line, ":");
        number = strsep(&line, ":");
        if (!entry || !number || !number_parse(number, &uid))
                return;
        while (entry > entries && !strcmp(entry[-1].name, name))
                --entry;
        for (; entry < entries + n && !strcmp(entry->name, name); ++entry)
                if (entry->range.owner == UID_NONE)
                        entry->range.owner = uid;
}

/* Finds the owners by their names; @entries in the order of names. */
static void entries_find_names(Entry *entries, size_t n, const char *passwd_path) {
        FILE *file = fopen(passwd_path, "re");
        char line[PASSWD_LINE_MAX];
        bool begins = true;

        if (!file)
                return;
        for (size_t i = 0; i < LIMIT_PASSWD_LINES && fgets(line, sizeof(line), file); ++i) {
                bool whole = strchr(line, '\n') != NULL;

                if (begins)
                        entries_apply_passwd(entries, n, line);
                begins = whole;
        }
        fclose(file);
}

/* The ranges of root, and of a name that was not found, get their own lowest id as their owner. */
static void entries_find_rest(Entry *entries, size_t n) {
        for (size_t begin = 0, end; begin < n; begin = end) {
                uid_t lowest = UID_NONE;

                for (end = begin; end < n && !strcmp(entries[end].name, entries[begin].name); ++end)
                        lowest = MIN(lowest, entries[end].range.first);
                for (size_t i = begin; i < end; ++i)
                        if (entries[i].range.owner == UID_NONE || entries[i].range.owner == 0)
                                entries[i].range.owner = lowest;
        }
}

static int range_compare(const void *a, const void *b) {
        const SubuidRange *x = a, *y = b;

        if (x->first != y->first)
                return x->first < y->first ? -1 : 1;
        return x->last < y->last ? 1 : x->last > y->last ? -1 : 0;
}

/* Sorts the ranges. An id in two ranges belongs to the one that begins earlier. */
static void map_sort(SubuidMap *map) {
        size_t n = 0;

        qsort(map->ranges, map->n, sizeof(*map->ranges), range_compare);
        for (size_t i = 0; i < map->n; ++i) {
                SubuidRange range = map->ranges[i];

                if (n > 0 && range.first <= map->ranges[n - 1].last)
                        range.first = map->ranges[n - 1].last + 1;
                if (range.first <= range.last)
                        map->ranges[n++] = range;
        }
        map->n = n;
}

static int map_fill(SubuidMap *map, const Entry *entries, size_t n) {
        if (n == 0)
                return 0;
        map->ranges = memory_alloc_optional(NULL, n * sizeof(*map->ranges));
        if (!map->ranges)
                return SUBUID_E_MEMORY;
        map->n = n;
        for (size_t i = 0; i < n; ++i)
                map->ranges[i] = entries[i].range;
        map_sort(map);
        return 0;
}

/**
 * subuid_map_read() - read the files
 * @map:          output; the former ranges are freed
 * @path:         subuid(5)
 * @passwd_path:  passwd(5)
 *
 * A line that is not valid is counted, and ignored.
 *
 * Return: 0; SUBUID_E_UNREADABLE, SUBUID_E_MEMORY: the map is empty.
 */
int subuid_map_read(SubuidMap *map, const char *path, const char *passwd_path) {
        _cleanup_(freep) char *text = file_read(path);
        Entry *entries;
        size_t n;
        int r;

        subuid_map_deinit(map);
        if (!text)
                return SUBUID_E_UNREADABLE;
        entries = memory_alloc_optional(NULL, LIMIT_SUBUID_RANGES * sizeof(*entries));
        if (!entries)
                return SUBUID_E_MEMORY;
        n = entries_parse(entries, text, &map->n_ignored);
        qsort(entries, n, sizeof(*entries), entry_compare);
        entries_find_names(entries, n, passwd_path);
        entries_find_rest(entries, n);
        r = map_fill(map, entries, n);
        free(entries);
        return r;
}

void subuid_map_deinit(SubuidMap *map) {
        free(map->ranges);
        *map = (SubuidMap)SUBUID_MAP_NULL;
}

static const SubuidRange *map_find(const SubuidMap *map, uid_t uid) {
        size_t low = 0, high = map->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const SubuidRange *range = &map->ranges[middle];

                if (uid < range->first)
                        high = middle;
                else if (uid > range->last)
                        low = middle + 1;
                else
                        return range;
        }
        return NULL;
}

/**
 * subuid_map_owner() - the user that an id counts with
 * @map:  the map
 * @uid:  the id
 *
 * Return: Its owner, or the id itself.
 */
uid_t subuid_map_owner(const SubuidMap *map, uid_t uid) {
        for (int i = 0; i < OWNERS_MAX; ++i) {
                const SubuidRange *range = map_find(map, uid);

                if (!range)
                        break;
                uid = range->owner;
        }
        return uid;
}
