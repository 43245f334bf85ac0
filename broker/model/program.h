/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Program: what a process runs, read from /proc when it called exec. A child has its
 * parent's until it calls exec itself, so that it is counted by its users. See
 * Program in event.proto.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Program Program;

/* The bytes of a command line: the most that an option allows, and without the option. */
#define PROGRAM_CMDLINE_MAX 32768u
#define PROGRAM_CMDLINE_DEFAULT 2048u
#define PROGRAM_PATH_MAX 1024u

/* Numbers of the wire's ProgramState. */
typedef enum ProgramState {
        PROGRAM_CAPTURED = 1,
        PROGRAM_LATE = 2,
        PROGRAM_SKIPPED = 3,
} ProgramState;

struct Program {
        struct QuotaUser *payer;        /* NULL: its memory is charged to no user; see program_charge.h */
        uint32_t n_users;
        uint8_t state;
        bool truncated;
        uint16_t n_cmdline, n_exe, n_cgroup;
        char bytes[];                   /* cmdline, exe, cgroup and a NUL */
};

static inline size_t program_size(const Program *program) {
        return sizeof(*program) + program->n_cmdline + program->n_exe + program->n_cgroup + 1;
}

static inline const char *program_cmdline(const Program *program) {
        return program->bytes;
}

static inline const char *program_exe(const Program *program) {
        return program->bytes + program->n_cmdline;
}

/* A text: ends with a NUL. */
static inline const char *program_cgroup(const Program *program) {
        return program->bytes + program->n_cmdline + program->n_exe;
}
