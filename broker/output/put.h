/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes around members that are encoded already: tags, lengths, and the header of a
 * frame. Each function returns the number of bytes. Only encode_*.c calls them.
 */

#include <stddef.h>
#include <stdint.h>

size_t put_varint(uint8_t *data, uint64_t value);
size_t put_fixed64(uint8_t *data, uint64_t value);
size_t put_member_prefix(uint8_t *data, size_t room, uint8_t tag, size_t n);
size_t put_frame_header(uint8_t *buffer, uint8_t tag, const uint8_t *fields, size_t n_fields, size_t n_members);
