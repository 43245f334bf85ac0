/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

int cgroup_path_resolve(const char *mounts, const char *value, char *path, size_t n_path);
