/* SPDX-License-Identifier: Apache-2.0 */

/*
 * From the times of a database to the wall clock as it was set then, and back.
 *
 * A time of the wall clock can have been twice, if it was set back. A span then begins at
 * the earlier and ends at the later of the two, so that nothing is left out. Called by the
 * verbs of history.
 */

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/cli/history/history_clock.h"

static int clock_load_boot(HistoryClock *clock, struct sqlite3_stmt *select) {
        HistoryBoot *boots = reallocarray(clock->boots, clock->n_boots + 1, sizeof(*boots)), *boot;

        if (!boots)
                return -ENOMEM;
        clock->boots = boots;
        boot = boots + clock->n_boots++;
        *boot = (HistoryBoot){
                .id = db_number(select, 0),
                .begin_ns = db_number(select, 2),
                .end_ns = db_number(select, 3),
                .pruned_ns = db_number(select, 4),
        };
        snprintf(boot->name, sizeof(boot->name), "%s", db_text(select, 1).bytes);

        return 0;
}

static int clock_load_step(HistoryClock *clock, struct sqlite3_stmt *select) {
        for (size_t i = 0; i < clock->n_boots; ++i) {
                HistoryBoot *boot = clock->boots + i;
                HistoryStep *steps;

                if (boot->id != db_number(select, 0))
                        continue;
                steps = reallocarray(boot->steps, boot->n_steps + 1, sizeof(*steps));
                if (!steps)
                        return -ENOMEM;
                boot->steps = steps;
                steps[boot->n_steps++] = (HistoryStep){ db_number(select, 1), (int64_t)db_number(select, 2) };
        }

        return 0;
}

static int clock_load_rows(HistoryClock *clock, Db *db, const char *sql,
                           int (*load)(HistoryClock *clock, struct sqlite3_stmt *select)) {
        struct sqlite3_stmt *select;
        int r = db_prepare(db, sql, &select);

        while (r >= 0 && (r = db_step(db, select)) > 0)
                r = load(clock, select);
        if (r != -ENOMEM && r < 0)
                return r;
        db_finalize(select);

        return r;
}

int history_clock_load(HistoryClock *clock, Db *db) {
        int r;

        *clock = (HistoryClock){ 0 };
        r = clock_load_rows(clock, db, "SELECT id, boot_id, begin_ns, end_ns, pruned_ns FROM boot ORDER BY id",
                            clock_load_boot);
        if (r == 0)
                r = clock_load_rows(clock, db, "SELECT boot, from_ns, step_ns FROM clock_step ORDER BY boot, from_ns",
                                    clock_load_step);

        return r;
}

void history_clock_free(HistoryClock *clock) {
        for (size_t i = 0; i < clock->n_boots; ++i)
                free(clock->boots[i].steps);
        free(clock->boots);
        *clock = (HistoryClock){ 0 };
}

/**
 * history_clock_find() - find a boot as journalctl does
 * @clock:      the boots
 * @name:       its id, or a number: 0 is the last, -1 the one before, 1 the first
 *
 * Return: The boot, or NULL.
 */
const HistoryBoot *history_clock_find(const HistoryClock *clock, const char *name) {
        char *end;
        long number = strtol(name, &end, 10);
        long n = (long)clock->n_boots, at = number > 0 ? number - 1 : n - 1 + number;

        if (*name && !*end && strlen(name) < 8)
                return at >= 0 && at < n ? clock->boots + at : NULL;
        for (size_t i = 0; i < clock->n_boots; ++i) {
                const char *have = clock->boots[i].name, *due = name;

                /* journalctl writes the id without dashes */
                for (; *have; ++have) {
                        if (*have == '-' && *due != '-')
                                continue;
                        if (tolower((unsigned char)*due) != *have)
                                break;
                        ++due;
                }
                if (!*have && !*due)
                        return clock->boots + i;
        }

        return NULL;
}

static int64_t boot_step(const HistoryBoot *boot, uint64_t time_ns) {
        int64_t step_ns = 0;

        for (size_t i = 0; i < boot->n_steps && (i == 0 || boot->steps[i].from_ns <= time_ns); ++i)
                step_ns = boot->steps[i].step_ns;

        return step_ns;
}

/* A time of the database by the wall clock as it was set then. */
uint64_t history_clock_wall(const HistoryClock *clock, uint64_t boot, uint64_t time_ns) {
        for (size_t i = 0; i < clock->n_boots; ++i)
                if (clock->boots[i].id == boot)
                        return time_ns + (uint64_t)boot_step(clock->boots + i, time_ns);

        return time_ns;
}

/* The earliest time at which the wall clock of the boot showed @wall_ns or more; the latest with @latest. */
static uint64_t boot_time(const HistoryBoot *boot, uint64_t wall_ns, bool latest) {
        uint64_t found = wall_ns - (uint64_t)(boot->n_steps ? boot->steps[latest ? boot->n_steps - 1 : 0].step_ns : 0);

        for (size_t n = 0; n < boot->n_steps; ++n) {
                size_t i = latest ? boot->n_steps - 1 - n : n;
                uint64_t time_ns = wall_ns - (uint64_t)boot->steps[i].step_ns;
                uint64_t end_ns = i + 1 < boot->n_steps ? boot->steps[i + 1].from_ns : UINT64_MAX;

                if (latest ? time_ns >= boot->steps[i].from_ns : time_ns < end_ns) {
                        found = latest && time_ns > end_ns ? end_ns : time_ns;
                        if (!latest && found < boot->steps[i].from_ns)
                                found = boot->steps[i].from_ns;
                        break;
                }
        }

        return found;
}

/**
 * history_boot_span() - the part of a span that lies in a boot
 * @boot:               the boot
 * @span:               a span by the wall clock
 * @ret_since_ns:       output, on the scale of the database
 * @ret_until_ns:       output: the first time behind the span
 *
 * Return: Whether the boot has a part of the span.
 */
bool history_boot_span(const HistoryBoot *boot, const HistorySpan *span, uint64_t *ret_since_ns,
                       uint64_t *ret_until_ns) {
        *ret_since_ns = span->since_ns ? boot_time(boot, span->since_ns, false) : 0;
        *ret_until_ns = span->until_ns ? boot_time(boot, span->until_ns, true) : INT64_MAX;
        if (*ret_since_ns > INT64_MAX)
                *ret_since_ns = 0;
        if (*ret_until_ns > INT64_MAX)
                *ret_until_ns = 0;

        return *ret_since_ns <= *ret_until_ns && *ret_until_ns > 0;
}
