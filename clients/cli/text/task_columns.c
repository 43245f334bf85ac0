/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The columns of a table of tasks: their names, their cells and their order.
 *
 * One table, at the end, has all columns; the header, the cells, the sorting and the
 * help are made from it. A value that is not known is "-", never 0. Pure, but for the
 * names of users and the time zone.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/format.h"
#include "clients/cli/text/task_columns.h"

static uint32_t task_column_number(const TaskColumn *column, const struct tb_task *task) {
        uint32_t number;

        memcpy(&number, (const char *)task + column->offset, sizeof(number));
        return number;
}

static int compare_u64(uint64_t a, uint64_t b) {
        return (a > b) - (a < b);
}

static int compare_number(const TaskColumn *column,
                          const TaskColumnView *view,
                          const struct tb_task *a,
                          const struct tb_task *b) {
        (void)view;
        return compare_u64(task_column_number(column, a), task_column_number(column, b));
}

/* A number that is never 0 where it is known. */
static void write_number(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        uint32_t number = task_column_number(column, task);

        (void)view;
        snprintf(text, TASK_COLUMN_TEXT_MAX, number ? "%" PRIu32 : "-", number);
}

/* An id: 0 is root, or none, unless the fork of the task was lost. */
static void write_id(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        uint32_t number = task_column_number(column, task);

        (void)view;
        snprintf(text, TASK_COLUMN_TEXT_MAX, number || !task->task_unknown ? "%" PRIu32 : "-", number);
}

/* The number of a relative. 0 stands for no process, if the relation is known. */
static void write_relative(const TaskColumn *column,
                           const TaskColumnView *view,
                           const struct tb_task *task,
                           char *text) {
        struct tb_process_id relative;

        (void)view;
        memcpy(&relative, (const char *)task + column->offset - offsetof(struct tb_process_id, pid), sizeof(relative));
        snprintf(text, TASK_COLUMN_TEXT_MAX, relative.known ? "%" PRIu32 : "-", relative.pid);
}

static const char *task_user(const TaskColumnView *view, const struct tb_task *task) {
        return task->uid || !task->task_unknown ? users_name(view->users, task->uid) : "-";
}

static void write_user(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        (void)column;
        snprintf(text, TASK_COLUMN_TEXT_MAX, "%s", task_user(view, task));
}

static int compare_user(const TaskColumn *column,
                        const TaskColumnView *view,
                        const struct tb_task *a,
                        const struct tb_task *b) {
        bool known_a = a->uid || !a->task_unknown, known_b = b->uid || !b->task_unknown;

        (void)column;
        if (!known_a || !known_b)
                return known_a - known_b;

        return users_compare(view->users, a->uid, b->uid);
}

static int compare_started(const TaskColumn *column,
                           const TaskColumnView *view,
                           const struct tb_task *a,
                           const struct tb_task *b) {
        (void)column;
        (void)view;
        return compare_u64(a->start_time_ns, b->start_time_ns);
}

static int compare_age(const TaskColumn *column,
                       const TaskColumnView *view,
                       const struct tb_task *a,
                       const struct tb_task *b) {
        return compare_started(column, view, b, a);
}

static void write_started(const TaskColumn *column,
                          const TaskColumnView *view,
                          const struct tb_task *task,
                          char *text) {
        char date[FORMAT_MAX];

        (void)column;
        (void)view;
        snprintf(text, TASK_COLUMN_TEXT_MAX, "%s", task->start_time_ns ? format_date(date, task->start_time_ns) : "-");
}

/* A start from /proc is exact to 10 ms: it may be later than the time of the snapshot. */
static void write_age(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        uint64_t age = task->start_time_ns < view->now_ns ? view->now_ns - task->start_time_ns : 0;
        char duration[FORMAT_MAX];

        (void)column;
        snprintf(text, TASK_COLUMN_TEXT_MAX, "%s", task->start_time_ns ? format_duration(duration, age) : "-");
}

static void write_name(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        (void)column;
        (void)view;
        if (!task->comm[0] && task->task_unknown)
                strcpy(text, "-");
        else
                text_name(text, TASK_COLUMN_TEXT_MAX, task->comm, task->comm_stale);
}

