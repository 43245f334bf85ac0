/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The page of tasks that have ended: its order and its cursor.
 */

#include <assert.h>
#include <string.h>

#include "clients/cli/top/top_page_exited.h"
#include "tests/unit/live_rig.h"
#include "tests/unit/top_rig.h"

static void test_exited(void) {
        static const struct {
                const char *comm;
                uint64_t cpu_ns;
        } ends[] = { { "cc1", 50 }, { "sh", 1 }, { "cc1", 60 }, { "sh", 2 }, { "sh", 3 }, { "make", 70 } };
        TopPageExited ended = TOP_PAGE_EXITED_NULL;
        Live live;

        live_init(&live);
        send_sample(&live, 1, true);
        for (unsigned int i = 0; i < N(ends); ++i) {
                Made made = { .pid = 100 + i, .start = 1.5, .comm = ends[i].comm, .cpu_ns = ends[i].cpu_ns };

                send_ended(&live, &made, 1.8);
        }
        send_sample(&live, 2, false);

        assert(top_page_exited_refresh(&ended, &live.exited) == 0 && ended.n_commands == 3);
        assert(strcmp(ended.commands[0]->comm, "cc1") == 0 && ended.commands[0]->used[METRIC_CPU] == 110);
        ended.inverted = true;
        assert(top_page_exited_refresh(&ended, &live.exited) == 0);
        assert(strcmp(ended.commands[0]->comm, "sh") == 0);
        ended.inverted = false;
        for (int i = 0; i < 3; ++i)
                top_page_exited_sort(&ended, -1);
        assert(top_page_exited_refresh(&ended, &live.exited) == 0);
        assert(strcmp(ended.commands[0]->comm, "sh") == 0 && ended.commands[0]->n_ended == 3);
        top_list_move(&ended.list, ended.n_commands, 100);
        assert(ended.list.cursor == 2);

        top_page_exited_deinit(&ended);
        live_deinit(&live);
}

int main(void) {
        test_exited();
        return 0;
}
