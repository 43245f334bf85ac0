/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The texts of the database, each stored once: names, arguments, paths, and cgroups.
 *
 * A text is looked up in memory, then in the database, and else gets the next number. New
 * texts are written with the transaction of their rows. If that fails they stay pending.
 * Memory is given back after a transaction, once there is much of it. Called by
 * record_write.c and record_convert.c.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/record/record_strings.h"

/* The memory for texts is given back when it has so many, or so many bytes. */
#define STRINGS_MAX 32768u
#define STRINGS_BYTES_MAX (16u << 20)

#define STRINGS_SLOTS_MIN 1024u

/* The suffixes of units, but slices, which have units in them. */
static const char *const unit_suffixes[] = { ".service", ".scope", ".socket", ".mount", ".swap" };

struct RecordString {
        uint64_t id;
        uint64_t used_ns;
        uint32_t hash;
        bool pending;
        bool stored;                    /* the database has it */
        size_t n;
        char bytes[];
};

static const char find_string[] = "SELECT id, text, used_ns FROM string WHERE hash = ?";
static const char find_cgroup[] = "SELECT id, path, used_ns FROM cgroup WHERE path = ?";
static const char insert_string[] = "INSERT INTO string (id, used_ns, text, hash) VALUES (?, ?, ?, ?)";
static const char insert_cgroup[] = "INSERT INTO cgroup (id, used_ns, path, unit) VALUES (?, ?, ?, ?)";

/* FNV-1a. The database keeps it, so it stays the same. */
static uint32_t strings_hash(const char *bytes, size_t n) {
        uint32_t hash = 2166136261u;

        for (size_t i = 0; i < n; ++i)
                hash = (hash ^ (uint8_t)bytes[i]) * 16777619u;

        return hash;
}

int record_strings_init(RecordStrings *strings, Db *db, bool cgroups) {
        int64_t last_id;
        int r;

        *strings = (RecordStrings){ .cgroups = cgroups, .db = db, .n_slots = STRINGS_SLOTS_MIN };
        strings->slots = calloc(strings->n_slots, sizeof(*strings->slots));
        if (!strings->slots)
                return -ENOMEM;
        r = db_query_number(db, cgroups ? "SELECT max(id) FROM cgroup" : "SELECT max(id) FROM string", &last_id);
        if (r < 0)
                return r;
        strings->last_id = (uint64_t)last_id;
        r = db_prepare(db, cgroups ? find_cgroup : find_string, &strings->find);
        if (r == 0)
                r = db_prepare(db, cgroups ? insert_cgroup : insert_string, &strings->insert);
        if (r == 0)
                r = db_prepare(db, cgroups ? "UPDATE cgroup SET used_ns = ? WHERE id = ?"
                                           : "UPDATE string SET used_ns = ? WHERE id = ?", &strings->touch);

        return r;
}

static void strings_clear(RecordStrings *strings) {
        for (size_t i = 0; i < strings->n_slots; ++i) {
                free(strings->slots[i]);
                strings->slots[i] = NULL;
        }
        strings->n_used = 0;
        strings->n_bytes = 0;
}

void record_strings_deinit(RecordStrings *strings) {
        if (strings->slots)
                strings_clear(strings);
        free(strings->slots);
        free(strings->pending);
        db_finalize(strings->find);
        db_finalize(strings->insert);
        db_finalize(strings->touch);
        *strings = (RecordStrings){ 0 };
}

static bool string_is(const RecordString *string, uint32_t hash, const char *bytes, size_t n) {
        return string->hash == hash && string->n == n && memcmp(string->bytes, bytes, n) == 0;
}

static RecordString **strings_slot(RecordStrings *strings, uint32_t hash, const char *bytes, size_t n) {
        size_t at = hash & (strings->n_slots - 1);

        while (strings->slots[at] && !string_is(strings->slots[at], hash, bytes, n))
                at = (at + 1) & (strings->n_slots - 1);

        return strings->slots + at;
}

static int strings_grow(RecordStrings *strings) {
        RecordString **before = strings->slots;
        size_t n_before = strings->n_slots;

        if (2 * strings->n_used < strings->n_slots)
                return 0;
        strings->slots = calloc(2 * n_before, sizeof(*before));
        if (!strings->slots) {
                strings->slots = before;
                return -ENOMEM;
        }
        strings->n_slots = 2 * n_before;
        for (size_t i = 0; i < n_before; ++i)
                if (before[i])
                        *strings_slot(strings, before[i]->hash, before[i]->bytes, before[i]->n) = before[i];
        free(before);

        return 0;
}

