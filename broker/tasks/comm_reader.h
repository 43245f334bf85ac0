/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * CommReader: reads the name of a process after an exec. The kernel reports the exec
 * without the new name. /proc has the name while the process lives.
 */

#include <stdbool.h>
#include <stdint.h>

#include "broker/model/event.h"

typedef struct CommReader CommReader;

struct CommReader {
        int procfs_fd;                  /* not owned */
        uint64_t refilled_ns;           /* monotonic */
        uint32_t n_tokens;              /* reads left in this second's budget */
};

void comm_reader_init(CommReader *reader, int procfs_fd);
bool comm_reader_read(CommReader *reader,
                uint32_t pid,
                uint64_t exec_time_ns,
                char ret_comm[static COMM_SIZE],
                uint32_t *ret_owner);
