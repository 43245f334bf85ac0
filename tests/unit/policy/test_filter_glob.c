/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/* Compiled patterns of names: the results of fnmatch() in the C locale, with bounded and counted work. */

#include <fnmatch.h>

#include "broker/base/util.h"
#include "broker/policy/filter_glob.h"
#include "broker/policy/filter_matcher.h"
#include "tests/unit/harness.h"

/* The most steps that one name may take: a look-up, and for each word a step and its bytes. */
#define WORD_STEPS (1u + COMM_SIZE - 1)

static FilterGlob *compile(const char *const *patterns, size_t n) {
        FilterGlob *glob = filter_glob_new();

        assert(glob);
        for (size_t i = 0; i < n; ++i)
                assert(filter_glob_add(&glob, patterns[i]));
        return glob;
}

static bool match(FilterGlob *glob, const char *name) {
        uint64_t n_steps = 0;

        return filter_glob_match(glob, name, &n_steps);
}

/* Each name twice: matched, and remembered. */
static void check_equal(FilterGlob *glob, const char *const *patterns, size_t n, const char *name) {
        bool expected = false;

        for (size_t i = 0; i < n; ++i)
                expected |= fnmatch(patterns[i], name, 0) == 0;
        if (match(glob, name) != expected || match(glob, name) != expected) {
                fprintf(stderr, "the first of %zu patterns: \"%s\", name \"%s\"\n", n, patterns[0], name);
                abort();
        }
}

static void test_patterns(void) {
        static const char *const patterns[] = {
                "", "a", "abc", "?", "??", "*", "**", "a*", "*a", "*a*", "a*b*c", "*a?", "*?*?", "\\*", "\\", "a\\",
                "[abc]", "[a-c]", "[c-a]", "[!a]", "[^a]", "[!a-c]*", "[]]", "[!]]", "[]a]", "[a]]", "[a-]", "[-a]",
                "[a-b-c]", "[\\]]", "[\\a-\\c]", "[a", "[", "[[", "[!", "[]", "[a-", "[a\\", "a[b", "*[b", "[[a]",
                "[[:alpha:]]", "[![:alpha:]]", "[[:alpha:][:digit:]]*", "[[:foo:]]", "[[:alpha:]", "[[:alpha]]",
                "[[:Alpha:]]", "[[:]]", "[[=a=]]", "[[=a=]-c]", "[[=ab=]]", "[[.a.]]", "[[.a.]-c]", "[[.-.]]",
                "[[.ab.]]", "[a-[.c.]]", "[[.a", "[[=a", "[a[.b]", "[b[=]", "[ba-[:alpha:]]", "[a[:foo:]]",
                "*[[:alpha:]]*[[:digit:]]", "\xc3\xa9*", "[\xc3\xa9]", "?\xa9", "[\x80-\xff]", "[!\xff]", "\\\xff",
                "/*", "*/*", ".*", "[./]*",
        };
        static const char *const names[] = {
                "", "a", "b", "c", "d", "ab", "abc", "aXbXc", "bca", "*", "\\", "[", "]", "[a", "[b", "a[b", "a]",
                "-", "-]", "a-", "!", "^", ":", "a:]", "l]", "[:alpha:]", "a1", "A", "z", "0", "xyz9", "\xc3\xa9",
                "\xc3", "\xa9", "\xff", "\x80", "\x7f", "\x01", " ", "/", "a/b", ".a", "0123456789abcde",
        };

        for (size_t i = 0; i < ARRAY_SIZE(patterns); ++i) {
                FilterGlob *glob = compile(&patterns[i], 1);

                for (size_t k = 0; k < ARRAY_SIZE(names); ++k)
                        check_equal(glob, &patterns[i], 1, names[k]);
                filter_glob_free(glob);
        }
}

/* Returns the length. */
static size_t make_pattern(uint64_t *state, char text[static FILTER_GLOB_BYTES_MAX + 1]) {
        static const char *const parts[] = {
                "[", "]", "[!", "^", "-", "\\", "*", "?", ":", "=", ".", "a", "b", "c", "z", "/", "\xc3", "\xa9",
                "\xff", "[:alpha:]", "[:digit:]", "[:foo:]", "[:", "[=a=]", "[.b.]", "[.-.]", "[[:alpha:]]", "[a-c]",
                "[!a]", "0", "A",
        };
        size_t n = 0;

        text[0] = 0;
        for (uint64_t left = 1 + random_below(state, 20); left > 0; --left) {
                const char *part = parts[random_below(state, ARRAY_SIZE(parts))];

                if (n + strlen(part) > FILTER_GLOB_BYTES_MAX)
                        break;
                strcpy(text + n, part);
                n += strlen(part);
        }
        return n;
}

