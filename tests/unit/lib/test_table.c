/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* The library's table of live processes: what each message makes of it. */

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "taskbroker/taskbroker.h"

static struct tb_table *table_new(void) {
        struct tb_table *table;

        assert(tb_table_new(&table) == 0);
        assert(tb_table_count(table) == 0 && !tb_table_is_complete(table) && !tb_table_next(table, NULL));
        return table;
}

static void apply(struct tb_table *table, struct tb_message message) {
        assert(tb_table_apply(table, &message) == 0);
}

static void apply_task(struct tb_table *table, struct tb_task task) {
        apply(table, (struct tb_message){ .type = TB_MESSAGE_TASK, .task = &task });
}

static void add_task(struct tb_table *table, uint32_t pid, uint32_t tid, const char *comm) {
        struct tb_task task = { .pid = pid, .tid = tid, .uid = 5, .start_boot_ns = 1000 + tid };

        strcpy(task.comm, comm);
        apply_task(table, task);
}

static void end_snapshot(struct tb_table *table) {
        const struct tb_snapshot_end end = { 0 };

        apply(table, (struct tb_message){ .type = TB_MESSAGE_SNAPSHOT_END, .snapshot_end = &end });
        assert(tb_table_is_complete(table));
}

static void apply_event(struct tb_table *table, struct tb_event event) {
        apply(table, (struct tb_message){ .type = TB_MESSAGE_EVENT, .event = &event });
}

static struct tb_event make_event(enum tb_kind kind, uint32_t pid, uint32_t tid, const char *comm) {
        struct tb_event event = { .kind = kind, .pid = pid, .tid = tid, .uid = 5, .start_boot_ns = 1000 + tid };

        strcpy(event.comm, comm);
        return event;
}

static void apply_fork(struct tb_table *table, uint32_t pid, uint32_t parent) {
        struct tb_event event = make_event(TB_KIND_FORK, pid, pid, "child");

        event.fork.parent_pid = parent;
        apply_event(table, event);
}

static void apply_exit(struct tb_table *table, uint32_t pid, uint32_t tid, bool process_ended) {
        struct tb_event event = make_event(TB_KIND_EXIT, pid, tid, "end");

        event.exit.process_ended = process_ended;
        apply_event(table, event);
}

static void apply_link(struct tb_table *table, enum tb_link_state state) {
        const struct tb_link link = { .state = state, .reason = "" };

        apply(table, (struct tb_message){ .type = TB_MESSAGE_LINK, .link = &link });
}

/* A table with the processes 1 and 100. */
static struct tb_table *table_with_two(void) {
        struct tb_table *table = table_new();

        add_task(table, 1, 1, "init");
        add_task(table, 100, 100, "shell");
        end_snapshot(table);
        return table;
}

static const char *comm_of(const struct tb_table *table, uint32_t pid) {
        const struct tb_process *process = tb_table_find(table, pid);

        return process ? process->comm : NULL;
}

/* The rows, by all functions that show them. */
static void check_count(const struct tb_table *table, size_t n_due) {
        const struct tb_process *process = NULL;
        size_t n = 0;

        while ((process = tb_table_next(table, process))) {
                struct tb_process_id id = { .known = true, .pid = process->pid };

                id.start_boot_ns = process->start_boot_ns;

                assert(tb_table_find(table, process->pid) == process && tb_table_get(table, &id) == process);
                ++id.start_boot_ns;
                assert(!tb_table_get(table, &id));
                ++n;
        }
        assert(n == n_due && tb_table_count(table) == n_due);
}

/* The rows stay as they were until the next snapshot is complete. A part of a snapshot is never continued. */
static void test_snapshots(void) {
        struct tb_table *table = table_with_two();

        check_count(table, 2);
        add_task(table, 200, 200, "other");
        check_count(table, 2);
        apply_link(table, TB_LINK_LOST);
        assert(tb_table_is_complete(table));
        apply_link(table, TB_LINK_RESTARTED);
        assert(!tb_table_is_complete(table) && comm_of(table, 100));
        add_task(table, 300, 300, "third");
        end_snapshot(table);
        check_count(table, 1);
        assert(!comm_of(table, 200) && strcmp(comm_of(table, 300), "third") == 0);

        add_task(table, 400, 400, "fourth");
        apply(table, (struct tb_message){ .type = TB_MESSAGE_RESTARTED });
        assert(!tb_table_is_complete(table) && comm_of(table, 300));
        end_snapshot(table);
        check_count(table, 0);
        tb_table_free(table);
}

