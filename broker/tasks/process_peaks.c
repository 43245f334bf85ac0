/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The process has four bytes for a peak, in units of 4 KiB. No page is smaller, so that
 * nothing is rounded. A larger peak than 16 TiB, of a sanitizer's address space, is kept in
 * the totals. So are all peaks of a process that has totals.
 */

#include <errno.h>

#include "broker/base/error.h"
#include "broker/base/util.h"
#include "broker/tasks/process_peaks.h"

#define UNIT_KIB 4u
#define PEAK_MAX_KIB ((uint64_t)UINT32_MAX * UNIT_KIB)

/**
 * process_peaks_note() - keep the peaks that an answer of the kernel has
 * @table:    the table
 * @process:  the process
 * @stats:    the statistics of one of its live tasks
 *
 * Return: 0, or a negative errno.
 */
int process_peaks_note(TaskTable *table, Process *process, const TaskStats *stats) {
        TaskStats *totals = process->totals;

        if (!(stats->groups & STATS_MEMORY))
                return 0;
        if (!totals && MAX(stats->hiwater_rss_kib, stats->hiwater_vm_kib) <= PEAK_MAX_KIB) {
                process->peak_rss = MAX(process->peak_rss, (uint32_t)(stats->hiwater_rss_kib / UNIT_KIB));
                process->peak_vm = MAX(process->peak_vm, (uint32_t)(stats->hiwater_vm_kib / UNIT_KIB));
                return 0;
        }
        totals = task_table_totals(table, process);
        if (!totals)
                return error_origin(-ENOMEM);
        totals->hiwater_rss_kib = MAX(totals->hiwater_rss_kib, stats->hiwater_rss_kib);
        totals->hiwater_vm_kib = MAX(totals->hiwater_vm_kib, stats->hiwater_vm_kib);
        return 0;
}

/* Whether a former answer had larger peaks than these statistics of a task of the process. */
bool process_peaks_exceed(const Process *process, const TaskStats *stats) {
        return (stats->groups & STATS_MEMORY) && (process->peak_rss > stats->hiwater_rss_kib / UNIT_KIB ||
                                                  process->peak_vm > stats->hiwater_vm_kib / UNIT_KIB);
}

/* Raises the peaks in totals of a process to the largest that an answer had. */
void process_peaks_raise(const Process *process, TaskStats *totals) {
        totals->hiwater_rss_kib = MAX(totals->hiwater_rss_kib, (uint64_t)process->peak_rss * UNIT_KIB);
        totals->hiwater_vm_kib = MAX(totals->hiwater_vm_kib, (uint64_t)process->peak_vm * UNIT_KIB);
}
