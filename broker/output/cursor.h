/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Cursor: the place of one reader in a feed. The struct is in feed.h, because a feed
 * changes the cursors in a chunk that it frees. A cursor hands out the bytes to send, but
 * does not send them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "broker/output/feed.h"
#include "broker/output/stream_frame.h"

void cursor_init(Cursor *cursor, uint32_t stream);
void cursor_deinit(Cursor *cursor);
void cursor_attach(Cursor *cursor, Feed *feed);
void cursor_attach_at(Cursor *cursor, Feed *feed, uint64_t number);

bool cursor_is_idle(const Cursor *cursor);
bool cursor_is_at_boundary(const Cursor *cursor);
bool cursor_must_recover(const Cursor *cursor);
size_t cursor_n_frame_left(const Cursor *cursor);
void cursor_copy_frame_left(const Cursor *cursor, uint8_t *out);
uint64_t cursor_next_number(const Cursor *cursor);
void cursor_slices(const Cursor *cursor, size_t n_max, StreamSlices *slices);
void cursor_advance(Cursor *cursor, size_t n);
uint64_t cursor_recover(Cursor *cursor, uint64_t *ret_first_number);
uint64_t cursor_give_up(Cursor *cursor, uint64_t next_number);
