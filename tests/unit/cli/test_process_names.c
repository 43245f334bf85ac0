/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The names of processes: by number and start, never the name of a later process with the
 * number, and with a mark where the name may be an older one.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/model/process_names.h"

static struct tb_process_id id_of(uint32_t pid, uint64_t start_boot_ns) {
        return (struct tb_process_id){ .known = true, .pid = pid, .start_boot_ns = start_boot_ns };
}

static struct tb_event make_event(enum tb_kind kind, uint32_t pid, uint64_t start_boot_ns, const char *comm) {
        struct tb_event event = { .kind = kind, .pid = pid, .tid = pid, .start_boot_ns = start_boot_ns };

        strcpy(event.comm, comm);
        event.exit.process_ended = kind == TB_KIND_EXIT;
        return event;
}

static void add(ProcessNames *names, enum tb_kind kind, uint32_t pid, uint64_t start_boot_ns, const char *comm) {
        struct tb_event event = make_event(kind, pid, start_boot_ns, comm);

        process_names_add_event(names, &event);
}

/* @name NULL: not known; "?name": it may be an older one. */
static void check(const ProcessNames *names, uint32_t pid, uint64_t start_boot_ns, const char *name) {
        struct tb_process_id id = id_of(pid, start_boot_ns);
        bool stale, expected = name && *name == '?';
        const char *found = process_names_find(names, &id, &stale);

        assert(!found == !name && stale == expected);
        assert(!name || strcmp(found, name + expected) == 0);
}

static void test_names(void) {
        ProcessNames names = { 0 };
        struct tb_task task = { .pid = 1, .tid = 1, .start_boot_ns = 10, .comm = "init" };
        struct tb_event event;

        check(&names, 1, 10, NULL);
        process_names_add_task(&names, &task);
        task = (struct tb_task){ .pid = 1, .tid = 2, .start_boot_ns = 11, .comm = "thread" };
        process_names_add_task(&names, &task);
        task = (struct tb_task){ .pid = 3, .tid = 3, .start_boot_ns = 12, .comm = "old", .comm_stale = true };
        process_names_add_task(&names, &task);
        check(&names, 1, 10, "init");
        check(&names, 2, 11, NULL);
        check(&names, 3, 12, "?old");

        add(&names, TB_KIND_FORK, 100, 50, "init");
        check(&names, 100, 50, "init");
        add(&names, TB_KIND_EXEC, 100, 50, "sh");
        check(&names, 100, 50, "sh");
        add(&names, TB_KIND_COMM, 100, 50, "");
        check(&names, 100, 50, "");
        event = make_event(TB_KIND_EXEC, 100, 50, "");
        strcpy(event.comm, "before");
        event.comm_stale = true;
        process_names_add_event(&names, &event);
        check(&names, 100, 50, "?before");
        add(&names, TB_KIND_COMM, 100, 50, "after");
        check(&names, 100, 50, "after");

        /* A thread has no part in the name of its process. */
        event = make_event(TB_KIND_COMM, 100, 51, "worker");
        event.tid = 101;
        process_names_add_event(&names, &event);
        check(&names, 100, 50, "after");
        check(&names, 100, 51, NULL);

        /* A name that is not known leaves the known one. */
        event = make_event(TB_KIND_EXEC, 100, 50, "");
        event.task_unknown = true;
        process_names_add_event(&names, &event);
        check(&names, 100, 50, "after");
        process_names_clear(&names);
        check(&names, 100, 50, NULL);
}

