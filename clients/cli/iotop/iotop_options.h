/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clients/cli/connect/filter_options.h"
#include "clients/cli/model/live_link.h"

typedef struct IotopOptions IotopOptions;

/* The kernel has a folder here for each disk. */
#define IOTOP_DISKS "/sys/block"

/* Holds a FilterOptions: it must not be copied. */
struct IotopOptions {
        const char *socket_path;
        bool only; /* only tasks that do input or output */
        bool batch;
        uint64_t iterations; /* 0: no end */
        uint32_t interval_ms;
        uint32_t pids[TB_FILTER_PIDS_MAX];
        size_t n_pids;
        bool processes;
        bool accumulated;
        bool kilobytes;
        bool numeric; /* users as numbers */
        bool time;
        unsigned int quiet;
        bool help; /* show the line of keys */
        FilterOptions filter;
};

int iotop_options_read(IotopOptions *options, int argc, char **argv);
void iotop_options_settings(const IotopOptions *options, LiveSettings *ret_settings);
