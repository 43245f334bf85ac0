/* SPDX-License-Identifier: Apache-2.0 */

/* taskbrokerd: see taskbrokerd(8). */

#include <stdlib.h>

#include "broker/base/log.h"
#include "broker/root/broker.h"
#include "broker/root/check.h"
#include "broker/root/options.h"

int main(int argc, char **argv) {
        Options options;
        int r;

        r = options_parse(&options, argc, argv);
        if (r)
                return r == OPTIONS_E_DONE ? EXIT_SUCCESS : 2;

        log_init(options.log_level);
        r = options.check ? check_run(&options) : broker_run(&options);
        return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
