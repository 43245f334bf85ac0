/* SPDX-License-Identifier: Apache-2.0 */

/*
 * taskbroker iotop: which tasks read from storage and write to it, as a screen or in
 * samples.
 */

#include "clients/cli/base/exit_status.h"
#include "clients/cli/iotop/iotop_batch.h"
#include "clients/cli/iotop/iotop_screen.h"
#include "clients/cli/model/interval.h"
#include "clients/cli/verbs.h"

int verb_iotop(const char *socket_path, int argc, char **argv) {
        static IotopOptions options;
        int r;

        options.socket_path = socket_path;
        options.interval_ms = INTERVAL_MS_DEFAULT;
        options.help = true;
        r = iotop_options_read(&options, argc, argv);
        if (r != VERB_CONTINUE)
                return r;

        return options.batch ? iotop_batch(&options) : iotop_screen(&options);
}
