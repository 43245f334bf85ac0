/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reconcile, second half: reports and stores what differs between the table and /proc,
 * where it still does after the join has read its sources empty.
 */

#include "broker/tasks/reconcile_scan.h"

int reconcile_apply(Reconcile *reconcile);
