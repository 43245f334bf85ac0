/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The table of taskbroker iotop: rows, order, and text in the form of iotop.
 */

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clients/cli/iotop/iotop_rows.h"
#include "harness.h"
#include "tests/unit/live_rig.h"

#define N(array) (sizeof(array) / sizeof(*(array)))

static Users users;

static void check_line(const IotopRows *rows, uint32_t tid, bool batch, const char *should) {
        char text[IOTOP_LINE_MAX];

        for (size_t i = 0; i < rows->n_lines; ++i) {
                if (rows->lines[i].row->tid != tid)
                        continue;
                iotop_rows_line(rows, rows->lines + i, batch, text);
                if (strcmp(text, should) != 0)
                        fprintf(stderr, "is:        %s\nshould be: %s\n", text, should);
                assert(strcmp(text, should) == 0);
                return;
        }
        assert(!"the row is there");
}

/* Each line has as many words as a line of iotop, whatever values are known. */
static void check_words(const IotopRows *rows) {
        char text[IOTOP_LINE_MAX];

        for (size_t i = 0; i < rows->n_lines; ++i) {
                unsigned int n = 0;

                iotop_rows_line(rows, rows->lines + i, false, text);
                for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
                        ++n;
                assert(n == 12);
        }
}

/* Five rows: a reader, an idle task, a task of another user, a task without delays, and a writer that has ended. */
static void make_live(Live *live) {
        Made reader = {.pid = 4000001, .start = -1, .comm = "rea\tder"}, idle = {.pid = 4000002, .start = -1};
        Made others = {.pid = 4000003,
                       .start = -1,
                       .groups = GROUPS_ALL & ~GROUP_IO & ~GROUP_DELAYS,
                       .withheld = GROUP_IO | GROUP_DELAYS};
        Made old = {.pid = 4000004, .start = -1, .groups = GROUPS_ALL & ~GROUP_DELAYS, .uncounted = GROUP_DELAYS};
        Made writer = {.pid = 4000005, .start = 0.5, .comm = "writer"};

        live_init(live);
        send_row(live, &reader, 0);
        send_row(live, &idle, 0);
        send_row(live, &others, 0);
        send_row(live, &old, 0);
        send_sample(live, 0, true);
        reader.read_bytes = 3 << 20;
        reader.io_delay_ns = SECOND_NS / 4;
        old.write_bytes = 2047;
        writer.write_bytes = 4096;
        send_row(live, &reader, 1);
        send_row(live, &others, 1);
        send_row(live, &old, 1);
        send_ended(live, &writer, 0.6);
        send_sample(live, 1, false);
}

static void test_lines(void) {
        Live live;
        IotopRows rows = {.live = &live, .users = &users, .sort = IOTOP_IO};

        make_live(&live);
        assert(iotop_rows_make(&rows) == 0 && rows.n_lines == 5);
        check_words(&rows);
        check_line(&rows, 4000001, true, "4000001    ? 4242424     3.00 M/s    0.00 B/s  0.00 % 25.00 %  rea\\x09der");
        check_line(&rows, 4000002, true, "4000002    ? 4242424     0.00 B/s    0.00 B/s  0.00 %  0.00 %  made");
        check_line(&rows, 4000003, true, "4000003    ? 4242424        - B/s       - B/s     - %     - %  made");
        check_line(&rows, 4000004, true, "4000004    ? 4242424     0.00 B/s 2047.00 B/s     ? %     ? %  made");
        /* The writer was forked and ended between two samples. */
        check_line(&rows, 4000005, true, "4000005    ? 4242424     0.00 B/s    4.00 K/s  0.00 %  0.00 %  writer");

        iotop_rows_deinit(&rows);
        live_deinit(&live);
}

