/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stddef.h>

__attribute__((format(printf, 1, 2))) void error_print(const char *format, ...);
__attribute__((format(printf, 2, 3))) int error_usage(const char *verb, const char *format, ...);
int error_column(const char *verb, const char *option, const char *name, size_t n_name);
int error_option(const char *verb, int c, char **argv);
