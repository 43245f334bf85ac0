/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A look at a process of the command in /proc, to decide whether its exit is still to come.
 */

#include "clients/cli/base/proc_task.h"
#include "clients/cli/run/run_process.h"

/*
 * Whether the process runs. A zombie does not, unless other threads of it run. /proc rounds a start down, so a later
 * start belongs to a later process with the number.
 */
bool run_process_exists(uint32_t pid, uint64_t start_boot_ns) {
        ProcTask task;

        if (!proc_task_read(pid, &task) || (start_boot_ns && task.start_boot_ns > start_boot_ns))
                return false;

        return (task.state != 'Z' && task.state != 'X') || task.n_threads > 1;
}