/* Rows are sorted by delay, then by bytes moved. Unknown values come last in both orders. */
static void test_order(void) {
        Live live;
        IotopRows rows = {.live = &live, .users = &users, .sort = IOTOP_IO};

        make_live(&live);
        assert(iotop_rows_make(&rows) == 0 && rows.n_lines == 5);
        assert(rows.lines[0].row->tid == 4000001 && rows.lines[1].row->tid == 4000005);
        assert(rows.lines[2].row->tid == 4000002 && rows.lines[3].row->tid == 4000004);
        assert(rows.lines[4].row->tid == 4000003);
        rows.ascending = true;
        assert(iotop_rows_make(&rows) == 0);
        assert(rows.lines[2].row->tid == 4000001 && rows.lines[4].row->tid == 4000003);
        rows.ascending = false;
        for (unsigned int sort = 0; sort < N_IOTOP_COLUMNS; ++sort) {
                rows.sort = (enum iotop_column)sort;
                assert(iotop_rows_make(&rows) == 0);
        }
        assert(strcmp(rows.lines[0].row->comm, "writer") == 0);

        iotop_rows_deinit(&rows);
        live_deinit(&live);
}

static void test_forms(void) {
        Live live;
        IotopRows rows = {
                .live = &live,
                .users = &users,
                .only = true,
                .kilobytes = true,
                .sort = IOTOP_WRITE,
                .uncounted = true,
        };

        make_live(&live);
        assert(iotop_rows_make(&rows) == 0 && rows.n_lines == 3);
        assert(rows.lines[0].row->tid == 4000005 && rows.lines[1].row->tid == 4000004);
        check_line(&rows, 4000001, true, "4000001    ? 4242424  3072.00 K/s    0.00 K/s  0.00 % 25.00 %  rea\\x09der");
        check_line(&rows, 4000004, true, "4000004    ? 4242424     0.00 K/s    2.00 K/s ?unavailable?  made");

        rows.kilobytes = false;
        rows.accumulated = true;
        send_sample(&live, 2, false);
        assert(iotop_rows_make(&rows) == 0 && rows.n_lines == 2);
        check_line(&rows, 4000001, true, "4000001    ? 4242424       3.00 M      0.00 B  0.00 % 12.50 %  rea\\x09der");

        iotop_rows_deinit(&rows);
        live_deinit(&live);
}

/* A task whose fork was lost is not shown as root's. */
static void test_unknown(void) {
        Made made = {.pid = 4000001, .start = -1};
        struct tb_task_sample sample = made_sample(&made, 0);
        Live live;
        IotopRows rows = {.live = &live, .users = &users};

        live_init(&live);
        sample.task_unknown = true;
        sample.uid = 0;
        sample.comm[0] = 0;
        send_message(&live, (struct tb_message){.type = TB_MESSAGE_TASK_SAMPLE, .task_sample = &sample});
        send_sample(&live, 0, true);
        assert(iotop_rows_make(&rows) == 0 && rows.n_lines == 1);
        check_line(&rows, 4000001, true, "4000001    ? -              ? B/s       ? B/s     ? %     ? %  -");
        iotop_rows_deinit(&rows);
        live_deinit(&live);
}

static void test_only_numbers(void) {
        static const uint32_t only[] = {11, 13};
        Made one = {.pid = 10, .tid = 11, .start = -1}, two = {.pid = 13, .tid = 14, .start = -1};
        Made three = {.pid = 10, .start = -1};
        struct tb_event event;
        Live live;

        live_init(&live);
        live_reset(&live, true);
        live_only_set(&live.only, only, N(only));
        send_row(&live, &one, 0);
        send_row(&live, &two, 0);
        send_row(&live, &three, 0);
        event = made_event(TB_KIND_FORK, &three, 0);
        send_event(&live, &event);
        send_sample(&live, 0, true);
        assert(live.n_rows == 2 && row_of(&live, &one) && row_of(&live, &two));

        /* a later task with the number is not what the user named */
        one.start = 0.5;
        send_row(&live, &one, 1);
        send_sample(&live, 1, true);
        assert(!row_of(&live, &one));
        live_deinit(&live);
}

