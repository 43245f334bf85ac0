/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of live processes: it follows one stream of events with a snapshot.
 *
 * A process is known by its number and its start. The snapshot is collected beside the
 * present rows, and takes their place when it is complete. Then each event changes a row.
 * So the table stays right over a process whose leader ends before other threads, and over
 * an exec by a thread. A value that is not known has no `known` flag.
 *
 * Called by the program. Owns the rows; shares the text of programs among them. Knows no
 * client: it sees messages alone.
 */

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "taskbroker/taskbroker.h"

/* The process that forks the kernel threads. */
#define KTHREADD 2u

typedef struct Row Row;
typedef struct RowProgram RowProgram;
typedef struct Rows Rows;

/* The program of a process. A new process shares the one of its maker, until it calls exec. */
struct RowProgram {
        size_t n_rows;
        struct tb_program program;      /* points into texts */
        char texts[];
};

struct Row {
        struct tb_process process;      /* the first member: the program has a pointer to it */
        RowProgram *program;
        Row *previous, *next;
};

struct Rows {
        void *tree;                     /* by pid, of tsearch(3) */
        Row *first, *last;
        size_t n;
};

struct tb_table {
        Rows rows;
        Rows snapshot;                  /* the tasks of the next one that have come */
        bool complete;
};

/*
 * Rows.
 */

static int row_compare(const void *a, const void *b) {
        const Row *x = a, *y = b;

        return (x->process.pid > y->process.pid) - (x->process.pid < y->process.pid);
}

static Row *rows_find(const Rows *rows, uint32_t pid) {
        const Row wanted = { .process.pid = pid };
        void *const *found = tfind(&wanted, (void *const *)&rows->tree, row_compare);

        return found ? *found : NULL;
}

static void row_set_program(Row *row, RowProgram *program) {
        if (program)
                ++program->n_rows;
        if (row->program && --row->program->n_rows == 0)
                free(row->program);
        row->program = program;
        row->process.program = program ? &program->program : NULL;
}

static void rows_remove(Rows *rows, Row *row) {
        *(row->previous ? &row->previous->next : &rows->first) = row->next;
        *(row->next ? &row->next->previous : &rows->last) = row->previous;
        tdelete(row, &rows->tree, row_compare);
        --rows->n;
        row_set_program(row, NULL);
        free(row);
}

static void rows_clear(Rows *rows) {
        while (rows->first)
                rows_remove(rows, rows->first);
}

/* A new row, in the place of a former one of this number. NULL: there is too little memory. */
static Row *rows_add(Rows *rows, uint32_t pid) {
        Row *former = rows_find(rows, pid), *row = calloc(1, sizeof(*row));

        if (former)
                rows_remove(rows, former);
        if (!row)
                return NULL;
        row->process.pid = pid;
        if (!tsearch(row, &rows->tree, row_compare)) {
                free(row);
                return NULL;
        }

        row->previous = rows->last;
        *(rows->last ? &rows->last->next : &rows->first) = row;
        rows->last = row;
        ++rows->n;
        return row;
}

static char *program_text(char *at, const char **ret_text, const char *text, size_t n) {
        *ret_text = at;
        if (n > 0)
                memcpy(at, text, n);
        at[n] = 0;
        return at + n + 1;
}

/* Gives the row a copy. Return: 0; -ENOMEM: its program is not known. */
static int row_copy_program(Row *row, const struct tb_program *program) {
        RowProgram *copy;
        char *at;

        row_set_program(row, NULL);
        if (!program)
                return 0;
        copy = calloc(1, sizeof(*copy) + program->n_cmdline + program->n_exe + program->n_cgroup + 3);
        if (!copy)
                return -ENOMEM;

        copy->program = *program;
        at = program_text(copy->texts, &copy->program.cmdline, program->cmdline, program->n_cmdline);
        at = program_text(at, &copy->program.exe, program->exe, program->n_exe);
        program_text(at, &copy->program.cgroup, program->cgroup, program->n_cgroup);
        row_set_program(row, copy);
        return 0;
}

/*
 * The snapshot.
 */

static int table_take_task(struct tb_table *table, const struct tb_task *task) {
        struct tb_process *process;
        Row *row;

        if (task->pid != task->tid && rows_find(&table->snapshot, task->pid))
                return 0;
        row = rows_add(&table->snapshot, task->pid);
        if (!row)
                return -ENOMEM;

        process = &row->process;
        if (task->pid == task->tid) {
                process->start_time_ns = task->start_time_ns;
                process->start_boot_ns = task->start_boot_ns;
        }
        process->task_unknown = task->task_unknown;
        process->uid_known = task->uid || !task->task_unknown;
        process->uid = task->uid;
        process->comm_known = task->comm[0] || !task->task_unknown;
        process->comm_stale = task->comm_stale;
        memcpy(process->comm, task->comm, sizeof(process->comm));
        process->maker = task->maker;
        process->parent = task->parent;
        process->session = task->session_leader;
        process->kernel_thread_known = task->kernel_thread || !task->task_unknown;
        process->kernel_thread = task->kernel_thread;
        return row_copy_program(row, task->program);
}

/*
 * Events.
 */

/* The values that each event about a process has. */
static void row_update(Row *row, const struct tb_event *event) {
        struct tb_process *process = &row->process;

        if (!process->start_boot_ns) {
                process->start_boot_ns = event->start_boot_ns;
                process->start_time_ns = event->start_time_ns;
        }
        process->task_unknown = event->task_unknown;
        process->uid_known = event->uid || !event->task_unknown;
        process->uid = event->uid;
        process->comm_known = event->comm[0] || !event->task_unknown;
        process->comm_stale = event->comm_stale;
        memcpy(process->comm, event->comm, sizeof(process->comm));
        process->parent = event->parent;
        if (!process->maker.known)
                process->maker = event->maker;
}