/* Names of bytes of the pattern, of others that are often in patterns, and of any. */
static void make_name(uint64_t *state, const char *pattern, size_t n_pattern, char name[static COMM_SIZE]) {
        static const char others[] = "abcz0A[]-\\!:\xc3\xa9";
        size_t n = random_below(state, 7);

        memset(name, 0, COMM_SIZE);
        for (size_t i = 0; i < n; ++i) {
                uint64_t kind = random_below(state, 8);

                name[i] = kind < 4 ? pattern[random_below(state, n_pattern)]
                          : kind < 7 ? others[random_below(state, sizeof(others) - 1)]
                                     : (char)(1 + random_below(state, 255));
        }
}

/*
 * Any patterns and names, some of them no UTF-8, alone and several at a time. The C library commits itself to the first
 * match behind a '*'. That makes a difference only if a bracket expression has two ends.
 */
static void test_random(void) {
        static char texts[4][FILTER_GLOB_BYTES_MAX + 1];
        const char *patterns[4];
        uint64_t state = 4711;
        size_t n_matched = 0, n_odd = 0;

        for (int round = 0; round < 20000; ++round) {
                size_t n = 1 + random_below(&state, ARRAY_SIZE(texts)), n_first = 0;
                bool commits = false;
                FilterGlob *glob;

                for (size_t i = 0; i < n; ++i) {
                        size_t n_pattern = make_pattern(&state, texts[i]);

                        n_first = i == 0 ? n_pattern : n_first;
                        patterns[i] = texts[i];
                        commits |= strchr(texts[i], '*') != NULL;
                }
                glob = compile(patterns, n);
                n_odd += filter_glob_is_odd(glob);
                for (int k = 0; k < 30; ++k) {
                        char name[COMM_SIZE];

                        make_name(&state, texts[0], n_first, name);
                        if (!filter_glob_is_odd(glob) || !commits)
                                check_equal(glob, patterns, n, name);
                        n_matched += match(glob, name);
                }
                filter_glob_free(glob);
        }
        assert(n_matched > 5000 && n_odd > 10);
}

/* The work for a name: no more than a step a byte and a word of patterns, however the patterns are built. */
static void test_worst(void) {
        static const char *const worst[] = {
                "*[[:alpha:]]*[[:alpha:]]*[[:alpha:]]*[[:alpha:]]*[[:alpha:]]z",
                "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*z",
                "?????????????????????????????????????????????????????????????z",
                "*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?*?z",
                "[ba-[:alpha:]*][ba-[:alpha:]*][ba-[:alpha:]*][ba-[:alpha:]*]z",
        };
        static const char *const names[] = { "aaaaaaaaaaaaaaa", "ababababababab", "abcdefghijklmno", "]*]*]a]*]a]a]" };

        for (size_t i = 0; i < ARRAY_SIZE(worst); ++i) {
                const char *patterns[FILTER_COMMS_MAX];
                FilterGlob *glob;

                for (size_t k = 0; k < ARRAY_SIZE(patterns); ++k)
                        patterns[k] = worst[i];
                glob = compile(patterns, ARRAY_SIZE(patterns));
                assert(filter_glob_size(glob) < 48 * 1024);
                for (size_t k = 0; k < ARRAY_SIZE(names); ++k) {
                        uint64_t n_steps = 0;

                        assert(!filter_glob_match(glob, names[k], &n_steps));
                        assert(n_steps <= 1 + FILTER_COMMS_MAX * WORD_STEPS || filter_glob_is_odd(glob));
                        assert(n_steps <= FILTER_STEPS_MAX / 2);
                        /* the latest names are remembered */
                        n_steps = 0;
                        assert(!filter_glob_match(glob, names[k], &n_steps) && n_steps == 1);
                }
                filter_glob_free(glob);
        }
}

/* Plain patterns share words: sixteen of them are hardly more work than one. */
static void test_plain(void) {
        static const char *const patterns[] = {
                "nginx*", "postgres*", "redis*", "sshd*",  "cron*",    "java*", "node*",    "php-fpm*",
                "python3", "ruby*",    "mysqld*", "httpd*", "haproxy*", "etcd*", "kubelet*", "dockerd*",
        };
        FilterGlob *glob = compile(patterns, ARRAY_SIZE(patterns));
        uint64_t n_steps = 0;

        assert(filter_glob_match(glob, "kubelet", &n_steps) && n_steps <= 2 * WORD_STEPS);
        n_steps = 0;
        assert(!filter_glob_match(glob, "flood", &n_steps) && n_steps <= 10);
        filter_glob_free(glob);
}

int main(void) {
        test_patterns();
        test_random();
        test_worst();
        test_plain();
        return 0;
}
