/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A reading costs some 20 us: five files, through a descriptor of the task's directory.
 * The descriptor pins the task: once the task has gone, reading through it fails, even if
 * its number has a new owner. Two checks show that it was the right task: its start, which
 * agrees to 20 ms; and its record, which was not queued by the end of the reading. The
 * kernel does not reuse a number before it queues the record.
 *
 * The process may call exec between two files, and belong to another user then. So its owner
 * is checked before the first file and after the last one: if it is not the owner that the
 * table has, or was shown to its owner only once, nothing was read. Two execs, away from the
 * owner and back, take longer than an undisturbed reading. After a long reading the
 * connector's queue must therefore be empty, which would have the exec in between.
 *
 * At exec, readings are bounded twice, like the readings of names: by a budget per second,
 * and by the kernel's queue, which comes first. The pass over older processes takes a
 * slice between turns of the loop, and returns to the processes that were skipped.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/procfs.h"
#include "broker/tasks/program_reader.h"

#define READS_PER_SECOND 2000u

/* Memory of all programs; a process beyond it is skipped. */
#define BYTES_MAX ((size_t)128 * 1024 * 1024)

/* So many empty arguments in a row, at the end, are padding. */
#define PADDING_MIN 8u

/* Two execs of a process do not fit into this time. */
#define UNDISTURBED_NS ((uint64_t)150 * NSEC_PER_USEC)

/* The length of a task's name. */
#define COMM_LENGTH (COMM_SIZE - 1)

typedef struct Reading Reading;

struct Reading {
        size_t cmdline_max;
        bool truncated;
        size_t n_cmdline, n_exe, n_cgroup;
        char cmdline[PROGRAM_CMDLINE_MAX + 2];
        char exe[PROGRAM_PATH_MAX + 1];
        char cgroup[PROGRAM_PATH_MAX + 1];
};

void program_reader_init(ProgramReader *programs, int procfs_fd, TaskTable *table, ExitRecords *records) {
        *programs = (ProgramReader){
                .procfs_fd = procfs_fd,
                .table = table,
                .records = records,
                .cmdline_max = PROGRAM_CMDLINE_DEFAULT,
        };
}

/**
 * program_reader_want() - note a new user of programs
 * @programs:  the programs
 */
void program_reader_want(ProgramReader *programs) {
        if (programs->n_wanted++ == 0)
                programs->complete = false;
}

/**
 * program_reader_unwant() - note that a user has left
 * @programs:  the programs
 *
 * A known program stays with its process until the next exec.
 */
void program_reader_unwant(ProgramReader *programs) {
        --programs->n_wanted;
}

/**
 * program_reader_note_fork() - note a process that was forked, and has the program of its parent
 * @programs:  the programs
 * @process:   the process
 *
 * If the parent's program was not read yet, or was skipped, the process is to be
 * read itself. The pass may be beyond its number.
 */
void program_reader_note_fork(ProgramReader *programs, const Process *process) {
        if (!process->program || process->program->state == PROGRAM_SKIPPED)
                programs->complete = false;
}

/**
 * program_reader_is_complete() - whether there is nothing for program_reader_read_next()
 * @programs:  the programs
 *
 * Return: Whether no subscription wants them, or all are known that could be.
 */
bool program_reader_is_complete(const ProgramReader *programs) {
        return programs->n_wanted == 0 || (programs->complete && programs->next_tid == 0);
}

static size_t cut(size_t n, size_t n_max, bool *truncated) {
        *truncated |= n > n_max;
        return MIN(n, n_max);
}

/*
 * The rank of a hierarchy, by its line of /proc/PID/cgroup: "0::/path" for version 2, "1:name=systemd:/path" or
 * "4:memory:/path" for version 1. The path of the highest rank is taken. 0: the line is not valid.
 */
static unsigned int cgroup_rank(const char *number, const char *controllers) {
        if (strcmp(number, "0") == 0)
                return *controllers ? 0 : 4;
        if (strcmp(controllers, "name=systemd") == 0)
                return 3;

        return !*controllers ? 0 : strncmp(controllers, "name=", strlen("name=")) == 0 ? 1 : 2;
}

/*
 * Takes the path of the best hierarchy in which the process is not in the root. A hierarchy that is not used
 * has all processes in its root. Some hosts use only hierarchies of controllers.
 */
