/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StatusReport: collects the broker's status, and selects what of it a client may know.
 * Admission and the request handler call it.
 */

#include "broker/model/status.h"
#include "broker/output/feeds.h"
#include "broker/policy/quota.h"
#include "broker/server/client.h"
#include "broker/server/connections.h"
#include "broker/server/sampler.h"
#include "broker/server/subscription.h"

typedef struct StatusReport StatusReport;

/* Fills in what the server does not know: the kernel's side, the task table, the daemon. */
typedef void (*StatusReportFill)(StatusReport *report, BrokerStatus *ret_status);

struct StatusReport {
        StatusReportFill fill;
        const Quota *quota;                     /* not owned, and so are the others */
        const Feeds *feeds;
        const Connections *connections;
        const Subscriptions *subscriptions;
        const Sampler *sampler;                 /* NULL: there are no live statistics */
        uint64_t n_events[_EVENT_KIND_N];
        uint64_t n_refused;                     /* connections beyond a limit */
        uint64_t n_refused_namespace;           /* connections from another pid namespace */
};

void status_report_all(StatusReport *report, BrokerStatus *ret_status);
void status_report_for(StatusReport *report, const Client *client, BrokerStatus *ret_status);
