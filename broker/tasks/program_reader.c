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
#include "broker/tasks/program_charge.h"
#include "broker/tasks/program_files.h"
#include "broker/tasks/program_reader.h"

#define READS_PER_SECOND 2000u

/* Tasks that a call of program_reader_read_next() looks at. */
#define LOOKS_MAX 2048u

/* A later pass reads the programs for which there was no memory. */
#define AGAIN_NS (10 * NSEC_PER_SEC)

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
 * program_reader_try_again() - let a pass read the programs for which there was no memory
 * @programs:  the programs
 * @now_ns:    now, monotonic; it is not tried all the time
 */
void program_reader_try_again(ProgramReader *programs, uint64_t now_ns) {
        if (programs->left_out && programs->next_tid == 0 && now_ns - programs->begun_ns >= AGAIN_NS)
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
static Program *files_program(ProgramState state, const ProgramFiles *files, const Program *former) {
        Program *program;

        if (!files)
                return former ? program_new(state, "", 0, "", 0, program_cgroup(former), former->n_cgroup) :
                                program_new(state, "", 0, "", 0, "", 0);
        program = program_new(state, files->cmdline, files->n_cmdline, files->exe, files->n_exe, files->cgroup,
                              files->n_cgroup);
        if (program)
                program->truncated = files->truncated;
        return program;
}

/* Charges the user of a process for a program. A pass without memory for it is complete: no subscription waits. */
static bool program_reader_reserve(ProgramReader *programs, const Task *task, bool first, Charge *ret_charge) {
        size_t n_max = sizeof(Program) + programs->cmdline_max + 2 * PROGRAM_PATH_MAX + 1;

        if (program_charge_reserve(programs->quota, task, n_max, ret_charge))
                return true;
        programs->left_out = true;
        programs->n_refused += first;
        return false;
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

/* Reads what a task's process runs: what could not be read is late. @charge: for the largest program; taken over. */
static int program_reader_read(ProgramReader *programs, Task *task, bool at_exec, Charge *charge,
                               Program **ret_program) {
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
        program = files_program(state, state == PROGRAM_CAPTURED ? files : NULL, former);
        if (!program)
                return error_origin(-ENOMEM);
        if (state == PROGRAM_CAPTURED)
                program_charge_settle(charge, program);
        else
                charge_return(charge);
        *ret_program = program;
        return 0;
}

/* There is no time or no memory to read the program at its exec. */
static int program_reader_skip(ProgramReader *programs, const Task *task, Program **ret_program) {
        ++programs->n_skipped;
        *ret_program = files_program(PROGRAM_SKIPPED, NULL, task->process->program);
        return *ret_program ? 0 : error_origin(-ENOMEM);
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
        Charge charge = CHARGE_NULL;
        int r;

        *ret_program = NULL;
        if (programs->n_wanted == 0)
                return 0;
        if (!empty || !program_reader_take_token(programs, (uint64_t)clock_read_ns(CLOCK_MONOTONIC))) {
                programs->complete = false;
                return program_reader_skip(programs, task, ret_program);
        }
        if (!program_reader_reserve(programs, task, true, &charge))
                return program_reader_skip(programs, task, ret_program);
        r = program_reader_read(programs, task, true, &charge, ret_program);
        charge_return(&charge);
        return error_trace(r);
}

/*
 * Finds the next task of a process whose program is not known, within LOOKS_MAX tasks. @ret_reserved: there is memory
 * for the program. If not, the task is found once, and its program is skipped. Return: The task; NULL: a later call
 * goes on, unless the pass has ended.
 */
static Task *program_reader_find_next(ProgramReader *programs, Charge *ret_charge, bool *ret_reserved) {
        for (unsigned int i = 0; i < LOOKS_MAX; ++i) {
                Task *task = task_table_next(programs->table, programs->next_tid);
                const Program *program = task ? task->process->program : NULL;

                programs->next_tid = task ? task->tid + 1 : 0;
                if (!task)
                        return NULL;
                if (program && program->state == PROGRAM_CAPTURED)
                        continue;
                *ret_reserved = program_reader_reserve(programs, task, !program, ret_charge);
                if (*ret_reserved || !program)
                        return task;
        }
        return NULL;
}

/**
 * program_reader_read_next() - read the next program that is not known
 * @programs:     the programs, wanted and not complete
 * @ret_task:     output: a task of the process; NULL: the slice has ended, and the pass, if next_tid is 0
 * @ret_program:  output: the program, of which the caller has the only use, and which the
 *                caller stores
 *
 * A pass goes over all tasks. Processes for which there is no memory are left to a later pass.
 *
 * Return: 0, or a negative errno.
 */
int program_reader_read_next(ProgramReader *programs, Task **ret_task, Program **ret_program) {
        Charge charge = CHARGE_NULL;
        bool reserved;
        Task *task;
        int r;

        if (programs->next_tid == 0) {
                programs->next_tid = 1;
                programs->complete = true;
                programs->left_out = false;
                programs->begun_ns = (uint64_t)clock_read_ns(CLOCK_MONOTONIC);
        }
        task = program_reader_find_next(programs, &charge, &reserved);
        *ret_task = task;
        if (!task)
                return 0;
        if (!reserved)
                return program_reader_skip(programs, task, ret_program);
        r = program_reader_read(programs, task, false, &charge, ret_program);
        charge_return(&charge);
        if (r)
                return error_trace(r);
        ++programs->n_outside_exec;
        return 0;
}
