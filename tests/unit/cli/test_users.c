/* SPDX-License-Identifier: Apache-2.0 */
#undef NDEBUG

/*
 * The names of users: each is looked up once, and a slow directory does not stall a screen.
 * The test plays the directory.
 */

#include <assert.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/base/text_width.h"
#include "clients/cli/base/users.h"
#include "tests/unit/text_rig.h"

#define USER_UNKNOWN 4294960000u
#define N_USERS 3000u

static atomic_uint n_asked;
static atomic_uint slow_ms;

/* Takes the place of the function of the C library. */
struct passwd *getpwuid(uid_t uid) {
        static _Thread_local struct passwd user;
        static _Thread_local char name[400];
        static const struct {
                uid_t uid;
                const char *name;
        } known[] = {
                { 0, "root" },
                { 1, "CORP\\alice" },
                { 2, "domain user" },
                { 3, "\xe4\xb8\x96\xe8\x93\xae" },
                { 4, "\xd0\xaf\xff" },
                { 5, "p%s%n" },
        };

        atomic_fetch_add(&n_asked, 1);
        if (slow_ms)
                nanosleep(&(struct timespec){ .tv_sec = slow_ms / 1000, .tv_nsec = slow_ms % 1000 * 1000000L }, NULL);
        if (uid >= USER_UNKNOWN)
                return NULL;
        snprintf(name, sizeof(name), "user-%u", uid);
        for (size_t i = 0; i < sizeof(known) / sizeof(*known); ++i)
                if (known[i].uid == uid)
                        strcpy(name, known[i].name);
        if (uid == 6)
                memset(name, 'x', 300);
        user.pw_name = name;
        return &user;
}

static void test_names(void) {
        static const struct {
                uint32_t uid;
                const char *name;
        } rows[] = {
                { 0, "root" },
                { 1, "CORP\\x5calice" },
                { 2, "domain\\x20user" },
                { 3, "\xe4\xb8\x96\xe8\x93\xae" },
                { 4, "\xd0\xaf\\xff" },
                { 5, "p%s%n" },
                { 7, "user-7" },
                { USER_UNKNOWN, "4294960000" },
                { UINT32_MAX, "4294967295" },
        };
        static Users users;

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); ++i)
                check_text(users_name(&users, rows[i].uid), rows[i].name);
        assert(text_width(users_name(&users, 6), TEXT_LINE) == USERS_NAME_COLUMNS);
        assert(users_name(&users, 6)[USERS_NAME_COLUMNS - 1] == '+');
}

/* More users than any cache had room for, with a name and without; their names stay where they are. */
static void test_once(bool background) {
        static Users caches[2];
        static const char *names[N_USERS];
        Users *users = caches + background;
        char number[16];

        users->background = background;
        n_asked = 0;
        for (int pass = 0; pass < 3; ++pass)
                for (uint32_t i = 0; i < N_USERS; ++i) {
                        uint32_t uid = i % 2 ? USER_UNKNOWN + i : 1000 + i;
                        const char *name = users_name(users, uid);

                        if (pass == 0)
                                names[i] = name;
                        snprintf(number, sizeof(number), i % 2 ? "%u" : "user-%u", uid);
                        if (!background)
                                check_text(name, number);
                        assert(background || name == names[i]);
                }
        while (background && n_asked < N_USERS)
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        assert(n_asked == N_USERS);
}

static uint64_t now_ms(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* The numbers are there at once, and the names later. Each user is still asked for once. */
static void test_slow(void) {
        static Users users = { .background = true };
        uint64_t began;

        slow_ms = 300;
        n_asked = 0;
        began = now_ms();
        for (int pass = 0; pass < 100; ++pass) {
                check_text(users_name(&users, 7), "7");
                check_text(users_name(&users, 8), "8");
                check_text(users_name(&users, USER_UNKNOWN), "4294960000");
        }
        assert(now_ms() - began < 290);
        slow_ms = 0;
        while (strcmp(users_name(&users, 8), "user-8") != 0) {
                assert(now_ms() - began < 20000);
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        }
        check_text(users_name(&users, 7), "user-7");
        assert(n_asked <= 3);
}

/* A directory that answers at once: the first use has the name. */
static void test_quick(void) {
        static Users users = { .background = true };

        check_text(users_name(&users, 0), "root");
        check_text(users_name(&users, USER_UNKNOWN), "4294960000");
}

static void test_numeric(void) {
        static Users users, numeric = { .numeric = true };

        check_text(users_name(&numeric, 0), "0");
        check_text(users_name(&numeric, UINT32_MAX), "4294967295");
        assert(users_compare(&numeric, 9, 10) < 0 && users_compare(&numeric, 10, 9) > 0);
        assert(users_compare(&numeric, 10, 10) == 0);
        /* Names are compared as texts. */
        assert(users_compare(&users, 4294960000u, 0) < 0 && users_compare(&users, 0, 4294960000u) > 0);
        assert(users_compare(&users, 0, 0) == 0);
}

int main(void) {
        test_names();
        test_once(false);
        test_once(true);
        test_slow();
        test_quick();
        test_numeric();
        return 0;
}
