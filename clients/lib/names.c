/* SPDX-License-Identifier: Apache-2.0 */

/* Names of the protocol's numbers, as options, text and JSON spell them. */

#include "taskbroker/taskbroker.h"

#include "proto/event_kinds.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static const char *const kind_names[] = {
#define KIND(NAME, name, ...) [TB_KIND_##NAME] = #name,
        EVENT_KINDS(KIND)
#undef KIND
};

/* The public header has the numbers and masks of the table. */
#define KIND(NAME, name, number, ...) _Static_assert(TB_KIND_##NAME == (number), #name);
EVENT_KINDS(KIND)
#undef KIND
#define KIND(NAME, ...) | TB_KIND_BIT(TB_KIND_##NAME)
_Static_assert(TB_KINDS_ALL == (0 EVENT_KINDS(KIND)), "TB_KINDS_ALL has each kind");
#undef KIND
#define KIND(NAME, name, number, kernel, task_at, parse, member, wire, WIRE, message, form, flags)                     \
        | ((flags) & EVENT_BY_DEFAULT ? TB_KIND_BIT(TB_KIND_##NAME) : 0)
_Static_assert(TB_KINDS_DEFAULT == (0 EVENT_KINDS(KIND)), "TB_KINDS_DEFAULT has each kind that is a default");
#undef KIND

static const char *const loss_source_names[] = {
        [TB_LOSS_SOURCE_CONNECTOR] = "connector",
        [TB_LOSS_SOURCE_TASKSTATS] = "taskstats",
        [TB_LOSS_SOURCE_READER] = "reader",
        [TB_LOSS_SOURCE_FILTER] = "filter",
};

static const char *const loss_reason_names[] = {
        [TB_LOSS_REASON_OVERRUN] = "overrun",
        [TB_LOSS_REASON_MUTED] = "muted",
        [TB_LOSS_REASON_FELL_BEHIND] = "fell_behind",
        [TB_LOSS_REASON_OVER_BUDGET] = "over_budget",
        [TB_LOSS_REASON_UNREPORTED] = "unreported",
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
