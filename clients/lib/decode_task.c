/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One Task of a snapshot becomes one struct tb_task. A Program, of a task or an event,
 * becomes one struct tb_program.
 *
 * Called by the other decode_*.c files. The decoder owns all that the structs point to.
 */

#include "clients/lib/decode_parts.h"

/* decode_alloc() sees to the NUL behind it. */
static const char *decode_text(ProtobufCBinaryData bytes) {
        return bytes.len ? (const char *)bytes.data : "";
}

/**
 * decode_program() - decode what a process runs
 * @program:       output
 * @wire:          the Program, or NULL
 *
 * Return: @program; NULL where @wire is NULL.
 */
const struct tb_program *decode_program(struct tb_program *program, const Taskbroker__V1__Program *wire) {
        if (!wire)
                return NULL;

        *program = (struct tb_program){
                .state = (enum tb_program_state)wire->state,
                .cmdline = decode_text(wire->cmdline),
                .n_cmdline = wire->cmdline.len,
                .exe = decode_text(wire->exe),
                .n_exe = wire->exe.len,
                .cgroup = decode_text(wire->cgroup),
                .n_cgroup = wire->cgroup.len,
                .truncated = wire->truncated,
                .exe_withheld = wire->exe_withheld,
        };
        return program;
}

/* An absent relation is not known. */
struct tb_process_id decode_process_id(const Taskbroker__V1__ProcessId *wire) {
        if (!wire)
                return (struct tb_process_id){ .known = false };
        return (struct tb_process_id){ .known = true, .pid = wire->pid, .start_boot_ns = wire->start_boot_ns };
}

/**
 * decode_task() - decode a task of the snapshot
 * @task:          output
 * @program:       room for what its process runs
 * @wire:          the Task
 */
void decode_task(struct tb_task *task, struct tb_program *program, const Taskbroker__V1__Task *wire) {
        *task = (struct tb_task){
                .pid = wire->pid,
                .tid = wire->tid,
                .ppid = wire->ppid,
                .maker = decode_process_id(wire->maker),
                .parent = decode_process_id(wire->parent),
                .uid = wire->uid,
                .euid = wire->euid,
                .gid = wire->gid,
                .egid = wire->egid,
                .session = wire->session,
                .session_leader = decode_process_id(wire->session_leader),
                .start_time_ns = wire->start_time_ns,
                .start_boot_ns = wire->start_boot_ns,
                .tasks = wire->live_tasks,
                .kernel_thread = wire->kernel_thread,
                .credentials_changed = wire->credentials_changed,
                .seeded = wire->seeded,
                .task_unknown = wire->task_unknown,
                .program = decode_program(program, wire->program),
        };
        decode_comm(task->comm, wire->comm);
        task->comm_stale = wire->comm_stale;
}
