/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The tasks of a snapshot. A task is packed once for all who get the same, and the frame
 * around a part's tasks is written by hand, as around events.
 */

#include "broker/output/encode_parts.h"
#include "broker/output/put.h"
#include "broker/output/pack.h"

/**
 * encode_task() - encode a task as a member of a snapshot's part
 * @task:     the task; without @threads the leader, gone or not
 * @parent:   the present parent of its process
 * @session_leader:  the leader of its session
 * @variant:  ENCODE_* bits
 * @threads:  it stands for itself; else for its process
 * @buffer:   output
 *
 * Return: The number of bytes written.
 */
size_t encode_task(const Task *task,
                   ProcessId parent,
                   ProcessId session_leader,
                   uint32_t variant,
                   bool threads,
                   uint8_t buffer[static ENCODED_TASK_MAX]) {
        PB(Task) m = PB_INIT(TASK);
        PB(Program) program;
        PB(ProcessId) maker, present, session;
        size_t n;

        m.pid = task->process->pid;
        m.tid = task->tid;
        m.ppid = parent.pid;
        m.maker = encode_parts_process(&maker, process_maker(task->process));
        m.parent = encode_parts_process(&present, parent);
        m.uid = task->ruid;
        m.euid = task->euid;
        m.gid = task->rgid;
        m.egid = task->egid;
        m.session = session_leader.pid;
        m.session_leader = encode_parts_process(&session, session_leader);
        m.comm = bytes_of_comm(task->comm);
        m.comm_stale = task->flags & TASK_COMM_STALE;
        m.start_time_ns = task->start_time_ns;
        m.start_boot_ns = start_by_boot_clock(task->start_time_ns);
        m.kernel_thread = task->flags & TASK_KERNEL;
        m.credentials_changed = task->flags & TASK_CREDENTIALS_CHANGED;
        m.seeded = task->flags & TASK_SEEDED;
        m.task_unknown = task->flags & TASK_UNKNOWN;
        m.live_tasks = threads ? 0 : task->process->n_live;
        if (variant & ENCODE_PROGRAM)
                m.program = encode_parts_program(&program, task->process->program, PROGRAM_CMDLINE_MAX, variant);

        n = pack_message(&m.base, buffer + 3); /* tag 1 (SnapshotPart.tasks) */
        return put_member_prefix(buffer, 3, 1 << 3 | 2, n);
}

/**
 * encode_part_header() - the bytes of a frame in front of its encoded tasks
 * @n_tasks:  bytes of the tasks, which follow
 * @buffer:   output
 *
 * Return: The number of bytes written.
 */
size_t encode_part_header(size_t n_tasks, uint8_t buffer[static ENCODED_PART_HEADER_MAX]) {
        /* ServerMessage.snapshot_part */
        return put_frame_header(buffer, 6 << 3 | 2, NULL, 0, n_tasks);
}
