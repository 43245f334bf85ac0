/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The values of options. A value is read strictly: all of the text, or nothing.
 *
 * Called by the verbs, which print the messages about wrong values. Pure, but for the
 * look-up of user names.
 */

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/base/option.h"

#define NS_PER_S 1000000000u

/* Thirty years: longer than any use, and far from any overflow. */
#define SECONDS_MAX 1000000000u

/**
 * option_next_name() - take the next name of a list such as "pid,user"
 * @list:       the rest of the list; NULL after the last name
 * @ret_name:   output: points into the list, and has no NUL at the end
 * @ret_n:      output: the length; 0 between two commas, and for ""
 *
 * Return: Whether there was a name.
 */
bool option_next_name(const char **list, const char **ret_name, size_t *ret_n) {
        size_t n;

        if (!*list)
                return false;

        n = strcspn(*list, ",");
        *ret_name = *list;
        *ret_n = n;
        *list = (*list)[n] ? *list + n + 1 : NULL;
        return true;
}

bool option_read_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret_number) {
        uint64_t number = 0;

        if (!*text)
                return false;

        for (; *text; ++text) {
                if (*text < '0' || *text > '9')
                        return false;
                if (__builtin_mul_overflow(number, 10u, &number) ||
                    __builtin_add_overflow(number, (uint64_t)(*text - '0'), &number))
                        return false;
        }
        if (number < min || number > max)
                return false;

        *ret_number = number;
        return true;
}

/**
 * option_read_seconds() - read a span of time such as "2", "0.25" or ".5"
 * @text:       the value of the option
 * @ret_ns:     output: nanoseconds
 *
 * strtod() would take "inf", "0x10" and the comma of the locale.
 *
 * Return: Whether it is a decimal number greater than 0 and not too large.
 */
bool option_read_seconds(const char *text, uint64_t *ret_ns) {
        uint64_t seconds = 0, ns = 0, unit = NS_PER_S;
        bool digits = false;

        for (; *text >= '0' && *text <= '9'; ++text) {
                seconds = seconds * 10 + (uint64_t)(*text - '0');
                if (seconds > SECONDS_MAX)
                        return false;
                digits = true;
        }
        if (*text == '.') {
                for (text++; *text >= '0' && *text <= '9'; ++text) {
                        unit /= 10;
                        ns += unit * (uint64_t)(*text - '0');
                        digits = true;
                }
        }
        if (*text || !digits || (seconds == 0 && ns == 0))
                return false;

        *ret_ns = seconds * NS_PER_S + ns;
        return true;
}

static bool option_read_kind(const char *name, size_t n_name, uint32_t *kinds) {
        if (n_name == strlen("all") && memcmp(name, "all", n_name) == 0) {
                *kinds |= TB_KINDS_ALL;
                return true;
        }

        for (unsigned int kind = 0; kind < 32; ++kind) {
                const char *known = tb_kind_name((enum tb_kind)kind);

                if (known && strlen(known) == n_name && memcmp(known, name, n_name) == 0) {
                        *kinds |= TB_KIND_BIT(kind);
                        return true;
                }
        }

        return false;
}

/**
 * option_read_kinds() - read a list of kinds such as "fork,exit"
 * @text:       the value of the option
 * @ret_kinds:  output: the kinds as TB_KIND_BIT()s
 * @wrong:      output: the first name that is not a kind
 * @n_wrong:    the size of @wrong
 *
 * Return: Whether every name is a kind.
 */
bool option_read_kinds(const char *text, uint32_t *ret_kinds, char *wrong, size_t n_wrong) {
        uint32_t kinds = 0;
        const char *name;
        size_t n;

        while (option_next_name(&text, &name, &n))
                if (!option_read_kind(name, n, &kinds)) {
                        snprintf(wrong, n_wrong, "%.*s", (int)(n < 64 ? n : 64), name);
                        return false;
                }

        *ret_kinds = kinds;
        return true;
}

/* Reads the number or the name of a user. A name of digits only is a number. */
bool option_read_user(const char *text, uid_t *ret_uid) {
        const struct passwd *user;
        uint64_t number;

        if (option_read_number(text, 0, UINT32_MAX - 1, &number)) {
                *ret_uid = (uid_t)number;
                return true;
        }

        user = getpwnam(text);
        if (!user)
                return false;

        *ret_uid = user->pw_uid;
        return true;
}
