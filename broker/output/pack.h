/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Pack: a message of the generated code as the bytes that protobuf-c makes of it, by
 * half the instructions. Only encode*.c include it.
 */

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>
#include <stdint.h>

size_t pack_message(const ProtobufCMessage *message, uint8_t *buffer);