/* In a stream with threads. The leader may come behind its threads, or not at all. */
static void test_threads_of_a_snapshot(void) {
        struct tb_table *table = table_new();

        add_task(table, 100, 101, "thread");
        add_task(table, 100, 100, "leader");
        add_task(table, 100, 102, "thread");
        add_task(table, 200, 201, "thread");
        end_snapshot(table);
        check_count(table, 2);
        assert(strcmp(comm_of(table, 100), "leader") == 0 && tb_table_find(table, 100)->start_boot_ns == 1100);
        /* the start of a thread is not the start of its process */
        assert(tb_table_find(table, 200)->start_boot_ns == 0);
        tb_table_free(table);
}

static void test_lives(void) {
        struct tb_table *table = table_with_two();

        apply_fork(table, 200, 100);
        assert(strcmp(comm_of(table, 200), "child") == 0);
        apply_event(table, make_event(TB_KIND_EXEC, 200, 200, "cc"));
        assert(strcmp(comm_of(table, 200), "cc") == 0);
        /* neither a fork nor a name nor an exit of a thread is one of the process */
        apply_event(table, make_event(TB_KIND_FORK, 200, 201, "thread"));
        apply_event(table, make_event(TB_KIND_COMM, 200, 201, "thread"));
        apply_exit(table, 200, 201, false);
        assert(strcmp(comm_of(table, 200), "cc") == 0);
        apply_exit(table, 200, 200, true);
        assert(!comm_of(table, 200));
        check_count(table, 2);
        tb_table_free(table);
}

/* The process ends with another thread than its leader: only its own leader ends it. */
static void test_leader_first(void) {
        struct tb_event event = make_event(TB_KIND_EXIT, 100, 101, "thread");
        struct tb_table *table = table_with_two();

        apply_exit(table, 100, 100, false);
        assert(comm_of(table, 100));
        event.exit.process_ended = true;
        event.exit.leader.known = true;
        event.exit.leader.start_boot_ns = 5;
        apply_event(table, event);
        assert(comm_of(table, 100));
        event.exit.leader.start_boot_ns = 1100;
        apply_event(table, event);
        assert(!comm_of(table, 100));
        tb_table_free(table);
}

/* The end of the former process did not arrive: the later process with its number has nothing of it. */
static void test_reuse(void) {
        struct tb_event event = make_event(TB_KIND_FORK, 100, 100, "later");
        struct tb_table *table = table_with_two();

        event.start_boot_ns = 5000;
        event.fork.parent_pid = 1;
        apply_event(table, event);
        assert(strcmp(comm_of(table, 100), "later") == 0 && tb_table_find(table, 100)->start_boot_ns == 5000);
        /* the end of the former one comes late */
        apply_exit(table, 100, 100, true);
        assert(comm_of(table, 100));
        check_count(table, 2);
        tb_table_free(table);
}

static void test_filter(void) {
        struct tb_event event = make_event(TB_KIND_UID, 100, 100, "shell");
        struct tb_table *table = table_with_two();

        event.left_filter = true;
        apply_event(table, event);
        check_count(table, 1);
        event.left_filter = false;
        apply_event(table, event);
        check_count(table, 2);
        tb_table_free(table);
}

static void test_losses(void) {
        struct tb_event loss = { .kind = TB_KIND_LOSS, .loss = { .source = TB_LOSS_SOURCE_CONNECTOR } };
        struct tb_table *table = table_with_two();

        apply_event(table, loss);
        assert(tb_table_is_complete(table));
        for (int source = TB_LOSS_SOURCE_READER; source <= TB_LOSS_SOURCE_FILTER; ++source) {
                loss.loss.source = (enum tb_loss_source)source;
                apply_event(table, loss);
                assert(!tb_table_is_complete(table));
                end_snapshot(table);
        }
        tb_table_free(table);
}

