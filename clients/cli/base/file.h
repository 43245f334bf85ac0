/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

const char *file_error(int error);
int file_replace(const char *path, const char *data, size_t n_data);
