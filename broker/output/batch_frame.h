/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * BatchFrame: reads back the frames of a feed, to find where they begin and where their
 * events are. Pure; it reads only what encode_batch_header() and encode_sample_header()
 * wrote.
 */

#include <stddef.h>
#include <stdint.h>

size_t batch_frame_size(const uint8_t *frame, size_t n_max);
uint64_t batch_frame_first_number(const uint8_t *frame);
const uint8_t *batch_frame_events(const uint8_t *frame, int64_t *ret_time_offset_ns);
