/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker top: what tasks use while they live, as a screen or in samples.
 */

#include "clients/cli/base/exit_status.h"
#include "clients/cli/top/top_batch.h"
#include "clients/cli/top/top_screen.h"
#include "clients/cli/verbs.h"

int verb_top(const char *socket_path, int argc, char **argv) {
        static TopOptions options;
        int r;

        options.socket_path = socket_path;
        r = top_options_read(&options, argc, argv);
        if (r != VERB_CONTINUE)
                return r;

        return options.batch ? top_batch(&options) : top_screen(&options);
}
