/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Layouts of struct taskstats: bytes of the kernel, of versions 8 to 17, to TaskStats. Pure. */

#include <stddef.h>
#include <stdint.h>

#include "broker/model/taskstats.h"

enum {
        _TASKSTATS_LAYOUT_E_SUCCESS,
        TASKSTATS_LAYOUT_E_VERSION,       /* older than version 8 */
        TASKSTATS_LAYOUT_E_SHORT,         /* shorter than its version's fields */
};

#define TASKSTATS_LAYOUT_VERSION_MIN 8
#define TASKSTATS_LAYOUT_VERSION_MAX 17

int taskstats_layout_decode(const uint8_t *data, size_t n_data, uint16_t version, TaskStats *ret_stats);
uint16_t taskstats_layout_version(const uint8_t *data, size_t n_data);