/* Columns go as a whole, and those that stay are under their titles. */
static void test_fit(void) {
        char whole[IOTOP_LINE_MAX], text[IOTOP_LINE_MAX];
        Live live;
        IotopRows rows = {.live = &live, .users = &users};

        make_live(&live);
        assert(iotop_rows_make(&rows) == 0);
        iotop_rows_line(&rows, rows.lines, false, whole);
        for (size_t columns = 200; columns > 0; --columns) {
                size_t width = 0;

                iotop_rows_fit(&rows, columns);
                assert(iotop_rows_shows(&rows, IOTOP_TID) && iotop_rows_shows(&rows, IOTOP_READ));
                assert(iotop_rows_shows(&rows, IOTOP_WRITE) && iotop_rows_shows(&rows, IOTOP_COMMAND));
                for (enum iotop_column i = 0; i < IOTOP_COMMAND; ++i)
                        width += iotop_rows_shows(&rows, i) ? rows.widths[i] + 1 : 0;
                assert(width + 8 <= columns || columns < 40);
                iotop_rows_line(&rows, rows.lines, false, text);
                assert(text[width] == ' ' && text[width + 1] != ' ');
                if (!rows.left_out)
                        assert(strcmp(text, whole) == 0);
        }
        iotop_rows_deinit(&rows);
        live_deinit(&live);
}

static void test_summary(void) {
        char total[IOTOP_SUMMARY_MAX], current[IOTOP_SUMMARY_MAX];
        Made writer = {.pid = 10, .start = -1}, canceller = {.pid = 20, .start = -1};
        Live live;
        IotopRows rows = {.live = &live, .users = &users};
        Tree tree = tree_new();

        tree_write_text(&tree, "vda/stat", "   1 2 2048 4 5 6 100 8 9 10 11\n");
        tree_write_text(&tree, "dm-0/stat", "   1 2 2048 4 5 6 100 8 9 10 11\n");
        tree_write_text(&tree, "loop0/stat", "   1 2 2048 4 5 6 100 8 9 10 11\n");
        live_init(&live);
        send_row(&live, &writer, 0);
        send_row(&live, &canceller, 0);
        send_sample(&live, 0, true);
        iotop_rows_sample(&rows, tree.path, 5000000000);
        writer.read_bytes = 1 << 20;
        writer.write_bytes = 1024;
        send_row(&live, &writer, 2);
        canceller.write_bytes = 8192;
        canceller.cancelled_write_bytes = 8192;
        send_row(&live, &canceller, 2);
        send_sample(&live, 2, false);
        tree_write_text(&tree, "vda/stat", "   1 2 10240 4 5 6 104 8 9 10 11\n");
        iotop_rows_sample(&rows, tree.path, 7000000000);
        iotop_rows_summary(&rows, false, total, current);
        assert(strcmp(total, "Total DISK READ:       512.00 K/s | Total DISK WRITE:       512.00 B/s") == 0);
        assert(strcmp(current, "Current DISK READ:       2.00 M/s | Current DISK WRITE:    1024.00 B/s") == 0);

        iotop_rows_summary(&rows, true, total, current);
        assert(strcmp(total, "Total   R   512.00 K/s  W   512.00 B/s") == 0 && strlen(current) <= 40);

        /* The statistics of the disks cannot be read. */
        iotop_rows_sample(&rows, "/nowhere", 9000000000);
        iotop_rows_summary(&rows, false, total, current);
        assert(strcmp(current, "Current DISK READ:          ? B/s | Current DISK WRITE:          ? B/s") == 0);
        iotop_rows_deinit(&rows);
        live_deinit(&live);
        tree_free(&tree);
}

int main(void) {
        test_lines();
        test_order();
        test_forms();
        test_unknown();
        test_only_numbers();
        test_fit();
        test_summary();
        return 0;
}