static void cgroup_parse(Reading *reading, char *text) {
        unsigned int best = 0;
        const char *path = NULL;

        for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
                char *controllers = strchr(line, ':'), *rest = controllers ? strchr(controllers + 1, ':') : NULL;
                unsigned int rank;

                if (!rest)
                        continue;
                *controllers++ = 0;
                *rest++ = 0;
                rank = cgroup_rank(line, controllers);
                if (rank == 0 || *rest != '/')
                        continue;
                if (rest[1])
                        rank += 10;
                if (rank > best) {
                        best = rank;
                        path = rest;
                }
        }
        if (!path)
                return;
        reading->n_cgroup = cut(strlen(path), PROGRAM_PATH_MAX, &reading->truncated);
        memcpy(reading->cgroup, path, reading->n_cgroup);
}

/* Whether the first argument is the name of the task: the last part of a path, as far as names are long. */
static bool cmdline_begins_with_name(const char *cmdline, const char *comm) {
        const char *slash = strrchr(cmdline, '/'), *name = slash ? slash + 1 : cmdline;

        return *comm && strncmp(name, comm, COMM_LENGTH) == 0;
}

/*
 * The length of a command line without padding. A process that gives itself a title overwrites its arguments, and
 * fills the rest of their memory with NULs. /proc shows the NULs, which look like empty arguments.
 * So a long row of NULs is padding. A single argument with NULs behind it is a title, if it is read later than at
 * the exec and is not the name of the program.
 */
static size_t cmdline_without_padding(const char *cmdline, size_t n, const char *comm, bool at_exec) {
        size_t n_used = n, n_padding;

        while (n_used > 0 && !cmdline[n_used - 1])
                --n_used;
        if (n_used == n)
                return n;

        /* The first NUL ends the last argument. An area of NULs alone is one empty argument. */
        n_padding = n - n_used - 1;
        if (n_padding >= PADDING_MIN)
                return n_used + 1;
        if (n_padding > 0 && n_used > 0 && !at_exec && !memchr(cmdline, 0, n_used) &&
            !cmdline_begins_with_name(cmdline, comm))
                return n_used + 1;

        return n;
}

/* "size resident ...": the kernel shows a task without memory as nothing but zeros. */
static bool memory_is_gone(int dir_fd) {
        char buffer[64];

        return procfs_read_file(dir_fd, "statm", buffer, sizeof(buffer)) > 0 && !strncmp(buffer, "0 ", 2);
}

static bool reading_fill(Reading *reading, int dir_fd, const Task *task, bool at_exec) {
        char buffer[4096 + PROGRAM_PATH_MAX];
        ProcfsTask found;
        ssize_t n;

        reading->truncated = false;
        reading->n_cmdline = reading->n_exe = reading->n_cgroup = 0;
        if (procfs_read_file(dir_fd, "stat", buffer, sizeof(buffer)) <= 0 || !procfs_parse_stat(buffer, &found) ||
            found.ended || !procfs_starts_agree(found.start_time_ns, task->start_time_ns))
                return false;

        n = procfs_read_file(dir_fd, "cmdline", reading->cmdline, reading->cmdline_max + 2);
        if (n < 0)
                return false;
        n = (ssize_t)cmdline_without_padding(reading->cmdline, (size_t)n, found.comm, at_exec);
        reading->n_cmdline = cut((size_t)n, reading->cmdline_max, &reading->truncated);

        n = readlinkat(dir_fd, "exe", reading->exe, sizeof(reading->exe));
        /*
         * With neither it has no memory any more, and has all but ended; a kernel thread never had. Without
         * CAP_SYS_PTRACE the executables of others are refused, and that it has none does not show.
         */
        if (n < 0 && reading->n_cmdline == 0 && !found.kernel_thread && (errno == ENOENT || memory_is_gone(dir_fd)))
                return false;
        reading->n_exe = cut(n < 0 ? 0 : (size_t)n, PROGRAM_PATH_MAX, &reading->truncated);

        /* Last, because this one fails for those that ended meanwhile. */
        if (procfs_read_file(dir_fd, "cgroup", buffer, sizeof(buffer)) < 0)
                return false;
        cgroup_parse(reading, buffer);
        return true;
}