/* The present parent; NULL: not known. */
static const struct tb_task *task_parent(const TaskColumnView *view, const struct tb_task *task) {
        return view->parents ? task_list_find_process(view->parents, &task->parent) : NULL;
}

static void write_parent(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        const struct tb_task *parent = task_parent(view, task);

        if (parent)
                write_name(column, view, parent, text);
        else
                strcpy(text, "-");
}

static int compare_parent(const TaskColumn *column,
                          const TaskColumnView *view,
                          const struct tb_task *a,
                          const struct tb_task *b) {
        const struct tb_task *one = task_parent(view, a), *other = task_parent(view, b);

        (void)column;
        return strcmp(one ? one->comm : "", other ? other->comm : "");
}

static int compare_name(const TaskColumn *column,
                        const TaskColumnView *view,
                        const struct tb_task *a,
                        const struct tb_task *b) {
        (void)column;
        (void)view;
        return strcmp(a->comm, b->comm);
}

/*
 * Kernel threads have no arguments. The arguments of a process that ended early are not
 * known. Both kinds show the name in brackets, as in ps(1).
 */
static void write_args(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        if (task->program && cmdline_text(text, task->program) > 0)
                return;

        text[0] = '[';
        write_name(column, view, task, text + 1);
        strcat(text, "]");
}

static int compare_args(const TaskColumn *column,
                        const TaskColumnView *view,
                        const struct tb_task *a,
                        const struct tb_task *b) {
        size_t n_a = a->program ? a->program->n_cmdline : 0, n_b = b->program ? b->program->n_cmdline : 0;
        int r = 0;

        if (n_a && n_b)
                r = memcmp(a->program->cmdline, b->program->cmdline, n_a < n_b ? n_a : n_b);
        if (r == 0)
                r = compare_u64(n_a, n_b);

        return r ? r : compare_name(column, view, a, b);
}

static const char *task_exe(const struct tb_task *task) {
        return task->program ? task->program->exe : "";
}

static const char *task_cgroup(const struct tb_task *task) {
        return task->program ? task->program->cgroup : "";
}

static void write_path(char *text, const char *path) {
        if (*path)
                text_escape(text, TASK_COLUMN_TEXT_MAX, path, TEXT_FOR_TERMINAL);
        else
                strcpy(text, "-");
}

static void write_exe(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        (void)column;
        (void)view;
        write_path(text, task_exe(task));
}

static void write_cgroup(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        (void)column;
        (void)view;
        write_path(text, task_cgroup(task));
}

static int compare_exe(const TaskColumn *column,
                       const TaskColumnView *view,
                       const struct tb_task *a,
                       const struct tb_task *b) {
        (void)column;
        (void)view;
        return strcmp(task_exe(a), task_exe(b));
}

static int compare_cgroup(const TaskColumn *column,
                          const TaskColumnView *view,
                          const struct tb_task *a,
                          const struct tb_task *b) {
        (void)column;
        (void)view;
        return strcmp(task_cgroup(a), task_cgroup(b));
}

static void write_kernel(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        (void)column;
        (void)view;
        strcpy(text, task->kernel_thread ? "yes" : task->task_unknown ? "-" : "no");
}

static int compare_kernel(const TaskColumn *column,
                          const TaskColumnView *view,
                          const struct tb_task *a,
                          const struct tb_task *b) {
        (void)column;
        (void)view;
        return (int)a->kernel_thread - (int)b->kernel_thread;
}

static void task_flags(const struct tb_task *task, char *text) {
        size_t n = 0;

        if (task->kernel_thread)
                text[n++] = 'k';
        if (task->credentials_changed)
                text[n++] = 'c';
        if (task->seeded)
                text[n++] = 's';
        if (task->task_unknown)
                text[n++] = 'u';
        if (n == 0)
                text[n++] = '-';
        text[n] = 0;
}

static void write_flags(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        (void)column;
        (void)view;
        task_flags(task, text);
}

static int compare_flags(const TaskColumn *column,
                         const TaskColumnView *view,
                         const struct tb_task *a,
                         const struct tb_task *b) {
        char flags_a[8], flags_b[8];

        (void)column;
        (void)view;
        task_flags(a, flags_a);
        task_flags(b, flags_b);
        return strcmp(flags_a, flags_b);
}

