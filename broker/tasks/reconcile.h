/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reconcile: compares the task table with /proc, and reports what differs. At the start it
 * fills the table, without events. After connector messages were lost, the daemon runs it
 * in slices: reconcile_scan(), a turn of the join, reconcile_apply(). Events go on
 * meanwhile, and a new loss starts it again. Without a loss the daemon runs it from time to
 * time, with reconcile_quiet_apply(), to notice what the connector did not report.
 */

#include "broker/tasks/reconcile_apply.h"
#include "broker/tasks/reconcile_quiet.h"
#include "broker/tasks/reconcile_scan.h"

int reconcile_seed(Reconcile *reconcile);
