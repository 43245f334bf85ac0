/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inquiry: what certain processes and tasks have used up to now, asked for in slices.
 * Its owner gets a sample for each number, in their order.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/tasks/live_sum.h"

/* Numbers in one. */
#define INQUIRY_MAX 128u

typedef struct Inquiry Inquiry;

/* Return: 0, or a negative errno. */
typedef int (*InquiryTell)(Inquiry *inquiry, const TaskSample *sample);

/* Whether who asks is told that there is such a task at all; it is not asked for otherwise. */
typedef bool (*InquiryShows)(const Inquiry *inquiry, const Task *task);

struct Inquiry {
        InquiryShows shows;
        uint32_t numbers[INQUIRY_MAX]; /* processes, then tasks */
        size_t n_pids, n;
        size_t i;                       /* the next to be told */
        LiveSum sum;                    /* of the process at hand, if it is larger than a slice */
        uint32_t tries;                 /* for the number at hand */
};

void inquiry_init(Inquiry *inquiry,
                  InquiryShows shows,
                  const uint32_t *pids,
                  size_t n_pids,
                  const uint32_t *tids,
                  size_t n_tids);
void inquiry_deinit(Inquiry *inquiry);

TaskSample inquiry_gone(const Inquiry *inquiry);
bool inquiry_is_done(const Inquiry *inquiry);
int inquiry_slice(Inquiry *inquiry, Join *join, StatsSource *source, size_t n_max, InquiryTell tell);
void inquiry_on_event(Inquiry *inquiry, const Event *event);
