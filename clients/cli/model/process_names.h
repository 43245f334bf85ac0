/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "taskbroker/taskbroker.h"

typedef struct ProcessName ProcessName;
typedef struct ProcessNames ProcessNames;

/* Names of ended processes that are kept: their children may live on. */
#define PROCESS_NAMES_ENDED_MAX 4096u

struct ProcessName {
        uint32_t pid;
        uint64_t start_boot_ns;         /* with pid the identity of the process */
        char comm[TB_COMM_SIZE];
        bool comm_stale;
        bool ended;
        uint32_t n_gaps;                /* the gaps of the stream when the name came */
        ProcessName *next_same_hash;
        ProcessName *next_ended;
};

struct ProcessNames {
        ProcessName **buckets;
        size_t n_buckets;
        size_t n_names;
        ProcessName *ended_first;       /* the oldest */
        ProcessName *ended_last;
        size_t n_ended;
        uint32_t n_gaps;                /* how often events of the stream were missing */
        bool partial;                   /* the stream leaves out execs: no name is certain */
};

void process_names_add_task(ProcessNames *names, const struct tb_task *task);
void process_names_add_event(ProcessNames *names, const struct tb_event *event);
const char *process_names_find(const ProcessNames *names, const struct tb_process_id *id, bool *ret_stale);
void process_names_clear(ProcessNames *names);

struct tb_process_id process_names_parent_of_event(const struct tb_event *event);
