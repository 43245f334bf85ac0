/* SPDX-License-Identifier: Apache-2.0 */

#include <errno.h>
#include <sys/resource.h>

#include "broker/base/log.h"
#include "broker/daemon/priority.h"

/**
 * priority_raise() - lower the nice value of the broker
 * @boost:  by how much, from 0; a service manager that has set a value below 0 or above keeps it
 *
 * It needs CAP_SYS_NICE, so it comes before the privileges are dropped. Without the capability the priority stays.
 */
void priority_raise(int boost) {
        int nice;

        errno = 0;
        nice = getpriority(PRIO_PROCESS, 0);
        if (boost == 0 || errno || nice != 0)
                return;
        if (setpriority(PRIO_PROCESS, 0, -boost) < 0)
                log_debug("The priority was not raised, because CAP_SYS_NICE is missing.");
}