/* Each relative without an identity is unknown, and a number that is used again is another process. */
static void test_identity(void) {
        ProcessNames names = { 0 };
        struct tb_process_id id;
        bool stale;

        add(&names, TB_KIND_FORK, 100, 50, "first");
        add(&names, TB_KIND_EXIT, 100, 50, "first");
        check(&names, 100, 50, "first");
        add(&names, TB_KIND_FORK, 100, 60, "stranger");
        check(&names, 100, 50, "first");
        check(&names, 100, 60, "stranger");
        check(&names, 100, 70, NULL);

        add(&names, TB_KIND_FORK, 200, 0, "nothing");
        id = id_of(200, 0);
        assert(!process_names_find(&names, &id, &stale) && !stale);
        id = (struct tb_process_id){ .known = false, .pid = 100, .start_boot_ns = 60 };
        assert(!process_names_find(&names, &id, &stale) && !stale);
        process_names_clear(&names);
}

/* Names of ended processes stay for a while; the table does not grow without end. */
static void test_ended(void) {
        ProcessNames names = { 0 };
        struct tb_event event = make_event(TB_KIND_EXIT, 7, 0, "thread");

        /* The process ended with another thread than its leader. */
        add(&names, TB_KIND_FORK, 7, 5, "leader");
        event.tid = 8;
        event.start_boot_ns = 6;
        event.exit.leader = (struct tb_process_leader){ .known = true, .start_boot_ns = 5, .comm = "last" };
        process_names_add_event(&names, &event);
        check(&names, 7, 5, "last");
        assert(names.n_ended == 1);
        process_names_add_event(&names, &event);
        assert(names.n_ended == 1);

        for (uint32_t pid = 1000; pid < 1000 + 3 * PROCESS_NAMES_ENDED_MAX; ++pid) {
                add(&names, TB_KIND_FORK, pid, pid, "short");
                add(&names, TB_KIND_EXIT, pid, pid, "short");
        }
        add(&names, TB_KIND_FORK, 9, 9, "alive");
        assert(names.n_ended == PROCESS_NAMES_ENDED_MAX && names.n_names == PROCESS_NAMES_ENDED_MAX + 1);
        check(&names, 7, 5, NULL);
        check(&names, 1000 + 3 * PROCESS_NAMES_ENDED_MAX - 1, 1000 + 3 * PROCESS_NAMES_ENDED_MAX - 1, "short");
        check(&names, 9, 9, "alive");
        process_names_clear(&names);
}

/* Events that are missing may have been execs. */
static void test_gaps(void) {
        static const struct {
                enum tb_loss_source source;
                const char *name;
        } rows[] = {
                { TB_LOSS_SOURCE_CONNECTOR, "sh" },
                { TB_LOSS_SOURCE_TASKSTATS, "sh" },
                { TB_LOSS_SOURCE_READER, "?sh" },
                { TB_LOSS_SOURCE_FILTER, "?sh" },
        };
        struct tb_event event;

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i) {
                struct tb_event loss = { .kind = TB_KIND_LOSS, .loss.source = rows[i].source };
                ProcessNames names = { 0 };

                add(&names, TB_KIND_FORK, 100, 50, "sh");
                process_names_add_event(&names, &loss);
                check(&names, 100, 50, rows[i].name);
                add(&names, TB_KIND_UID, 100, 50, "sh");
                check(&names, 100, 50, "sh");

                /* No further event comes about a task that left the filter. */
                event = make_event(TB_KIND_UID, 100, 50, "sh");
                event.left_filter = true;
                process_names_add_event(&names, &event);
                check(&names, 100, 50, "?sh");

                names.partial = true;
                add(&names, TB_KIND_FORK, 101, 51, "cc");
                check(&names, 101, 51, "?cc");
                process_names_clear(&names);
                assert(names.partial);
        }
}

static void test_parent(void) {
        struct tb_event event = { .ppid = 5, .maker = id_of(5, 1), .parent = id_of(1, 2) };

        assert(process_names_parent_of_event(&event).start_boot_ns == 1);
        event.maker = (struct tb_process_id){ 0 };
        assert(!process_names_parent_of_event(&event).known);
        event.ppid = 1;
        assert(process_names_parent_of_event(&event).start_boot_ns == 2);
}

int main(void) {
        test_names();
        test_identity();
        test_ended();
        test_gaps();
        test_parent();
        return 0;
}
