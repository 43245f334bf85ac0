/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker iotop: who reads from storage and writes to it.
 *
 * Has the batch form; iotop-screen.c has the screen.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/base/error.h"
#include "clients/cli/iotop/iotop.h"
#include "clients/cli/iotop/iotop_rows.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/model/live_batch.h"
#include "clients/cli/verbs.h"

typedef struct Iotop Iotop;

struct Iotop {
        const IotopOptions *options;
        IotopRows rows;
        Users users;
};

/* What the columns are made of, and no more. */
void iotop_settings(const IotopOptions *options, LiveSettings *ret_settings) {
        *ret_settings = (LiveSettings){
                .socket_path = options->socket_path,
                .interval_ms = options->interval_ms,
                .scope = options->processes ? TB_SAMPLE_PROCESSES : TB_SAMPLE_THREADS,
                .groups = TB_STATS_BIT(TB_STATS_IO) | TB_STATS_BIT(TB_STATS_DELAYS) | TB_STATS_BIT(TB_STATS_SCHEDULING),
                .events = true,
                .programs = true,
                .filter = &options->filter.wanted,
        };
}

static int iotop_write(LiveBatch *batch, const char *clock, const char *text) {
        int r;

        r = output_write(&batch->output, clock, strlen(clock));
        if (r >= 0)
                r = output_write(&batch->output, text, strlen(text));

        return r < 0 ? r : output_write(&batch->output, "\n", 1);
}

static int iotop_write_header(LiveBatch *batch, const Iotop *iotop, const char *clock) {
        char total[IOTOP_SUMMARY_MAX], current[IOTOP_SUMMARY_MAX], titles[IOTOP_SUMMARY_MAX];
        int r = 0;

        if (iotop->options->quiet < 3) {
                iotop_summary(&iotop->rows, total, current);
                r = iotop_write(batch, clock, total);
                if (r >= 0)
                        r = iotop_write(batch, clock, current);
        }
        if (r < 0 || iotop->options->quiet > 1 || (iotop->options->quiet == 1 && batch->n_printed > 0))
                return r;

        snprintf(titles, sizeof(titles), "%s%7s  PRIO  USER     DISK READ  DISK WRITE  SWAPIN      IO    COMMAND",
                 iotop->options->time ? "    TIME " : "", iotop_title(&iotop->rows, IOTOP_TID));
        return iotop_write(batch, "", titles);
}

static int iotop_print(LiveBatch *batch) {
        Iotop *iotop = batch->closure;
        const struct tb_welcome *welcome = live_link_welcome(&batch->link);
        char text[IOTOP_LINE_MAX], clock[32] = "";
        time_t now = (time_t)(batch->live.sample.told.end_time_ns / 1000000000u);
        struct tm local;
        int r;

        iotop->rows.uncounted = welcome && welcome->delay_accounting != TB_DELAY_ACCOUNTING_ON;
        iotop_rows_sample(&iotop->rows, IOTOP_DISKS);
        if (!batch->live.sample.span_ns)
                return 0;

        if (iotop->options->time && localtime_r(&now, &local))
                strftime(clock, sizeof(clock), "%H:%M:%S ", &local);
        r = iotop_rows_make(&iotop->rows);
        if (r >= 0)
                r = iotop_write_header(batch, iotop, clock);
        for (size_t i = 0; i < iotop->rows.n_lines && r >= 0; ++i) {
                iotop_line(&iotop->rows, iotop->rows.lines + i, true, text);
                r = iotop_write(batch, clock, text);
        }

        return r;
}

static int iotop_batch(const IotopOptions *options) {
        static LiveBatch batch;
        static Iotop iotop;
        LiveSettings settings;
        int r;

        iotop_settings(options, &settings);
        iotop.options = options;
        iotop.rows = (IotopRows){
                .live = &batch.live,
                .users = &iotop.users,
                .only = options->only,
                .processes = options->processes,
                .accumulated = options->accumulated,
                .kilobytes = options->kilobytes,
                .sort = IOTOP_IO,
        };
        batch.settings = &settings;
        batch.iterations = options->iterations;
        batch.only = options->pids;
        batch.n_only = options->n_pids;
        batch.first_too = true;
        batch.print = iotop_print;
        batch.closure = &iotop;
        r = live_batch_run(&batch);
        iotop_rows_deinit(&iotop.rows);

        return r;
}

int verb_iotop(const char *socket_path, int argc, char **argv) {
        static IotopOptions options;
        int r;

        options.socket_path = socket_path;
        options.interval_ms = INTERVAL_MS_DEFAULT;
        options.help = true;
        r = iotop_options_read(&options, argc, argv);
        if (r >= 0)
                return r;

        return options.batch ? iotop_batch(&options) : iotop_screen(&options);
}
