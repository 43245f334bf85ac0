/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The files of a process are read in a thread (program_files.c, reader_threads.c). That it was
 * the right task shows in its record too, which was not queued by the end of the reading. The
 * kernel does not reuse a number before it queues the record. Two execs, away from the owner
 * and back, take longer than an undisturbed reading. After a long reading the connector's
 * queue must therefore be empty, which would have the exec in between.
 *
 * At exec, readings are bounded twice, like the readings of names: by a budget per second,
 * and by the kernel's queue, which comes first. The pass over older processes takes a
 * slice between turns of the loop, and returns to the processes that were skipped.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "broker/base/clock.h"
#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/program_files.h"
#include "broker/tasks/program_reader.h"

#define READS_PER_SECOND 2000u

/* Memory of all programs; a process beyond it is skipped. */
#define BYTES_MAX ((size_t)128 * 1024 * 1024)

/* Two execs of a process do not fit into this time. */
#define UNDISTURBED_NS ((uint64_t)150 * NSEC_PER_USEC)

void program_reader_init(ProgramReader *programs, int procfs_fd, TaskTable *table, ExitRecords *records) {
        *programs = (ProgramReader){
                .procfs_fd = procfs_fd,
                .table = table,
                .records = records,
                .cmdline_max = PROGRAM_CMDLINE_DEFAULT,
        };
}

void program_reader_deinit(ProgramReader *programs) {
        reader_threads_stop(&programs->threads);
}

/**
 * program_reader_start_threads() - let threads read the files from now on
 * @programs:  the programs
 * @subuids:   the owners of subordinate users; not owned
 *
 * Return: 0, or a negative errno: then a process can make the caller wait.
 */
int program_reader_start_threads(ProgramReader *programs, const SubuidMap *subuids) {
        programs->threads.subuids = subuids;
        return reader_threads_start(&programs->threads, sizeof(ProgramFiles), programs->procfs_fd);
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

/* Whether the owner can have changed twice during a reading, so that both checks found the same one. */
static bool program_reader_is_disturbed(ProgramReader *programs, const ProgramFiles *files) {
        return programs->connector && files->duration_ns > UNDISTURBED_NS && !connector_is_idle(programs->connector);
}

/* Reads the files of a task, unless its user makes the readers of its files wait. */
static ProgramState program_reader_read_files(ProgramReader *programs, ProgramFiles *files, const Task *task,
                                              bool at_exec) {
        program_files_init(files, programs->procfs_fd, task, at_exec, programs->cmdline_max);
        if (!reader_threads_run(&programs->threads, files, program_files_read))
                return PROGRAM_SKIPPED;
        return files->state == PROGRAM_CAPTURED && program_reader_is_disturbed(programs, files) ? PROGRAM_SKIPPED
                                                                                                : files->state;
}

/*
 * Reads the files of a task. @files: memory for them, or for nothing. @ret_state: CAPTURED; LATE:
 * the task has gone; SKIPPED: a later reading shows the files.
 */
static int program_reader_fill(ProgramReader *programs, ProgramFiles *files, Task *task, bool at_exec,
                               ProgramState *ret_state) {
        bool ended = false;
        int r;

        *ret_state = files ? program_reader_read_files(programs, files, task, at_exec) : PROGRAM_SKIPPED;
        if (*ret_state != PROGRAM_LATE && programs->records) {
                r = program_reader_has_ended(programs, task, &ended);
                if (r)
                        return error_trace(r);
                if (ended)
                        *ret_state = PROGRAM_LATE;
        }
        /* Its owner gets what is public of it. */
        if (*ret_state == PROGRAM_CAPTURED && files->nondumpable)
                task->process->nondumpable = true;
        return 0;
}

/* @files NULL: nothing was read, and the cgroup is what it was. */
static Program *program_new(ProgramState state, const ProgramFiles *files, const Program *former) {
        size_t n_cmdline = files ? files->n_cmdline : 0, n_exe = files ? files->n_exe : 0;
        size_t n_cgroup = files ? files->n_cgroup : former ? former->n_cgroup : 0;
        Program *program = malloc(sizeof(*program) + n_cmdline + n_exe + n_cgroup + 1);

        if (!program)
                return NULL;
        *program = (Program){
                .n_users = 1,
                .state = state,
                .truncated = files && files->truncated,
                .n_cmdline = (uint16_t)n_cmdline,
                .n_exe = (uint16_t)n_exe,
                .n_cgroup = (uint16_t)n_cgroup,
        };
        if (files) {
                memcpy(program->bytes, files->cmdline, n_cmdline);
                memcpy(program->bytes + n_cmdline, files->exe, n_exe);
                memcpy(program->bytes + n_cmdline + n_exe, files->cgroup, n_cgroup);
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
        ProgramFiles own UNINITIALISED, *files;
        ProgramState state;
        Program *program;
        int r;

        files = reader_threads_take(&programs->threads, task->flags & TASK_UNKNOWN ? READER_THREADS_NOBODY : task->ruid,
                                    &own);
        r = program_reader_fill(programs, files, task, at_exec, &state);
        if (r)
                return error_trace(r);
        programs->n_captured += state == PROGRAM_CAPTURED;
        programs->n_late += state == PROGRAM_LATE;
        /* A pass that skips it again finds nothing new. */
        programs->n_skipped += state == PROGRAM_SKIPPED && (at_exec || !former || former->state != PROGRAM_SKIPPED);
        if (state == PROGRAM_SKIPPED)
                programs->complete = false;
        program = program_new(state, state == PROGRAM_CAPTURED ? files : NULL, former);
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
