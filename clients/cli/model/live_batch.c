/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The loop of the batch forms of top and iotop: waits for samples and has each printed,
 * until there were enough, a signal came, or the reader closed standard output.
 *
 * Owns the model, its connections and the output. The owner prints.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/base/clock.h"
#include "clients/cli/base/error.h"
#include "clients/cli/base/exit_status.h"
#include "clients/cli/base/signals.h"
#include "clients/cli/model/live_batch.h"

static int batch_wait(LiveBatch *batch) {
        struct pollfd pfds[LIVE_LINK_FDS + 1];
        int n, r;

        if (live_link_pending(&batch->link))
                return VERB_CONTINUE;

        n = live_link_poll(&batch->link, pfds);
        pfds[n] = (struct pollfd){.fd = batch->output.fd};
        r = signals_poll(pfds, (nfds_t)n + 1, batch->link.answer.next, clock_now_ns());
        if (r < 0 && r != -EINTR) {
                error_print("Cannot wait for the broker: %s.", strerror(-r));
                return EXIT_STATUS_ERROR;
        }

        return r > 0 && pfds[n].revents & (POLLERR | POLLHUP) ? EXIT_STATUS_OK : VERB_CONTINUE;
}

static int batch_print(LiveBatch *batch) {
        int r;

        if (!batch->live.sample.span_ns && !batch->first_too)
                return VERB_CONTINUE;

        r = batch->print(batch);
        if (r >= 0)
                r = output_flush(&batch->output);
        if (r < 0)
                return r == -EINTR ? VERB_CONTINUE : output_verdict(r);

        batch->n_printed += batch->live.sample.span_ns != 0;
        live_expire(&batch->live, batch->live.sample.summary.end_time_ns);

        return batch->iterations && batch->n_printed >= batch->iterations ? EXIT_STATUS_OK : VERB_CONTINUE;
}

static int batch_loop(LiveBatch *batch) {
        int r = VERB_CONTINUE, bits;

        while (r == VERB_CONTINUE) {
                r = batch_wait(batch);
                if (signals_caught())
                        return EXIT_STATUS_OK;
                if (r != VERB_CONTINUE)
                        return r;

                bits = live_link_process(&batch->link);
                if (bits < 0) {
                        error_print("%s", batch->link.error);
                        return EXIT_STATUS_ERROR;
                }
                if (bits & LIVE_LINK_BUSY)
                        error_print("The broker is busy and has not answered yet: waiting.");
                if (bits & LIVE_LINK_STATE)
                        error_print("%s.", batch->link.down_reason);
                if (bits & LIVE_LINK_SAMPLE)
                        r = batch_print(batch);
        }

        return r;
}

/**
 * live_batch_run() - print samples
 * @batch:      filled in by the owner
 *
 * Return: The exit status.
 */
int live_batch_run(LiveBatch *batch) {
        int r, r_finish;

        live_init(&batch->live);
        live_only_set(&batch->live.only, batch->only, batch->n_only);
        if (live_link_open(&batch->link, &batch->live, batch->settings) < 0) {
                error_print("%s", batch->link.error);
                return EXIT_STATUS_ERROR;
        }

        signals_catch();
        output_init(&batch->output, STDOUT_FILENO, signals_flag());
        r = batch_loop(batch);
        r_finish = output_finish(&batch->output);
        if (r_finish < 0 && r == EXIT_STATUS_OK)
                r = output_verdict(r_finish);
        live_link_close(&batch->link);
        live_deinit(&batch->live);

        return r;
}
