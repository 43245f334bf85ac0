/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "broker/tasks/reconcile_scan.h"

/* A pass without a known loss, which notices what the connector did not report. */

bool reconcile_quiet_is_due(Reconcile *reconcile);
void reconcile_quiet_start(Reconcile *reconcile);
void reconcile_quiet_apply(Reconcile *reconcile);
