/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * StartStore: the starts of the live tasks in a file, so that a task has the same identity
 * after a restart of the broker, whatever ended it. The task table keeps it up to date.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/kernel/proc_message.h"

typedef struct StartStore StartStore;

/* Starts in a page of memory. */
#define START_STORE_PAGE 512u

struct StartStore {
        int fd;                 /* locked; -1: there is no file */
        uint64_t *starts;       /* mapped, by tid: start_time_ns; 0: none. NULL: there is no file */
        void *mapping;
        uint32_t empty_page;    /* the page that became empty last, which is kept; START_STORE_NO_PAGE */
        uint16_t n_used[PROC_PID_LIMIT / START_STORE_PAGE];     /* starts in each page */
};

#define START_STORE_NO_PAGE UINT32_MAX

#define START_STORE_NULL ((StartStore){ .fd = -1, .empty_page = START_STORE_NO_PAGE })

/* Results of start_store_open(). */
enum {
        _START_STORE_E_SUCCESS,
        START_STORE_E_UNSAFE,   /* the file is not a regular file of this user alone, or not in memory (tmpfs) */
        START_STORE_E_IN_USE,   /* another broker has it */
};

int start_store_open(StartStore *store, const char *path);
void start_store_close(StartStore *store);
void start_store_set(StartStore *store, uint32_t tid, uint64_t start_time_ns);
void start_store_clear(StartStore *store, uint32_t tid);
uint64_t start_store_get(const StartStore *store, uint32_t tid);
uint32_t start_store_next(const StartStore *store, uint32_t from_tid);
