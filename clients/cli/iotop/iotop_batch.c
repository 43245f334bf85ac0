/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker iotop -b: prints each sample as lines, in the form of iotop.
 */

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/iotop/iotop_batch.h"
#include "clients/cli/iotop/iotop_rows.h"
#include "clients/cli/model/live_batch.h"

typedef struct IotopBatch IotopBatch;

struct IotopBatch {
        const IotopOptions *options;
        IotopRows rows;
        Users users;
};

static int batch_write(LiveBatch *batch, const char *clock, const char *text) {
        int r;

        r = output_write(&batch->output, clock, strlen(clock));
        if (r >= 0)
                r = output_write(&batch->output, text, strlen(text));

        return r < 0 ? r : output_write(&batch->output, "\n", 1);
}

static int batch_write_header(LiveBatch *batch, const IotopBatch *iotop, const char *clock) {
        char total[IOTOP_SUMMARY_MAX], current[IOTOP_SUMMARY_MAX], titles[IOTOP_SUMMARY_MAX];
        int r = 0;

        if (iotop->options->quiet < 3) {
                iotop_rows_summary(&iotop->rows, false, total, current);
                r = batch_write(batch, clock, total);
                if (r >= 0)
                        r = batch_write(batch, clock, current);
        }
        if (r < 0 || iotop->options->quiet > 1 || (iotop->options->quiet == 1 && batch->n_printed > 0))
                return r;

        iotop_rows_titles(&iotop->rows, titles);
        return batch_write(batch, iotop->options->time ? "    TIME " : "", titles);
}

static int batch_print(LiveBatch *batch) {
        IotopBatch *iotop = batch->closure;
        const struct tb_welcome *welcome = live_link_welcome(&batch->link);
        static char text[IOTOP_LINE_MAX];
        char clock[32] = "";
        time_t now = (time_t)(clock_to_realtime_ns(batch->live.sample.summary.end_time_ns) / 1000000000u);
        struct tm local;
        int r;

        iotop->rows.uncounted = welcome && welcome->delay_accounting != TB_DELAY_ACCOUNTING_ON;
        iotop_rows_sample(&iotop->rows, IOTOP_DISKS, clock_now_ns());
        if (!batch->live.sample.span_ns)
                return 0;

        if (iotop->options->time && localtime_r(&now, &local))
                strftime(clock, sizeof(clock), "%H:%M:%S ", &local);
        r = iotop_rows_make(&iotop->rows);
        if (r >= 0)
                r = batch_write_header(batch, iotop, clock);
        for (size_t i = 0; i < iotop->rows.n_lines && r >= 0; ++i) {
                iotop_rows_line(&iotop->rows, iotop->rows.lines + i, true, text);
                r = batch_write(batch, clock, text);
        }

        return r;
}

int iotop_batch(const IotopOptions *options) {
        static LiveBatch batch;
        static IotopBatch iotop;
        LiveSettings settings;
        int r;

        iotop_options_settings(options, &settings);
        iotop.options = options;
        iotop.users.numeric = options->numeric;
        iotop.users.background = true;
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
        batch.print = batch_print;
        batch.closure = &iotop;
        r = live_batch_run(&batch);
        iotop_rows_deinit(&iotop.rows);

        return r;
}
