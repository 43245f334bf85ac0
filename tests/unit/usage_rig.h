/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Events of the processes of a command, as usage.c takes them. */

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "clients/cli/run/usage.h"

#define MS UINT64_C(1000000)
#define ROOT 100u

/* The groups that every record of a test has. */
#define GROUPS                                                                                                         \
        (TB_STATS_BIT(TB_STATS_IDENTITY) | TB_STATS_BIT(TB_STATS_CPU) | TB_STATS_BIT(TB_STATS_MEMORY) |                \
         TB_STATS_BIT(TB_STATS_SCHEDULING) | TB_STATS_BIT(TB_STATS_IO) | TB_STATS_BIT(TB_STATS_CPU_DELAY))

static __attribute__((unused)) Usage usage;
static __attribute__((unused)) struct tb_task_stats stats;
static __attribute__((unused)) struct tb_program program;

static inline void take_fork(uint32_t pid, uint32_t tid) {
        struct tb_event event = { .kind = TB_KIND_FORK, .pid = pid, .tid = tid };

        assert(usage_event(&usage, &event) == 0);
}

static inline struct tb_event make_exit(uint32_t pid, const char *comm) {
        struct tb_event event = {
                .kind = TB_KIND_EXIT,
                .pid = pid,
                .tid = pid,
                .exit = { .process_ended = true, .process_termination = { .known = true }, .process_stats = &stats },
        };

        snprintf(event.comm, sizeof(event.comm), "%s", comm);
        return event;
}

/* The exit of a process. @ppid: its parent at the exit; @ms: the processor time that it used, in milliseconds. */
static inline void take_exit(uint32_t pid, uint32_t ppid, const char *comm, uint64_t ms) {
        struct tb_event event = make_exit(pid, comm);

        stats.groups = GROUPS;
        stats.identity.ac_ppid = ppid;
        stats.cpu.cpu_run_virtual_total_ns = ms * MS;
        stats.cpu.cpu_run_real_total_ns = ms / 4 * 4 * MS;
        stats.cpu.ac_utime_us = ms * 750;
        stats.cpu.ac_stime_us = ms * 250;
        assert(usage_event(&usage, &event) == 0);
}

static inline void take_loss(enum tb_loss_source source, uint64_t count, bool at_least) {
        struct tb_event event = {
                .kind = TB_KIND_LOSS,
                .loss = { .count = count, .source = source, .at_least = at_least },
        };

        assert(usage_event(&usage, &event) == 0);
}

static inline void begin(void) {
        stats = (struct tb_task_stats){ 0 };
        assert(usage_init(&usage, ROOT) == 0);
}

static inline void end(void) {
        usage_deinit(&usage);
}

static inline bool none_exist(uint32_t pid, uint64_t start_boot_ns) {
        (void)pid;
        (void)start_boot_ns;
        return false;
}

static inline struct rusage make_usage(suseconds_t user_ms, suseconds_t system_ms) {
        return (struct rusage){
                .ru_utime = { .tv_sec = user_ms / 1000, .tv_usec = user_ms % 1000 * 1000 },
                .ru_stime = { .tv_sec = system_ms / 1000, .tv_usec = system_ms % 1000 * 1000 },
        };
}

static inline void check_has(const char *text, const char *part) {
        if (!strstr(text, part))
                fprintf(stderr, "is:\n%s\nshould have: %s\n", text, part);
        assert(strstr(text, part));
}