/* Whether the record of a task's exit has come, so that its number may have a new owner. */
static int program_reader_has_ended(ProgramReader *programs, const Task *task, bool *ret_ended) {
        const PendingRecord *record;
        int r;

        exit_records_expect(programs->records);
        r = exit_records_drain(programs->records);
        if (r)
                return error_trace(r);
        record = exit_records_peek(programs->records, task->tid);
        *ret_ended = pending_record_belongs_to(record, task) &&
                     pending_record_fits(record, task, record->arrived_ns + (uint64_t)programs->time_offset_ns);
        return 0;
}

/* Whether a task runs on that could not be read. */
static bool task_runs(int dir_fd, const Task *task) {
        char buffer[1024];
        ProcfsTask found;

        return procfs_read_file(dir_fd, "stat", buffer, sizeof(buffer)) > 0 && procfs_parse_stat(buffer, &found) &&
               !found.ended && !found.exiting && procfs_starts_agree(found.start_time_ns, task->start_time_ns);
}

/*
 * Reads the files between two checks of the owner. @ret_hidden: the task is not dumpable.
 * LATE: the task has gone. SKIPPED: its owner is not the owner that the table has yet, or
 * descriptors were missing.
 */
static ProgramState reading_fill_owned(Reading *reading, int dir_fd, const Task *task, bool at_exec,
                                       bool *ret_hidden) {
        bool shown_before, shown_after;

        errno = 0;
        if (procfs_check_owner(dir_fd, task, &shown_before)) {
                if (!reading_fill(reading, dir_fd, task, at_exec))
                        return procfs_is_short() ? PROGRAM_SKIPPED : PROGRAM_LATE;
                if (procfs_check_owner(dir_fd, task, &shown_after) && shown_before == shown_after) {
                        *ret_hidden = !shown_after && !(task->flags & TASK_UNKNOWN);
                        return PROGRAM_CAPTURED;
                }
        }
        return procfs_is_short() || task_runs(dir_fd, task) ? PROGRAM_SKIPPED : PROGRAM_LATE;
}

/* Whether the owner can have changed twice since @begin_ns, so that both checks found the same one. */
static bool program_reader_is_disturbed(ProgramReader *programs, uint64_t begin_ns) {
        return programs->connector && (uint64_t)clock_read_ns(CLOCK_MONOTONIC) - begin_ns > UNDISTURBED_NS &&
               !connector_is_idle(programs->connector);
}

/*
 * Reads the files of a task. @ret_state: CAPTURED; LATE: the task has gone; SKIPPED: a later
 * reading shows the files.
 */
static int program_reader_fill_reading(ProgramReader *programs, Reading *reading, Task *task, bool at_exec,
                                       ProgramState *ret_state) {
        uint64_t begin_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        bool ended = false, hidden = false;
        char path[64];
        int fd, r;

        *ret_state = PROGRAM_LATE;
        snprintf(path, sizeof(path), "%u/task/%u", task->process->pid, task->tid);
        fd = openat(programs->procfs_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
                *ret_state = procfs_is_short() ? PROGRAM_SKIPPED : PROGRAM_LATE;
                return 0;
        }
        *ret_state = reading_fill_owned(reading, fd, task, at_exec, &hidden);
        if (*ret_state == PROGRAM_CAPTURED && program_reader_is_disturbed(programs, begin_ns))
                *ret_state = PROGRAM_SKIPPED;
        close(fd);
        if (*ret_state != PROGRAM_LATE && programs->records) {
                r = program_reader_has_ended(programs, task, &ended);
                if (r)
                        return error_trace(r);
                if (ended)
                        *ret_state = PROGRAM_LATE;
        }
        /* Its owner gets what is public of it. */
        if (*ret_state == PROGRAM_CAPTURED && hidden)
                task->process->nondumpable = true;
        return 0;
}

/* @reading NULL: nothing was read, and the cgroup is what it was. */
static Program *program_new(ProgramState state, const Reading *reading, const Program *former) {
        size_t n_cmdline = reading ? reading->n_cmdline : 0, n_exe = reading ? reading->n_exe : 0;
        size_t n_cgroup = reading ? reading->n_cgroup : former ? former->n_cgroup : 0;
        Program *program = malloc(sizeof(*program) + n_cmdline + n_exe + n_cgroup + 1);

        if (!program)
                return NULL;
        *program = (Program){
                .n_users = 1,
                .state = state,
                .truncated = reading && reading->truncated,
                .n_cmdline = (uint16_t)n_cmdline,
                .n_exe = (uint16_t)n_exe,
                .n_cgroup = (uint16_t)n_cgroup,
        };
        if (reading) {
                memcpy(program->bytes, reading->cmdline, n_cmdline);
                memcpy(program->bytes + n_cmdline, reading->exe, n_exe);
                memcpy(program->bytes + n_cmdline + n_exe, reading->cgroup, n_cgroup);
        } else if (former) {
                memcpy(program->bytes, program_cgroup(former), n_cgroup);
        }
        program->bytes[n_cmdline + n_exe + n_cgroup] = 0;
        return program;
}

