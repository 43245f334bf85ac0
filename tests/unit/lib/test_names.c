/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Names of kinds, and of the sources and reasons of a loss; numbers that have none. */

#include <assert.h>
#include <string.h>

#include "taskbroker/taskbroker.h"

static void test_names(void) {
        assert(strcmp(tb_kind_name(TB_KIND_FORK), "fork") == 0);
        assert(strcmp(tb_kind_name(TB_KIND_LOSS), "loss") == 0);
        assert(!tb_kind_name((enum tb_kind)0));
        assert(!tb_kind_name((enum tb_kind)31));
        assert(!tb_kind_name((enum tb_kind)-1));
        assert(strcmp(tb_loss_source_name(TB_LOSS_SOURCE_READER), "reader") == 0);
        assert(strcmp(tb_loss_source_name((enum tb_loss_source)5), "unknown") == 0);
        assert(strcmp(tb_loss_source_name(TB_LOSS_SOURCE_FILTER), "filter") == 0);
        assert(strcmp(tb_loss_reason_name(TB_LOSS_REASON_FELL_BEHIND), "fell_behind") == 0);
        assert(strcmp(tb_loss_reason_name(TB_LOSS_REASON_OVER_BUDGET), "over_budget") == 0);
        assert(strcmp(tb_loss_reason_name((enum tb_loss_reason)0), "unknown") == 0);
}

int main(void) {
        test_names();
        return 0;
}