/* A value that is not known is not shown as 0, and becomes known by a later event. */
static void test_unknown(void) {
        struct tb_event event = { .kind = TB_KIND_FORK, .pid = 200, .tid = 200, .task_unknown = true };
        struct tb_table *table = table_with_two();
        const struct tb_process *process;

        apply_task(table, (struct tb_task){ .pid = 300, .tid = 300, .task_unknown = true });
        end_snapshot(table);
        apply_event(table, event);
        for (uint32_t pid = 200; pid <= 300; pid += 100) {
                process = tb_table_find(table, pid);
                assert(!process->uid_known && !process->comm_known && !process->kernel_thread_known);
                assert(!process->maker.known && !process->session.known && process->task_unknown);
        }
        event = make_event(TB_KIND_UID, 200, 200, "named");
        event.maker = (struct tb_process_id){ .known = true, .pid = 1, .start_boot_ns = 1001 };
        apply_event(table, event);
        process = tb_table_find(table, 200);
        assert(process->uid_known && process->uid == 5 && process->comm_known && process->start_boot_ns == 1200);
        assert(process->maker.known && !process->task_unknown);
        tb_table_free(table);
}

/* A new process runs the program of its maker, and is in its session. An exec and a session of its own end that. */
static void test_inheritance(void) {
        char cmdline[] = "make\0-j2", exe[] = "/usr/bin/make";
        struct tb_program program = {
                .state = TB_PROGRAM_CAPTURED,
                .cmdline = cmdline,
                .n_cmdline = sizeof(cmdline),
                .exe = exe,
                .n_exe = sizeof(exe) - 1,
                .cgroup = "",
        };
        struct tb_event event = make_event(TB_KIND_EXEC, 200, 200, "cc");
        struct tb_table *table = table_new();
        const struct tb_program *shared;

        apply_task(table, (struct tb_task){
                .pid = 100,
                .tid = 100,
                .start_boot_ns = 1100,
                .program = &program,
                .session_leader = { .known = true, .pid = 100, .start_boot_ns = 1100 },
        });
        end_snapshot(table);
        memset(cmdline, 'x', sizeof(cmdline));
        memset(exe, 'x', sizeof(exe));
        apply_fork(table, 200, 100);
        shared = tb_table_find(table, 200)->program;
        assert(shared == tb_table_find(table, 100)->program && tb_table_find(table, 200)->session.pid == 100);
        assert(memcmp(shared->cmdline, "make\0-j2", shared->n_cmdline) == 0);
        assert(strcmp(shared->exe, "/usr/bin/make") == 0);
        assert(tb_table_find(table, 200)->kernel_thread_known && !tb_table_find(table, 200)->kernel_thread);

        /* it lives on in the child */
        apply_exit(table, 100, 100, true);
        assert(strcmp(tb_table_find(table, 200)->program->exe, "/usr/bin/make") == 0);
        program.exe = "/usr/bin/cc";
        program.n_exe = 11;
        event.exec.program = &program;
        apply_event(table, event);
        assert(strcmp(tb_table_find(table, 200)->program->exe, "/usr/bin/cc") == 0);
        apply_event(table, make_event(TB_KIND_SID, 200, 201, "thread"));
        assert(tb_table_find(table, 200)->session.pid == 200);
        assert(tb_table_find(table, 200)->session.start_boot_ns == 1200);
        tb_table_free(table);
}

/* Children of kthreadd are kernel threads, also if kthreadd has no row. */
static void test_kernel_threads(void) {
        struct tb_table *table = table_with_two();

        apply_fork(table, 50, 2);
        assert(tb_table_find(table, 50)->kernel_thread_known && tb_table_find(table, 50)->kernel_thread);
        apply_event(table, make_event(TB_KIND_EXEC, 50, 50, "modprobe"));
        assert(tb_table_find(table, 50)->kernel_thread_known && !tb_table_find(table, 50)->kernel_thread);
        tb_table_free(table);
}

static void test_many(void) {
        struct tb_table *table = table_with_two();

        for (uint32_t pid = 1000; pid < 6000; ++pid)
                apply_fork(table, pid * 7919 % 65536 + 1000, 1);
        check_count(table, 5002);
        for (uint32_t pid = 1000; pid < 6000; pid += 2)
                apply_exit(table, pid * 7919 % 65536 + 1000, pid * 7919 % 65536 + 1000, true);
        check_count(table, 2502);
        tb_table_free(table);
}

int main(void) {
        test_snapshots();
        test_threads_of_a_snapshot();
        test_lives();
        test_leader_first();
        test_reuse();
        test_filter();
        test_losses();
        test_unknown();
        test_inheritance();
        test_kernel_threads();
        test_many();
        assert(!tb_table_free(NULL));
        return 0;
}
