/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

__attribute__((format(printf, 1, 2))) void complain(const char *format, ...);
__attribute__((format(printf, 2, 3))) int complain_usage(const char *verb, const char *format, ...);
int complain_option(const char *verb, int c, char **argv);