#define TASK_COLUMN_NUMBER(field) .right = true, .offset = offsetof(struct tb_task, field), .compare = compare_number

static const TaskColumn columns[] = {
        { "pid", "PID", "the process", TASK_COLUMN_NUMBER(pid), .write = write_number },
        { "tid", "TID", "the task", TASK_COLUMN_NUMBER(tid), .write = write_number },
        { "ppid", "PPID", "the process' present parent", TASK_COLUMN_NUMBER(parent.pid), .write = write_relative },
        {
                "parent",
                "PARENT",
                "the name of the present parent",
                .parent = true,
                .write = write_parent,
                .compare = compare_parent,
        },
        { "maker", "MAKER", "the process that forked it", TASK_COLUMN_NUMBER(maker.pid), .write = write_relative },
        { "user", "USER", "the real user's name", .write = write_user, .compare = compare_user },
        { "uid", "UID", "the real user", TASK_COLUMN_NUMBER(uid), .write = write_id },
        { "euid", "EUID", "the effective user", TASK_COLUMN_NUMBER(euid), .write = write_id },
        { "gid", "GID", "the real group", TASK_COLUMN_NUMBER(gid), .write = write_id },
        { "egid", "EGID", "the effective group", TASK_COLUMN_NUMBER(egid), .write = write_id },
        {
                "session",
                "SESSION",
                "the leader of its session",
                TASK_COLUMN_NUMBER(session_leader.pid),
                .write = write_relative,
        },
        { "started", "STARTED", "when it began", .write = write_started, .compare = compare_started },
        { "age", "AGE", "how long ago that is", .right = true, .write = write_age, .compare = compare_age },
        { "tasks", "TASKS", "how many tasks the process has", TASK_COLUMN_NUMBER(tasks), .write = write_number },
        { "name", "NAME", "the task's name", .branch = true, .write = write_name, .compare = compare_name },
        {
                "args",
                "ARGS",
                "the command line; [name] if it is not known",
                .program = true,
                .branch = true,
                .write = write_args,
                .compare = compare_args,
        },
        { "exe", "EXE", "the executable", .program = true, .write = write_exe, .compare = compare_exe },
        { "cgroup", "CGROUP", "the control group", .program = true, .write = write_cgroup, .compare = compare_cgroup },
        { "kernel", "KERNEL", "whether it is the kernel's own", .write = write_kernel, .compare = compare_kernel },
        {
                "flags",
                "FLAGS",
                "k: the kernel's; c: its ids changed since its exec; s: older than the broker; u: its fork was lost",
                .write = write_flags,
                .compare = compare_flags,
        },
};

#define N_COLUMNS (sizeof(columns) / sizeof(*columns))

/**
 * task_column_find() - find a column by its name
 * @name:       may have no NUL at the end
 * @n_name:     its length
 *
 * Return: The column, or NULL.
 */
const TaskColumn *task_column_find(const char *name, size_t n_name) {
        for (size_t i = 0; i < N_COLUMNS; ++i)
                if (strlen(columns[i].name) == n_name && memcmp(columns[i].name, name, n_name) == 0)
                        return columns + i;

        return NULL;
}

/* Walks over all columns: NULL gives the first, the last gives NULL. */
const TaskColumn *task_column_next(const TaskColumn *column) {
        if (!column)
                return columns;

        return ++column < columns + N_COLUMNS ? column : NULL;
}

/**
 * task_column_write() - write the cell of a task
 * @column:     the column
 * @view:       all else that the cell depends on
 * @task:       the task
 * @text:       output: TASK_COLUMN_TEXT_MAX bytes; escaped for a terminal
 */
void task_column_write(const TaskColumn *column, const TaskColumnView *view, const struct tb_task *task, char *text) {
        column->write(column, view, task, text);
}

/* Compares two tasks by a column, as strcmp() does. */
int task_column_compare(const TaskColumn *column,
                        const TaskColumnView *view,
                        const struct tb_task *a,
                        const struct tb_task *b) {
        return column->compare(column, view, a, b);
}
