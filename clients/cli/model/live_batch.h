/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "clients/cli/base/output.h"
#include "clients/cli/model/live_link.h"

typedef struct LiveBatch LiveBatch;

/* A loop that prints samples. The owner fills in the first members, up to closure. */
struct LiveBatch {
        const LiveSettings *settings;
        uint64_t iterations;  /* 0: until a signal */
        const uint32_t *only; /* numbers of tasks and processes: see live_only.h */
        size_t n_only;
        bool first_too; /* also print the first sample, which is not counted */
        /* Prints the last sample of the model into the output. Returns as output_write(). */
        int (*print)(LiveBatch *batch);
        void *closure; /* for print() */

        Live live;
        LiveLink link;
        Output output;
        uint64_t n_printed;
};

int live_batch_run(LiveBatch *batch);