/* Looks a text up in the database. Returns 1: found; 0: the database does not have it; or a negative errno. */
static int strings_find_stored(RecordStrings *strings, RecordString *string) {
        int found = 0, r;

        if (strings->cgroups)
                db_bind_text(strings->find, 1, string->bytes, string->n);
        else
                db_bind_number(strings->find, 1, string->hash);
        while ((r = db_step(strings->db, strings->find)) > 0) {
                DbText text = db_text(strings->find, 1);

                if (text.n != string->n || memcmp(text.bytes, string->bytes, text.n) != 0)
                        continue;
                string->id = db_number(strings->find, 0);
                string->used_ns = db_number(strings->find, 2);
                string->stored = true;
                found = 1;
        }

        return r < 0 ? r : found;
}

static int strings_add_pending(RecordStrings *strings, RecordString *string, uint64_t now_ns) {
        if (string->pending)
                return 0;
        if (strings->n_pending == strings->n_pending_max) {
                size_t n = strings->n_pending_max ? 2 * strings->n_pending_max : 256;
                RecordString **pending = reallocarray(strings->pending, n, sizeof(*pending));

                if (!pending)
                        return -ENOMEM;
                strings->pending = pending;
                strings->n_pending_max = n;
        }
        strings->pending[strings->n_pending++] = string;
        string->pending = true;
        string->used_ns = now_ns;

        return 0;
}

static int strings_add(RecordStrings *strings, uint32_t hash, const char *bytes, size_t n, RecordString **ret_string) {
        RecordString *string = calloc(1, sizeof(*string) + n + 1);
        int r;

        if (!string)
                return -ENOMEM;
        string->hash = hash;
        string->n = n;
        memcpy(string->bytes, bytes, n);
        r = strings_find_stored(strings, string);
        if (r >= 0 && strings_grow(strings) < 0)
                r = -ENOMEM;
        if (r < 0) {
                free(string);
                return r;
        }
        if (r == 0)
                string->id = ++strings->last_id;
        *strings_slot(strings, hash, bytes, n) = string;
        ++strings->n_used;
        strings->n_bytes += n;
        *ret_string = string;

        return 0;
}

/**
 * record_strings_find() - the number of a text
 * @strings:    the texts
 * @bytes:      the text
 * @n:          its length
 * @now_ns:     the present time
 * @ret_id:     output
 *
 * Return: 0, or a negative errno.
 */
int record_strings_find(RecordStrings *strings, const char *bytes, size_t n, uint64_t now_ns, uint64_t *ret_id) {
        uint32_t hash = strings_hash(bytes, n);
        RecordString *string = *strings_slot(strings, hash, bytes, n);
        int r = 0;

        if (!string)
                r = strings_add(strings, hash, bytes, n, &string);
        if (r < 0)
                return r;
        if (!string->stored || string->used_ns + RECORD_STRINGS_USED_NS < now_ns)
                r = strings_add_pending(strings, string, now_ns);
        *ret_id = string->id;

        return r;
}

/* The unit of a cgroup, as systemd finds it: the first part of the path that names a unit but no slice. */
static const char *cgroup_unit(const char *path, size_t *ret_n) {
        while (*path == '/') {
                const char *part = path + 1;
                size_t n = strcspn(part, "/");

                for (size_t i = 0; i < sizeof(unit_suffixes) / sizeof(*unit_suffixes); ++i) {
                        size_t n_suffix = strlen(unit_suffixes[i]);

                        if (n > n_suffix && memcmp(part + n - n_suffix, unit_suffixes[i], n_suffix) == 0) {
                                *ret_n = n;
                                return part;
                        }
                }
                path = part + n;
        }

        return NULL;
}

static int strings_insert(RecordStrings *strings, const RecordString *string) {
        const char *unit;
        size_t n_unit;

        db_bind_number(strings->insert, 1, string->id);
        db_bind_number(strings->insert, 2, string->used_ns);
        db_bind_text(strings->insert, 3, string->bytes, string->n);
        if (!strings->cgroups) {
                db_bind_number(strings->insert, 4, string->hash);
                return db_run(strings->db, strings->insert);
        }
        unit = cgroup_unit(string->bytes, &n_unit);
        if (unit)
                db_bind_text(strings->insert, 4, unit, n_unit);
        else
                db_bind_null(strings->insert, 4);

        return db_run(strings->db, strings->insert);
}

/* Writes what is pending, within the caller's transaction. */
int record_strings_write(RecordStrings *strings) {
        int r = 0;

        for (size_t i = 0; i < strings->n_pending && r == 0; ++i) {
                const RecordString *string = strings->pending[i];

                if (!string->stored) {
                        r = strings_insert(strings, string);
                        continue;
                }
                db_bind_number(strings->touch, 1, string->used_ns);
                db_bind_number(strings->touch, 2, string->id);
                r = db_run(strings->db, strings->touch);
        }

        return r;
}

/* The transaction was committed. */
void record_strings_written(RecordStrings *strings) {
        for (size_t i = 0; i < strings->n_pending; ++i) {
                strings->pending[i]->stored = true;
                strings->pending[i]->pending = false;
        }
        strings->n_pending = 0;
        if (strings->n_used > STRINGS_MAX || strings->n_bytes > STRINGS_BYTES_MAX)
                strings_clear(strings);
}
