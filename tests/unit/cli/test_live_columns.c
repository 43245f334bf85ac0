/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The columns of live tables: cells, and the order of rows.
 */

#include "clients/cli/model/live_columns.h"
#include "clients/cli/top/top_pause.h"
#include "tests/unit/live_rig.h"

static const LiveColumn *find_column(const char *name) {
        const LiveColumn *column = live_column_find(name, strlen(name));

        assert(column);
        return column;
}

static void check_cell(const LiveView *view, const char *name, const Made *made, const char *should) {
        char text[LIVE_TEXT_MAX];

        live_column_write(find_column(name), view, row_of(view->live, made), text);
        if (strcmp(text, should) != 0)
                fprintf(stderr, "%s is: %s\nshould be: %s\n", name, text, should);
        assert(strcmp(text, should) == 0);
}

/* The parent's name, if the model has the parent and not only a process with its number. Also in a paused copy. */
static void test_parent(void) {
        Made own = {.pid = 10, .start = -1}, other = {.pid = 12, .start = -2, .comm = "other"};
        static Users users;
        Live live, *paused;
        LiveView view = {.live = &live, .users = &users};
        struct tb_process_id *parent;

        live_init(&live);
        send_row(&live, &own, 1);
        send_row(&live, &other, 1);
        send_sample(&live, 1, true);
        check_cell(&view, "parent", &own, "-");
        parent = &live_find(&live, 10)->parent;
        *parent = (struct tb_process_id){
                .known = true, .pid = 12, .start_boot_ns = row_of(&live, &other)->start_boot_ns};
        check_cell(&view, "parent", &own, "other");
        paused = top_pause_begin(&live);
        view.live = paused;
        check_cell(&view, "parent", &own, "other");
        assert(!top_pause_end(paused, &live));
        view.live = &live;
        --parent->start_boot_ns;
        check_cell(&view, "parent", &own, "-");
        live_deinit(&live);
}

/* A task whose fork was lost is not shown as root's. */
static void test_unknown(void) {
        static Users users;
        Made made = {.pid = 10, .start = -1};
        struct tb_task_sample sample;
        Live live;
        LiveView view = {.live = &live, .users = &users};

        live_init(&live);
        sample = made_sample(&made, 1);
        sample.task_unknown = true;
        sample.uid = 0;
        sample.comm[0] = 0;
        send_message(&live, (struct tb_message){.type = TB_MESSAGE_TASK_SAMPLE, .task_sample = &sample});
        send_sample(&live, 1, true);
        check_cell(&view, "user", &made, "-");
        check_cell(&view, "name", &made, "-");
        view.arguments = true;
        check_cell(&view, "command", &made, "[-]");
        live_deinit(&live);
}

static void test_columns(void) {
        static Users users;
        Made own = {.pid = 10, .start = -1, .comm = "o\nwn"};
        Made others = {.pid = 11, .start = -1, .groups = GROUPS_ALL & ~GROUP_IO, .withheld = GROUP_IO};
        Made more = {.pid = 12, .start = -1};
        Live live;
        LiveView view = {.live = &live, .users = &users};
        LiveRow *rows[3];

        live_init(&live);
        send_row(&live, &own, 1);
        send_row(&live, &others, 1);
        send_row(&live, &more, 1);
        send_sample(&live, 1, true);
        check_cell(&view, "read", &own, "..");
        own.read_bytes = 1 << 20;
        own.cpu_ns = SECOND_NS / 2;
        others.read_bytes = 4 << 20;
        more.read_bytes = 2 << 20;
        send_row(&live, &own, 2);
        send_row(&live, &others, 2);
        send_row(&live, &more, 2);
        send_sample(&live, 2, false);

        check_cell(&view, "pid", &own, "10");
        check_cell(&view, "ppid", &own, "1");
        check_cell(&view, "read", &own, "1.0M");
        check_cell(&view, "read", &others, "-");
        check_cell(&view, "write", &own, "0");
        check_cell(&view, "cpu", &own, "50.0");
        check_cell(&view, "age", &own, "3.00s");
        check_cell(&view, "command", &own, "o\\x0awn");
        check_cell(&view, "state", &own, "");
        view.arguments = true;
        check_cell(&view, "command", &own, "[o\\x0awn]");
        view.accumulated = true;
        check_cell(&view, "cpu", &own, "500ms");

        /* Unknown values come last, whichever way the rows are sorted. */
        memcpy(rows, live.rows, sizeof(rows));
        assert(live_column_sort(rows, 3, find_column("read"), &view, false) == 0);
        assert(rows[0]->pid == 12 && rows[1]->pid == 10 && rows[2]->pid == 11);
        assert(live_column_sort(rows, 3, find_column("read"), &view, true) == 0);
        assert(rows[0]->pid == 10 && rows[1]->pid == 12 && rows[2]->pid == 11);
        assert(live_column_sort(rows, 3, find_column("name"), &view, true) == 0);
        assert(rows[0]->pid == 10 && rows[1]->pid == 11 && rows[2]->pid == 12);
        for (const LiveColumn *column = live_column_next(NULL); column; column = live_column_next(column)) {
                char text[LIVE_TEXT_MAX];

                assert(live_column_find(column->name, strlen(column->name)) == column);
                assert(!column->number != !column->text);
                live_column_write(column, &view, rows[0], text);
                assert(live_column_sort(rows, 3, column, &view, false) == 0);
        }
        assert(!live_column_find("nothing", 7));
        live_deinit(&live);
}

int main(void) {
        test_unknown();
        test_columns();
        test_parent();
        return 0;
}