/* The row of the event's process. A process without a row has entered the set of the filter. */
static Row *table_row(struct tb_table *table, const struct tb_event *event) {
        Row *row = rows_find(&table->rows, event->pid);
        const uint64_t start = row ? row->process.start_boot_ns : 0;

        if (!row || (event->pid == event->tid && start && event->start_boot_ns && start != event->start_boot_ns))
                return rows_add(&table->rows, event->pid);
        return row;
}

/* A new process is like the process that forked it. */
static void table_inherit(struct tb_table *table, Row *row, uint32_t maker_pid) {
        const Row *maker = rows_find(&table->rows, maker_pid);

        if (maker_pid == KTHREADD)
                row->process.kernel_thread = row->process.kernel_thread_known = true;
        if (!maker || maker == row)
                return;

        row->process.session = maker->process.session;
        row->process.kernel_thread |= maker->process.kernel_thread;
        row->process.kernel_thread_known |= maker->process.kernel_thread_known;
        row_set_program(row, maker->program);
}

static void table_take_exit(struct tb_table *table, const struct tb_event *event) {
        const uint64_t start = event->pid == event->tid ? event->start_boot_ns : event->exit.leader.start_boot_ns;
        Row *row = rows_find(&table->rows, event->pid);

        /* the leader can end before its process */
        if (!row || !event->exit.process_ended)
                return;
        if (!start || !row->process.start_boot_ns || row->process.start_boot_ns == start)
                rows_remove(&table->rows, row);
}

static int table_change(struct tb_table *table, const struct tb_event *event) {
        const bool leader = event->pid == event->tid;
        int r = 0;
        Row *row;

        if (!leader && event->kind != TB_KIND_SID)
                return 0;
        row = table_row(table, event);
        if (!row)
                return -ENOMEM;

        if (leader)
                row_update(row, event);
        switch (event->kind) {
        case TB_KIND_FORK:
                table_inherit(table, row, event->fork.parent_pid);
                break;
        case TB_KIND_EXEC:
                row->process.kernel_thread = false;
                row->process.kernel_thread_known = true;
                r = row_copy_program(row, event->exec.program);
                break;
        case TB_KIND_SID:
                row->process.session = (struct tb_process_id){
                        .known = true,
                        .pid = event->pid,
                        .start_boot_ns = row->process.start_boot_ns,
                };
                break;
        default:
                break;
        }
        return r;
}

static int table_take_event(struct tb_table *table, const struct tb_event *event) {
        Row *row;
        int r = 0;

        if (event->kind == TB_KIND_LOSS) {
                /* after a loss in the kernel the broker repairs the table with events */
                if (event->loss.source == TB_LOSS_SOURCE_READER || event->loss.source == TB_LOSS_SOURCE_FILTER)
                        table->complete = false;
                return 0;
        }

        if (event->kind == TB_KIND_EXIT)
                table_take_exit(table, event);
        else
                r = table_change(table, event);
        row = event->left_filter ? rows_find(&table->rows, event->pid) : NULL;
        if (row)
                rows_remove(&table->rows, row);
        return r;
}

/*
 * The public functions.
 */

int tb_table_new(struct tb_table **ret_table) {
        *ret_table = calloc(1, sizeof(**ret_table));
        return *ret_table ? 0 : -ENOMEM;
}

struct tb_table *tb_table_free(struct tb_table *table) {
        if (!table)
                return NULL;

        rows_clear(&table->rows);
        rows_clear(&table->snapshot);
        free(table);
        return NULL;
}

int tb_table_apply(struct tb_table *table, const struct tb_message *message) {
        int r = 0;

        switch (message->type) {
        case TB_MESSAGE_TASK:
                r = table_take_task(table, message->task);
                break;
        case TB_MESSAGE_SNAPSHOT_END:
                rows_clear(&table->rows);
                table->rows = table->snapshot;
                table->snapshot = (Rows){ 0 };
                table->complete = true;
                break;
        case TB_MESSAGE_EVENT:
                r = table_take_event(table, message->event);
                break;
        case TB_MESSAGE_LINK:
                /* a part of a snapshot never becomes a whole one on another connection */
                rows_clear(&table->snapshot);
                table->complete &= message->link->state != TB_LINK_RESTARTED;
                break;
        case TB_MESSAGE_RESTARTED:
        case TB_MESSAGE_UNSUBSCRIBED:
                rows_clear(&table->snapshot);
                table->complete = false;
                break;
        default:
                break;
        }
        if (r < 0)
                table->complete = false;
        return r;
}

bool tb_table_is_complete(const struct tb_table *table) {
        return table->complete;
}

size_t tb_table_count(const struct tb_table *table) {
        return table->rows.n;
}

const struct tb_process *tb_table_find(const struct tb_table *table, uint32_t pid) {
        const Row *row = rows_find(&table->rows, pid);

        return row ? &row->process : NULL;
}

const struct tb_process *tb_table_get(const struct tb_table *table, const struct tb_process_id *id) {
        const Row *row = id->known ? rows_find(&table->rows, id->pid) : NULL;

        return row && row->process.start_boot_ns == id->start_boot_ns ? &row->process : NULL;
}

const struct tb_process *tb_table_next(const struct tb_table *table, const struct tb_process *process) {
        const Row *row = process ? ((const Row *)(const void *)process)->next : table->rows.first;

        return row ? &row->process : NULL;
}
