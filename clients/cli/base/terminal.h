/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

size_t terminal_width(int fd);
bool terminal_utf8(void);
