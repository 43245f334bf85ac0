/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Names of the protocol's numbers, as people and JSON spell them.
 */

#include "taskbroker/taskbroker.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static const char *const kind_names[] = {
        [TB_KIND_FORK] = "fork",
        [TB_KIND_EXEC] = "exec",
        [TB_KIND_EXIT] = "exit",
        [TB_KIND_COMM] = "comm",
        [TB_KIND_UID] = "uid",
        [TB_KIND_GID] = "gid",
        [TB_KIND_SID] = "sid",
        [TB_KIND_PTRACE] = "ptrace",
        [TB_KIND_COREDUMP] = "coredump",
        [TB_KIND_LOSS] = "loss",
};

static const char *const loss_source_names[] = {
        [TB_LOSS_SOURCE_CONNECTOR] = "connector",
        [TB_LOSS_SOURCE_TASKSTATS] = "taskstats",
        [TB_LOSS_SOURCE_READER] = "reader",
};

static const char *const loss_reason_names[] = {
        [TB_LOSS_REASON_OVERRUN] = "overrun",
        [TB_LOSS_REASON_MUTED] = "muted",
        [TB_LOSS_REASON_FELL_BEHIND] = "fell_behind",
};

/* The numbers come from the wire: an enum may hold any. */
static const char *name_of(const char *const *names, size_t n_names, int number, const char *other) {
        if (number < 0 || (size_t)number >= n_names || !names[number])
                return other;
        return names[number];
}

const char *tb_kind_name(enum tb_kind kind) {
        return name_of(kind_names, N(kind_names), (int)kind, NULL);
}

const char *tb_loss_source_name(enum tb_loss_source source) {
        return name_of(loss_source_names, N(loss_source_names), (int)source, "unknown");
}

const char *tb_loss_reason_name(enum tb_loss_reason reason) {
        return name_of(loss_reason_names, N(loss_reason_names), (int)reason, "unknown");
}