static bool program_reader_has_room(const ProgramReader *programs) {
        return programs->table->n_program_bytes < BYTES_MAX;
}

static bool program_reader_take_token(ProgramReader *programs, uint64_t now_ns) {
        if (now_ns - programs->refilled_ns >= NSEC_PER_SEC) {
                programs->refilled_ns = now_ns;
                programs->n_tokens = READS_PER_SECOND;
        }
        if (programs->n_tokens == 0)
                return false;
        --programs->n_tokens;
        return true;
}

/* Reads what a task's process runs: what could not be read is late. */
static int program_reader_read(ProgramReader *programs, Task *task, bool at_exec, Program **ret_program) {
        const Program *former = task->process->program;
        Program *program;
        ProgramState state;
        Reading reading UNINITIALISED;
        int r;

        reading.cmdline_max = programs->cmdline_max;
        r = program_reader_fill_reading(programs, &reading, task, at_exec, &state);
        if (r)
                return error_trace(r);
        programs->n_captured += state == PROGRAM_CAPTURED;
        programs->n_late += state == PROGRAM_LATE;
        /* A pass that skips it again finds nothing new. */
        programs->n_skipped += state == PROGRAM_SKIPPED && (at_exec || !former || former->state != PROGRAM_SKIPPED);
        if (state == PROGRAM_SKIPPED)
                programs->complete = false;
        program = program_new(state, state == PROGRAM_CAPTURED ? &reading : NULL, former);
        if (!program)
                return error_origin(-ENOMEM);
        *ret_program = program;
        return 0;
}

/**
 * program_reader_read_at_exec() - read what a process runs from now on
 * @programs:     the programs
 * @task:         the process' leader, which called exec, with its ids since then; it is
 *                marked if it turns out not to be dumpable
 * @empty:        whether the kernel's queue is
 * @ret_program:  output: the program, of which the caller has the only use; NULL
 *                if no subscription wants it
 *
 * Return: 0, or a negative errno.
 */
int program_reader_read_at_exec(ProgramReader *programs, Task *task, bool empty, Program **ret_program) {
        *ret_program = NULL;
        if (programs->n_wanted == 0)
                return 0;
        if (!empty || !program_reader_has_room(programs) ||
            !program_reader_take_token(programs, (uint64_t)clock_read_ns(CLOCK_MONOTONIC))) {
                ++programs->n_skipped;
                programs->complete = false;
                *ret_program = program_new(PROGRAM_SKIPPED, NULL, task->process->program);
                return *ret_program ? 0 : error_origin(-ENOMEM);
        }
        return error_trace(program_reader_read(programs, task, true, ret_program));
}

/**
 * program_reader_read_next() - read the next program that is not known
 * @programs:     the programs, wanted and not complete
 * @ret_task:     output: a task of the process; NULL: the pass has ended
 * @ret_program:  output: the program, of which the caller has the only use, and which the
 *                caller stores
 *
 * A pass goes over all tasks. Processes for which there is no memory are left to a later pass.
 *
 * Return: 0, or a negative errno.
 */
int program_reader_read_next(ProgramReader *programs, Task **ret_task, Program **ret_program) {
        Task *task;
        int r;

        if (programs->next_tid == 0) {
                programs->next_tid = 1;
                programs->complete = true;
        }
        while ((task = task_table_next(programs->table, programs->next_tid))) {
                const Program *program = task->process->program;

                programs->next_tid = task->tid + 1;
                if (program && program->state == PROGRAM_CAPTURED)
                        continue;
                if (program_reader_has_room(programs))
                        break;
                programs->complete = false;
        }
        *ret_task = task;
        if (!task) {
                programs->next_tid = 0;
                return 0;
        }
        r = program_reader_read(programs, task, false, ret_program);
        if (r)
                return error_trace(r);
        ++programs->n_outside_exec;
        return 0;
}
